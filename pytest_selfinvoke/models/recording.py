"""The completions of a file, to be found by case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pytest_selfinvoke.core.records import Completion

#: Field of a line -> column of a case. The order decides between lines that state
#: equally many fields.
SELECTORS = {
    "case": "id",
    "attack": "attack",
    "attack_seed": "attack_seed",
    "sample": "sample",
    "model": "model",
    "benchmark": "benchmark",
    "problem": "problem",
}

Fields: TypeAlias = tuple[str, ...]
Values: TypeAlias = tuple[Any, ...]


class Recording:
    """The completions of a file, by the fields that its lines state.

    ``tasks`` are the names of another harness, each with the ids of the problems that
    it may mean. ``continues`` says that the completions go on where a prompt ends.
    """

    def __init__(self) -> None:
        self._tables: dict[Fields, dict[Values, Completion]] = {}
        self.tasks: dict[str, tuple[str, ...]] = {}
        self.continues = False

    def add(self, line: Mapping[str, Any]) -> bool:
        """Take in a checked line; ``False`` if it contradicts an earlier one."""
        stated = tuple(name for name in SELECTORS if name in line)
        completion = Completion(
            text=line["completion"], finish_reason=line.get("finish_reason", "stop")
        )
        table = self._tables.setdefault(stated, {})
        key = tuple(line[name] for name in stated)
        return table.setdefault(key, completion) == completion

    def rank(self) -> None:
        """Put the most specific lines first, to be found first."""
        self._tables = dict(sorted(self._tables.items(), key=_specificity))

    def find(self, case: Mapping[str, Any]) -> Completion | None:
        """The completion of the most specific line that agrees with a case."""
        for stated, table in self._tables.items():
            key = tuple(case.get(SELECTORS[name]) for name in stated)
            if key in table:
                return table[key]
        return None


def _specificity(item: tuple[Fields, object]) -> tuple[object, ...]:
    """Sort key: an exact case, then more fields before fewer, then by selector."""
    stated = item[0]
    by_order = tuple(name not in stated for name in SELECTORS)
    return ("case" not in stated, -len(stated), by_order)
