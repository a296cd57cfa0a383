"""Find the natural-language words of a prompt: docstrings and comments, and only there.

Never part of the prose: code, ``>>>`` examples with their expected output, quoted
strings, numbers, and every identifier that the code defines or uses.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Iterator

_WORD = re.compile(r"(?<![\w'\"`.])[A-Za-z]{2,}(?![\w'\"`(\[=]|\.\w)")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`")


def change_words(code: str, change: Callable[[str], str]) -> str:
    """The code with every word of its prose passed through a function.

    :param code: Python source that may end after a signature or docstring.
    """
    names = _names(code)

    def changed_line(line: str) -> str:
        shielded = [match.span() for match in _QUOTED.finditer(line)]

        def changed(match: re.Match[str]) -> str:
            inside = any(a <= match.start() < b for a, b in shielded)
            word = match.group()
            return word if inside or word in names else change(word)

        return _WORD.sub(changed, line)

    lines = code.splitlines(keepends=True)
    for row, start, end in prose_spans(code):
        line = lines[row]
        lines[row] = line[:start] + changed_line(line[start:end]) + line[end:]
    return "".join(lines)


def prose_spans(code: str) -> Iterator[tuple[int, int, int]]:
    """(row, start, end) of each stretch of prose; rows count from 0, columns too."""
    lines = code.splitlines(keepends=True)
    for token in _tokens(code):
        row, column = token.start[0] - 1, token.start[1]
        if token.type == tokenize.COMMENT:
            yield row, column + 1, token.end[1]
        elif token.type == tokenize.STRING and token.string.endswith(('"""', "'''")):
            yield from _docstring_spans(lines, token)


def _docstring_spans(
    lines: list[str], token: tokenize.TokenInfo
) -> Iterator[tuple[int, int, int]]:
    (first, start), (last, end) = token.start, token.end
    example = False
    for row in range(first - 1, last):
        begin = start + 3 if row == first - 1 else 0
        stop = end - 3 if row == last - 1 else len(lines[row].rstrip("\n"))
        text = lines[row][begin:stop].strip()
        # An example runs from its prompt to the next blank line, as doctest reads it.
        example = text.startswith(">>>") or (example and bool(text))
        if text and not example:
            yield row, begin, stop


def _tokens(code: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(code).readline)
    except (tokenize.TokenError, SyntaxError):
        # A prompt ends where the body is to begin: what came before is complete.
        return


def _names(code: str) -> set[str]:
    return {token.string for token in _tokens(code) if token.type == tokenize.NAME}
