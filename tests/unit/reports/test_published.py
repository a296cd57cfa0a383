from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.metrics.intervals import wilson
from pytest_selfinvoke.reports.published import (
    Beside,
    beside,
    beside_lines,
    beside_table,
)
from pytest_selfinvoke.reports.summary import Cell as Score
from pytest_selfinvoke.results.published import Cell


def score(solved: int = 82, **more: Any) -> Score:
    values: dict[str, Any] = {
        "model": "Small-7B", "benchmark": "humaneval-pro", "attack": "clean",
        "judged": 164, "solved": solved, "errors": 0, "skipped": {}, "problems": 164,
        "pass_at_1": solved / 164, "interval": wilson(solved / 164, 164),
        "failures": {},
    }  # fmt: skip
    return Score(**{**values, **more})


def cell(value: float = 50.0, shots: str = "0", model: str = "small-7b") -> Cell:
    return Cell(model=model, params="7B", tuning="base", benchmark="HumanEval Pro",
                shots=shots, value=value, source="s", line=2)  # fmt: skip


def plan(**more: Any) -> dict[str, Any]:
    return {
        "benchmarks": [{"name": "humaneval-pro", "used": 164, "problems": 164}],
        "models": [{"label": "Small-7B"}],
        "prompt_style": None,
        "sampling": {"temperature": 0.0},
        **more,
    }


@pytest.mark.parametrize(
    ("published", "verdict"),
    [(50.0, "consistent"), (57.0, "consistent"), (30.0, "higher"), (70.0, "lower")],
)
def test_the_own_interval_decides(published: float, verdict: str) -> None:
    [row] = beside([score()], [cell(published)], [plan()])
    assert (row.verdict, row.own, row.published) == (verdict, 50.0, published)


FEWER = {"benchmarks": [{"name": "humaneval-pro", "used": 40, "problems": 164}]}


@pytest.mark.parametrize(
    ("shots", "changes", "reason"),
    [
        ("1", {}, "prompted with the model's own style, published is 1-shot"),
        ("0", {"prompt_style": "template:f"}, "prompted with template:f, published"),
        ("0", {"sampling": {"temperature": 0.8}}, "sampled, published is greedy"),
        ("0", FEWER, "40 of 164 problems were judged"),
    ],
)
def test_another_protocol_is_not_compared(
    shots: str, changes: dict[str, Any], reason: str
) -> None:
    [row] = beside([score()], [cell(shots=shots)], [plan(**changes)])
    assert row.verdict == "not comparable"
    assert row.reason.startswith(reason)


def test_problems_that_were_not_judged_count() -> None:
    [row] = beside([score(problems=160)], [cell()], [plan()])
    assert row.reason == "160 of 164 problems were judged"


def test_other_models_attacks_and_benchmarks_have_no_row() -> None:
    assert not beside([score(attack="docstring.x")], [cell()], [plan()])
    assert not beside([score(benchmark="humaneval")], [cell()], [plan()])
    assert not beside([score()], [cell(model="small-8b")], [plan()])


def test_rows_travel_and_are_shown() -> None:
    rows = beside([score()], [cell(70.0), cell(shots="1")], [plan()])
    assert tuple(Beside.from_json(row.to_json()) for row in rows) == rows
    lines = list(beside_lines(rows))
    assert lines[1:3] == [
        "  Small-7B on humaneval-pro: 50.0 (42.4 to 57.6), 0-shot 70.0: lower",
        "  Small-7B on humaneval-pro: 50.0 (42.4 to 57.6), 1-shot 50.0: not comparable",
    ]
    assert beside_table(rows)[1][-1].startswith("not comparable: prompted with")
    assert not list(beside_lines([]))
