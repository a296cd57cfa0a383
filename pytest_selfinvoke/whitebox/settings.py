"""What a search may spend, and how it is written: ``gcg@steps=20@width=32:FILE``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import UnknownNameError, UserError

#: Method -> whether its candidates are led by gradients.
METHODS = {
    "hotflip": True,
    "gcg": True,
    "random": False,
    "patch": True,
    "patch-random": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """A method and its budget.

    Each of ``steps`` exchanges one word, and tries ``width`` exchanges with a forward
    pass each. ``gcg`` draws them from the ``top_k`` best of each place by the gradient.
    A patch has ``words`` words and is trained on ``train`` problems at most.
    """

    method: str
    steps: int = 4
    width: int = 16
    top_k: int = 64
    words: int = 8
    train: int = 8

    @property
    def is_guided(self) -> bool:
        """Whether gradients choose the candidates."""
        return METHODS[self.method]

    @property
    def is_patch(self) -> bool:
        """Whether one text is searched for all problems."""
        return self.method.startswith("patch")

    def to_json(self) -> dict[str, Any]:
        """Plain data: two searches of equal settings are one."""
        return asdict(self)


def parse_search(text: str) -> tuple[SearchSettings, Path]:
    """The settings and the file of ``METHOD[@NAME=VALUE...]:FILE``.

    :raises UserError: if it is none.
    """
    what, _, file = text.partition(":")
    method, *assignments = what.split("@")
    if not file:
        raise UserError(f"{text!r}: write METHOD[@steps=N][@width=N]:FILE")
    if method not in METHODS:
        raise UnknownNameError("white-box search", method, METHODS)
    names = [field.name for field in fields(SearchSettings) if field.name != "method"]
    values: dict[str, int] = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if name not in names:
            raise UnknownNameError(f"setting of {method}", name, names)
        if not value.isdecimal() or int(value) < 1:
            raise UserError(f"{method}: {name} must be a whole number above 0")
        values[name] = int(value)
    return SearchSettings(method=method, **values), Path(file).expanduser()
