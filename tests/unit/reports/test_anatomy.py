from __future__ import annotations

import dataclasses

from pytest_selfinvoke.core.anatomy import (
    Anatomy,
    Attribution,
    Invocation,
    PartResult,
    Score,
)
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.anatomy import AnatomyBuilder, anatomy_tables
from pytest_selfinvoke.reports.case import describe, properties

WRONG = Anatomy(
    base=PartResult(score=Score.WRONG, failure="timeout"),
    attribution=Attribution.BASE,
    invocation=Invocation(static=False, observed=False),
)
RIGHT = Anatomy(
    base=PartResult(score=Score.RIGHT),
    invocation=Invocation(static=True, observed=True),
)


def record(
    anatomy: Anatomy | None, *, problem: str = "p", attack: str = "clean"
) -> Record:
    case = {"model": "m", "benchmark": "b", "problem": problem, "attack": attack}
    solved = anatomy is RIGHT
    return Record(
        case={**case, "id": f"b::m::{problem}::{attack}"},
        status=Status.PASSED if solved else Status.FAILED,
        verdict=Verdict.SOLVED if solved else Verdict.WRONG_ANSWER,
        anatomy=None if anatomy is None else anatomy.to_json(),
    )


def tables(*records: Record, verbose: bool = True) -> list[str]:
    builder = AnatomyBuilder()
    for one in records:
        builder.add(one)
    [dissected] = builder.dissected()
    return list(anatomy_tables(dissected, verbose=verbose))


def test_the_tables() -> None:
    lines = tables(record(RIGHT), record(WRONG, problem="q"))
    assert [" ".join(line.split()) for line in lines] == [
        "anatomy of m on b",
        "in % n base Pro gap Pro|base",
        "clean 2 50.0 50.0 0.0 100.0",
        "95 %: base 9.5 - 90.5, Pro 9.5 - 90.5, Pro|base 20.7 - 100.0",
        "base/Pro +/+ +/- -/+ -/-",
        "clean 1 0 0 1",
        "to blame base",
        "clean 1",
        "base function called yes no",
        "clean 1 1",
        "failures",
        "clean: AssertionError 1",
        "failures of the base function",
        "clean: timeout 1",
    ]


def test_the_short_form_leaves_out_what_is_as_it_should_be() -> None:
    lines = tables(
        record(RIGHT),
        record(RIGHT, attack="a"),
        record(WRONG, attack="b"),
        verbose=False,
    )
    assert [" ".join(line.split()) for line in lines[6:]] == [
        "to blame base",
        "b 1",
        "base function called no",
        "b 1",
    ]
    assert len(tables(record(RIGHT), verbose=False)) == 4


def test_clean_comes_first_and_nothing_is_wider_than_a_terminal() -> None:
    name = "function_name.change_character+docstring.butter_fingers"
    everything = [
        record(
            dataclasses.replace(WRONG, attribution=blame, invocation=calls),
            problem=f"{blame}{number}",
            attack=attack,
        )
        for attack in (name, "clean", "a")
        for blame in Attribution
        for number, calls in enumerate(
            (
                Invocation(),
                Invocation(static=True, observed=False, wrong_arity=True),
                Invocation(observed=True),
                Invocation(observed=False, inlined=True),
            )
        )
    ]
    lines = tables(*everything, record(RIGHT, attack=name))
    assert max(map(len, lines)) <= 80
    rows = [
        line.split()[0] for line in lines if line.startswith(("clean", "a ", "fun"))
    ]
    assert rows == ["clean", "a", name[:28] + "..."] * 4


def test_without_self_invoking_cases_there_is_nothing() -> None:
    builder = AnatomyBuilder()
    builder.add(record(None))
    assert builder.dissected() == ()


def test_an_attack_without_a_judged_case_has_no_row() -> None:
    lines = tables(record(RIGHT), record(None, attack="x"))
    assert not any(line.startswith("x") for line in lines)


def test_unknown_base_functions_are_told() -> None:
    unknown = Anatomy(base=PartResult(score=Score.UNKNOWN))
    lines = tables(record(unknown))
    assert "base function not scored, for want of tests that suit it: 1" in lines
    assert not any("Pro|base" in line for line in lines)


def test_a_failure_says_who_is_to_blame() -> None:
    assert describe(record(WRONG)).splitlines()[1] == (
        "to blame: the base function (solved with the reference's); the base function "
        "is wrong by its own tests; it is not invoked"
    )
    assert "to blame" not in describe(record(None))
    nothing = dataclasses.replace(WRONG, attribution=Attribution.NO_CODE)
    assert "to blame" not in describe(record(nothing))


def test_junit_has_the_facts() -> None:
    facts = dict(properties(record(WRONG)))
    assert facts["selfinvoke.base_function"] == "wrong"
    assert facts["selfinvoke.attribution"] == "base_wrong"
    assert facts["selfinvoke.invoked"] == "False"
    facts = dict(properties(record(RIGHT)))
    assert "selfinvoke.attribution" not in facts
    assert "selfinvoke.base_function" not in dict(properties(record(None)))
