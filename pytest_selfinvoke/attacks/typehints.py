"""Leave the type hints of signatures out."""

from __future__ import annotations

import tokenize
from collections.abc import Iterator
from functools import lru_cache

from pytest_selfinvoke.attacks.tokens import line_starts, tokens

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


@lru_cache(maxsize=4096)
def without_types(code: str) -> str:
    """Code whose functions have no annotations; it may end after a signature."""
    starts = line_starts(code)
    parts, at = [], 0
    for start, end in _annotations(code):
        first = starts[start[0] - 1] + start[1]
        last = starts[end[0] - 1] + end[1]
        kept = code[at:first]
        parts.append(kept.rstrip(" ") if code[first : first + 2] == "->" else kept)
        at = last
        if code[at : at + 3] == " = ":
            # ``x: int = 1`` is written ``x=1`` without its type.
            parts.append("=")
            at += 3
    return "".join([*parts, code[at:]])


def _annotations(
    code: str,
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations begin and end, their ``:`` or ``->`` with them."""
    depth, inside, begun, of_result = 0, False, None, False
    last = (1, 0)
    for token in tokens(code):
        text = token.string
        if token.type == tokenize.NAME and text in ("def", "lambda"):
            inside, depth, begun = text == "def", 0, None
        elif inside and token.type == tokenize.OP:
            depth += (text in _OPEN) - (text in _CLOSE)
            ends = (depth == 1 and text in (",", "=")) or (depth == 0 and text == ")")
            is_body = depth == 0 and text == ":"
            if begun is not None and (is_body or (ends and not of_result)):
                yield begun, last
                begun = None
            elif begun is None and (depth, text) in ((1, ":"), (0, "->")):
                begun, of_result = token.start, text == "->"
            inside = not is_body
        if token.type != tokenize.NL:
            last = token.end
