from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.selection import select
from pytest_selfinvoke.results.store import RunDirectory


def record(problem: str = "p", **columns: Any) -> Record:
    case = {
        "benchmark": "b",
        "problem": problem,
        "model": "m",
        "attack": "clean",
        "attack_seed": None,
        "sample": 0,
        **columns,
    }
    case["id"] = "::".join(map(str, case.values()))
    return Record(case=case, status=Status.PASSED, verdict=Verdict.SOLVED)


def write(parent: Path, *records: Record, name: str = "run") -> Path:
    run = RunDirectory.create(parent, name)
    for each in records:
        run.append(each.to_line())
    run.close()
    return run.path


def test_records_come_by_problem_attack_seed_and_sample(tmp_path: Path) -> None:
    records = [
        record("a", sample=2),
        record("a", sample=10),
        record("a", attack="x.y", attack_seed=2),
        record("a", attack="x.y", attack_seed=10),
        record("b"),
    ]
    run = write(tmp_path, *reversed(records))
    assert select(run) == records
    assert select(run, attack="x.y") == records[2:4]


@pytest.mark.parametrize("column", ["model", "benchmark"])
def test_of_several_one_must_be_chosen(tmp_path: Path, column: str) -> None:
    one, two = record(**{column: "one"}), record(**{column: "two"})
    run = write(tmp_path, one, two)
    with pytest.raises(
        UserError, match=f"several {column}s: choose with --{column} one of one, two"
    ):
        select(run)
    assert select(run, **{column: "two"}) == [two]


@pytest.mark.parametrize("column", ["model", "benchmark", "attack"])
def test_what_is_not_there_is_named(tmp_path: Path, column: str) -> None:
    run = write(tmp_path, record())
    with pytest.raises(UserError, match=f"has no {column} 'other'; it has "):
        select(run, **{column: "other"})


def test_a_run_without_records(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no records"):
        select(write(tmp_path))
