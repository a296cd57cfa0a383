"""Tokens of code that may end in the middle, and where its lines begin."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator


def tokens(code: str) -> Iterator[tokenize.TokenInfo]:
    """The tokens up to where the code cannot be read on.

    A prompt ends where a body is to begin: what came before is complete.
    """
    try:
        yield from tokenize.generate_tokens(io.StringIO(code).readline)
    except (tokenize.TokenError, SyntaxError):
        return


def line_starts(code: str) -> list[int]:
    """The offset of each line, and that of the end."""
    starts = [0]
    for line in code.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts
