"""Records packed for the page: an index of all cases, and their texts in chunks.

The page unpacks the index when it opens and a chunk when one of its cases is looked at.
Both are JSON, compressed, in base64: an alphabet that cannot end an HTML element.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from typing import Any

from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.case import anatomy_facts

#: Size at which a chunk is closed, in characters of JSON: some hundred cases, which
#: unpack in the blink of an eye and compress one another's prompts away.
CHUNK = 1 << 20

#: Fields of a record, and columns of its case, that the page shows for one case only.
_SHOWN = (
    *("detail", "prompt", "prompt_diff", "completion", "extraction", "program"),
    *("execution", "durations"),
)
_CASE = ("attack_seed", "style", "sample", "seed")

NOT_JUDGED = {"error": "not judged", "skipped": "skipped"}


def outcome(record: Record) -> str:
    """The verdict, or why there is none."""
    if record.verdict is None:
        return NOT_JUDGED.get(record.status.value, record.status.value)
    return record.verdict.value.replace("_", " ")


def text_of(name: str) -> str:
    """A name without lone surrogates, which cannot stand in a link."""
    return name.encode("utf-8", "replace").decode()


class Column:
    """Texts as numbers: each distinct one is kept once."""

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.values: list[int] = []

    def add(self, text: str) -> None:
        """Append one value."""
        self.values.append(self.names.setdefault(text, len(self.names)))

    def to_json(self) -> dict[str, Any]:
        """What the page reads."""
        return {"names": list(self.names), "values": self.values}


class CaseList:
    """Takes records one by one and keeps them compressed."""

    def __init__(self) -> None:
        self.chunks: list[str] = []
        self._open: list[str] = []
        self._size = 0
        self._columns = {
            name: Column()
            for name in ("model", "benchmark", "problem", "attack", "family", "verdict")
        }
        self._ids: list[str] = []
        self._samples: list[int] = []
        self._places: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, record: Record) -> None:
        """Pack one record."""
        case = record.case
        for name in ("model", "benchmark", "problem", "attack"):
            self._columns[name].add(text_of(str(case[name])))
        family = case.get("family") or str(case["attack"]).partition(".")[0]
        self._columns["family"].add(text_of(str(family)))
        self._columns["verdict"].add(outcome(record))
        self._ids.append(text_of(record.id))
        self._samples.append(int(case.get("sample") or 0))
        self._places.append([len(self.chunks), len(self._open)])
        text = dumps(_details(record))
        self._open.append(text)
        self._size += len(text)
        if self._size >= CHUNK:
            self._close()

    def finish(self, effects: Mapping[str, str]) -> str:
        """The packed index; call it once, after the last record.

        :param effects: what the attack did, by case id, where it did something.
        """
        if self._open:
            self._close()
        order = sorted(range(len(self._ids)), key=self._ids.__getitem__)
        data: dict[str, Any] = {
            "id": [self._ids[i] for i in order],
            "sample": [self._samples[i] for i in order],
            "place": [self._places[i] for i in order],
            "effect": [effects.get(self._ids[i], "") for i in order],
        }
        for name, column in self._columns.items():
            column.values = [column.values[i] for i in order]
            data[name] = column.to_json()
        return _packed(dumps(data))

    def _close(self) -> None:
        self.chunks.append(_packed(f"[{','.join(self._open)}]"))
        self._open, self._size = [], 0


def _details(record: Record) -> dict[str, Any]:
    """What the page shows of a case; what says nothing is left out."""
    data = {name: getattr(record, name) for name in _SHOWN}
    data["case"] = {name: record.case.get(name) for name in _CASE}
    data["anatomy"] = anatomy_facts(record)
    return {k: value for k, value in data.items() if value not in (None, "", {}, [])}


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()
