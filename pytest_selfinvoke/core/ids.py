"""The grammar of test ids: ``benchmark::model::problem::variant``.

Segments hold letters, digits and ``. _ + / -`` only: no ``::``, ``[``, ``@``, blanks
or machine paths, so that an id can be pasted back, matched by ``-k`` and deselected.
"""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.+/-]+")
SEPARATOR = "::"


def segment(text: str) -> str:
    """The text as one segment of an id."""
    cleaned = _FORBIDDEN.sub("-", text).strip("-/")
    return cleaned or "unnamed"


def padded(prefix: str, number: int, width: int) -> str:
    """``HumanEval_007``: zero-padded, for ``--deselect`` matches prefixes."""
    return f"{prefix}_{number:0{width}d}"


def unique(labels: list[str]) -> list[str]:
    """The labels in order, repeated ones numbered ``-2``, ``-3``, ..."""
    taken: set[str] = set()
    result = []
    for label in labels:
        candidate, count = label, 1
        while candidate in taken:
            count += 1
            candidate = f"{label}-{count}"
        taken.add(candidate)
        result.append(candidate)
    return result
