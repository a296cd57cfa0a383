"""Find the natural-language words of a prompt: docstrings and comments, and only there.

Never part of the prose: code, ``>>>`` examples with their expected output, lines that
show a call with its result, quoted strings, numbers, and every identifier that the code
defines or uses.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Callable, Iterator
from functools import lru_cache

from pytest_selfinvoke.attacks.tokens import line_starts, tokens

_WORD = re.compile(r"(?<![\w'\"`.])[A-Za-z]{2,}(?![\w'\"`(\[=]|\.\w)")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`")
#: ``f(1, 2) -> 3``, ``f([1]) == 2``, ``f(1) returns 2``, ``[1, 2] => 3``, ``x = 3``
_SHOWN = re.compile(
    r"\w\(.*\)\s*(?:->|=|➞|returns?\b|should\b)|(?:->|=>|➞)|^\s*\w+\s*="
)
_CODE_WORDS = frozenset(("True", "False", "None"))


def change_words(code: str, change: Callable[[str], str]) -> str:
    """The code with every word of its prose passed through a function.

    :param code: Python source that may end after a signature or docstring.
    """
    parts, at = [], 0
    for start, end in prose_words(code):
        parts += [code[at:start], change(code[start:end])]
        at = end
    return "".join([*parts, code[at:]])


@lru_cache(maxsize=4096)
def prose_words(code: str) -> tuple[tuple[int, int], ...]:
    """Where the words of the prose stand, as offsets, in order.

    Words that the code uses as names, and ``True``, ``None`` and the like, are none.
    """
    names = _names(code)
    return tuple(
        (start + match.start(), start + match.end())
        for start, end in prose_spans(code)
        for match in _free_words(code[start:end])
        if match.group() not in names and match.group() not in _CODE_WORDS
    )


@lru_cache(maxsize=4096)
def prose_spans(code: str) -> tuple[tuple[int, int], ...]:
    """Offsets of each stretch of prose within one line, in order."""
    lines = code.splitlines(keepends=True)
    starts = line_starts(code)
    found = []
    for token in tokens(code):
        row, column = token.start[0] - 1, token.start[1]
        if token.type == tokenize.COMMENT:
            found.append((row, column + 1, token.end[1]))
        elif token.type == tokenize.STRING and token.string.endswith(('"""', "'''")):
            found += _docstring_spans(lines, token)
    return tuple(
        (starts[row] + start, starts[row] + end)
        for row, start, end in found
        if not _SHOWN.search(lines[row][start:end])
    )


def _free_words(text: str) -> Iterator[re.Match[str]]:
    shielded = [match.span() for match in _QUOTED.finditer(text)]
    for match in _WORD.finditer(text):
        if not any(a <= match.start() < b for a, b in shielded):
            yield match


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


def _names(code: str) -> frozenset[str]:
    return frozenset(
        token.string for token in tokens(code) if token.type == tokenize.NAME
    )
