"""The records of a run that one file of another harness can hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.store import read_records


def select(
    folder: Path,
    *,
    attack: str | None = None,
    model: str | None = None,
    benchmark: str | None = None,
) -> list[Record]:
    """The records of one model on one benchmark, by problem, attack, seed and sample.

    :param folder: a run directory.
    :param attack: this attack's only.
    :param model: may be left out if the run has one; ``benchmark`` likewise.
    :raises UserError: if there are several models or benchmarks, or nothing is left.
    :raises DataError: if a record is broken.
    """
    records = list(read_records(folder))
    for column, chosen in (
        ("benchmark", benchmark),
        ("model", model),
        ("attack", attack),
    ):
        there = _values(records, column)
        if chosen is None and column != "attack" and len(there) > 1:
            raise UserError(
                f"{folder} has several {column}s: choose with --{column} one of "
                f"{', '.join(there)}"
            )
        if chosen is not None and chosen not in there:
            known = ", ".join(there) or "none"
            raise UserError(f"{folder} has no {column} {chosen!r}; it has {known}")
        if chosen is not None:
            records = [r for r in records if r.case[column] == chosen]
    if not records:
        raise UserError(f"{folder} has no records")
    return sorted(records, key=_place)


def _values(records: Iterable[Record], column: str) -> list[str]:
    return sorted({str(record.case[column]) for record in records})


def _place(record: Record) -> tuple[str, str, int, int]:
    case = record.case
    seed = -1 if case["attack_seed"] is None else int(case["attack_seed"])
    return str(case["problem"]), str(case["attack"]), seed, int(case["sample"])
