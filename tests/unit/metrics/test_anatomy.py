from __future__ import annotations

import random

import pytest

from pytest_selfinvoke.core.anatomy import (
    Anatomy,
    Attribution,
    Invocation,
    PartResult,
    Score,
)
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.anatomy import Confusion, count
from pytest_selfinvoke.metrics.intervals import wilson

RIGHT, WRONG, UNKNOWN = Score.RIGHT, Score.WRONG, Score.UNKNOWN


def record(
    problem: str,
    base: Score,
    solved: bool,
    *,
    attribution: Attribution | None = None,
    invocation: Invocation | None = None,
) -> Record:
    anatomy = Anatomy(
        base=PartResult(score=base, failure="timeout" if base is WRONG else None),
        attribution=attribution,
        invocation=invocation or Invocation(static=True, observed=True),
    )
    return Record(
        case={"problem": problem},
        status=Status.PASSED if solved else Status.FAILED,
        verdict=Verdict.SOLVED if solved else Verdict.WRONG_ANSWER,
        anatomy=anatomy.to_json(),
    )


def test_the_published_confusion_gives_the_published_rates() -> None:
    # Of a 7B base model on HumanEval and HumanEval Pro (arXiv 2412.21199).
    cells = [
        (RIGHT, True, 78),
        (RIGHT, False, 43),
        (WRONG, True, 12),
        (WRONG, False, 31),
    ]
    records = [
        record(f"{base}{solved}{n}", base, solved)
        for base, solved, times in cells
        for n in range(times)
    ]
    found = count(records)
    assert found.confusion == Confusion(
        right_solved=78, right_unsolved=43, wrong_solved=12, wrong_unsolved=31
    )
    assert (found.cases, found.unscored) == (164, 0)
    assert found.base == pytest.approx(121 / 164)
    assert found.pro == pytest.approx(90 / 164)
    assert found.gap == pytest.approx(31 / 164)
    assert found.confusion.solved_given_right == pytest.approx(78 / 121)
    assert found.given_interval == wilson(78 / 121, 121)


def test_rates_are_means_over_problems() -> None:
    records = [
        record("a", RIGHT, True),
        record("a", RIGHT, False),
        record("a", WRONG, False),
        record("a", WRONG, False),
        record("b", RIGHT, True),
    ]
    found = count(records)
    assert (found.base, found.pro) == (0.75, 0.625)
    assert found.confusion.total == 5


def test_an_unknown_base_function_is_in_neither_rate() -> None:
    found = count([record("a", RIGHT, True), record("b", UNKNOWN, False)])
    assert (found.base, found.pro, found.gap) == (1.0, 1.0, 0.0)
    assert (found.cases, found.unscored) == (2, 1)
    assert found.base_failures == {"judged impossible": 1}


def test_nothing_is_no_number() -> None:
    found = count([])
    assert (found.base, found.pro, found.gap) == (None, None, None)
    assert found.confusion.solved_given_right is None
    assert (found.base_interval, found.given_interval) == (None, None)
    only_wrong = count([record("a", WRONG, True)])
    assert only_wrong.confusion.solved_given_right is None


def test_blame_and_failures_are_counted() -> None:
    found = count(
        [
            record("a", WRONG, False, attribution=Attribution.BASE),
            record("b", WRONG, False, attribution=Attribution.BASE),
            record("c", RIGHT, False, attribution=Attribution.COMBINATION),
            record("d", RIGHT, True),
            Record(case={"problem": "e"}, status=Status.ERROR),
        ]
    )
    assert found.attribution == {"base_wrong": 2, "only_combination_fails": 1}
    assert found.failures == {"AssertionError": 3, "judged impossible": 1}
    assert found.base_failures == {"timeout": 2}
    assert found.cases == 4


@pytest.mark.parametrize(
    ("invocation", "solved", "counted"),
    [
        (Invocation(static=True, observed=True), True, {"invoked"}),
        (Invocation(static=False, observed=True), True, {"invoked"}),
        (
            Invocation(static=True, observed=False),
            True,
            {"not invoked", "solved without invoking", "named, not reached"},
        ),
        (Invocation(static=False, observed=False), False, {"not invoked"}),
        (
            Invocation(static=False, observed=False, inlined=True),
            True,
            {"not invoked", "solved without invoking", "re-implemented inline"},
        ),
        (
            Invocation(static=True, wrong_arity=True),
            False,
            {"invoked", "wrong arity"},
        ),
        (Invocation(), False, {"not known"}),
    ],
)
def test_calls(invocation: Invocation, solved: bool, counted: set[str]) -> None:
    found = count([record("a", RIGHT, solved, invocation=invocation)])
    assert found.invocation == dict.fromkeys(counted, 1)


def test_the_order_of_records_changes_nothing() -> None:
    rng = random.Random(1)
    records = [
        record(f"p{n % 31}", rng.choice([RIGHT, WRONG, UNKNOWN]), rng.random() < 0.5)
        for n in range(200)
    ]
    first = count(records)
    for _ in range(20):
        rng.shuffle(records)
        assert count(records) == first
