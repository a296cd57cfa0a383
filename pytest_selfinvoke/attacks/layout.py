"""The physical lines of a program: how deep, whether complete, where to break them."""

from __future__ import annotations

import io
import token
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError

#: Python 3.12 and later take f-strings apart; 3.11 has one token for each.
_F_START = {getattr(token, n, -1) for n in ("FSTRING_START", "TSTRING_START")}
_F_END = {getattr(token, n, -1) for n in ("FSTRING_END", "TSTRING_END")}
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_QUIET = {tokenize.NL, tokenize.COMMENT, tokenize.ENDMARKER, tokenize.NEWLINE}


@dataclass(slots=True, kw_only=True)
class Line:
    """One line, its line end included.

    ``indent`` is the part of its leading blanks that stands for ``level`` levels.
    A ``is_quoted`` line begins inside of a string whose text matters. After a
    ``is_complete`` line, another line may be inserted. ``breaks`` are the columns of
    tokens inside of brackets: a line may end before each.
    """

    text: str
    indent: str = ""
    level: int = 0
    is_quoted: bool = False
    is_complete: bool = False
    breaks: tuple[int, ...] = ()


@lru_cache(maxsize=1024)
def layout(code: str) -> tuple[Line, ...]:
    """The lines of a program.

    :raises NotApplicableError: if it cannot be tokenized.
    """
    lines = [Line(text=f"{text}\n") for text in code.split("\n")]
    try:
        _Reader(lines).read(tokenize.generate_tokens(io.StringIO(code).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise NotApplicableError(f"the code cannot be tokenized: {error}") from error
    return tuple(lines)


class _Reader:
    """Walks the tokens once and notes what it learns on the lines."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.stack = [""]
        self.previous_stack = self.stack
        self.brackets = 0
        self.f_strings: list[int] = []
        self.comments: list[int] = []
        self.first_row: int | None = None
        self.tokens = 0
        self.strings: list[tuple[int, int]] = []

    def read(self, tokens: Iterable[tokenize.TokenInfo]) -> None:
        for item in tokens:
            if item.type == tokenize.INDENT:
                self.stack = [*self.stack, item.string]
            elif item.type == tokenize.DEDENT:
                self.stack = self.stack[:-1]
            elif item.type == tokenize.NEWLINE:
                self.end_logical_line(item.start[0] - 1)
            elif item.type == tokenize.COMMENT and self.first_row is None:
                self.comments.append(item.start[0] - 1)
            elif item.type not in _QUIET:
                self.take(item)

    def take(self, item: tokenize.TokenInfo) -> None:
        row, column = item.start[0] - 1, item.start[1]
        if self.first_row is None:
            self.begin_logical_line(row)
        self.tokens += 1
        if item.type in _F_START:
            self.f_strings.append(row)
        elif item.type in _F_END:
            self.strings.append((self.f_strings.pop() + 1, item.end[0]))
            self.tokens += 1
        if self.f_strings:
            return
        line = self.lines[row]
        before = line.text[:column]
        if item.type == tokenize.OP and item.string in _CLOSING:
            self.brackets -= 1
        elif self.brackets and before.strip() and before.endswith((" ", *_OPENING)):
            line.breaks = (*line.breaks, column)
        if item.type == tokenize.OP and item.string in _OPENING:
            self.brackets += 1
        if item.type == tokenize.STRING:
            self.strings.append((row + 1, item.end[0]))

    def begin_logical_line(self, row: int) -> None:
        self.first_row, self.tokens, self.strings = row, 0, []
        for comment in self.comments:
            text = self.lines[comment].text
            blanks = text[: len(text) - len(text.lstrip())]
            # A comment may end the block above it or begin the one below.
            for stack in (self.stack, self.previous_stack):
                if blanks in stack:
                    self.indent(comment, blanks, stack.index(blanks))
                    break
        self.comments = []
        self.previous_stack = self.stack

    def end_logical_line(self, row: int) -> None:
        assert self.first_row is not None
        is_text = self.tokens == 1 and bool(self.strings)
        quoted = {r for first, last in self.strings for r in range(first, last)}
        for each in range(self.first_row, row + 1):
            if each in quoted and not is_text:
                self.lines[each].is_quoted = True
            elif self.lines[each].text.startswith(self.stack[-1]):
                self.indent(each, self.stack[-1], len(self.stack) - 1)
        self.lines[row].is_complete = True
        self.first_row = None

    def indent(self, row: int, blanks: str, level: int) -> None:
        self.lines[row].indent, self.lines[row].level = blanks, level
