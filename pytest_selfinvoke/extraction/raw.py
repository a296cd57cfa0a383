"""The answer as it stands: what an evaluation without any cleaning would run."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^[ \t]*```[^\n]*(?:\n|\Z)", re.MULTILINE)


def raw_program(text: str, prefix: str) -> str:
    """The code up to the next fence, after what the prompt already holds of it.

    Without a prefix the first fenced block, or all of the text if there is none. This
    is what the evaluation of arXiv 2412.21199 calls raw: nothing is cut or repaired.
    """
    fence = _FENCE.search(text)
    if prefix:
        return prefix + (text[: fence.start()] if fence else text)
    if fence is None:
        return text
    end = _FENCE.search(text, fence.end())
    return text[fence.end() : end.start() if end else len(text)]
