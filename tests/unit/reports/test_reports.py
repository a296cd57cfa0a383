from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.case import describe, properties
from pytest_selfinvoke.reports.summary import summarise
from pytest_selfinvoke.reports.terminal import table


def record(
    problem: str,
    verdict: Verdict | None,
    *,
    attack: str = "clean",
    status: Status | None = None,
    **fields: Any,
) -> Record:
    solved = verdict is Verdict.SOLVED
    return Record(
        case={
            "id": problem,
            "model": "m",
            "benchmark": "b",
            "attack": attack,
            "problem": problem,
        },
        status=status or (Status.PASSED if solved else Status.FAILED),
        verdict=verdict,
        **fields,
    )


def test_what_was_not_judged_is_in_no_denominator() -> None:
    [cell] = summarise(
        [
            record("p1", Verdict.SOLVED),
            record("p2", Verdict.WRONG_ANSWER),
            record("p3", None, status=Status.ERROR),
            record("p4", None, status=Status.SKIPPED),
        ]
    )
    assert (cell.judged, cell.solved, cell.errors, cell.skipped) == (
        2,
        1,
        1,
        {"not applicable": 1},
    )
    assert cell.pass_at_1 == 0.5


def test_why_cases_were_skipped_is_told_in_a_word_or_two() -> None:
    details = (
        "oracle gives no gradients: gradient.fgsm needs an hf: model",
        "inert variant: it is the nominal prompt",
        "no >>> examples",
    )
    [cell] = summarise(
        record(detail, None, status=Status.SKIPPED, detail=detail) for detail in details
    )
    assert cell.skipped == {"no gradients": 1, "inert": 1, "not applicable": 1}


def test_a_cell_without_judged_cases_has_no_rate() -> None:
    [cell] = summarise([record("p", None, status=Status.ERROR)])
    assert cell.pass_at_1 is None
    assert cell.interval is None
    assert table([cell])[1].split()[-2:] == ["-", "-"]


def test_pass_at_1_is_the_mean_over_problems_not_over_samples() -> None:
    samples = [record("p1", Verdict.SOLVED)] * 9 + [record("p2", Verdict.TIMEOUT)]
    [cell] = summarise(samples)
    assert cell.pass_at_1 == 0.5


def test_clean_comes_first_and_failures_are_counted_by_kind() -> None:
    cells = summarise(
        [
            record("p1", Verdict.NO_CODE, attack="docstring.x"),
            record("p1", Verdict.EXCEPTION, execution={"exception": "KeyError"}),
            record("p2", Verdict.TIMEOUT),
        ]
    )
    assert [cell.attack for cell in cells] == ["clean", "docstring.x"]
    lines = table(cells)
    assert "KeyError 1, timeout 1" in lines[2]
    assert "no_code 1" in lines[4]


def test_a_failure_shows_everything_needed_to_see_it() -> None:
    text = describe(
        record(
            "p",
            Verdict.WRONG_ANSWER,
            detail="assert f(1) == 2",
            prompt="Write f.",
            completion={"text": "def f(x): return 3", "finish_reason": "stop"},
            program="def f(x): return 3",
            execution={
                "failing_test": "assert f(1) == 2",
                "expected": "2",
                "actual": "3",
                "stderr": "warning!",
            },
        )
    )
    for part in (
        "wrong_answer",
        "Write f.",
        "return 3",
        "expected 2",
        "got 3",
        "warning!",
    ):
        assert part in text


def test_an_attacked_prompt_is_shown_as_its_difference() -> None:
    text = describe(record("p", Verdict.NO_CODE, prompt="LONG", prompt_diff="-a\n+b"))
    assert "+b" in text
    assert "LONG" not in text


def test_long_texts_are_cut_with_a_word_about_it() -> None:
    text = describe(record("p", Verdict.NO_CODE, prompt="line\n" * 1000))
    assert "940 more lines" in text


def test_properties_are_short_strings() -> None:
    facts = properties(
        record(
            "p",
            Verdict.SOLVED,
            prompt="x" * 10_000,
            durations={"generation_s": 1.23456},
        )
    )
    assert ("selfinvoke.verdict", "solved") in facts
    assert ("selfinvoke.generation_s", "1.2346") in facts
    assert all(len(value) < 100 for _, value in facts)


def test_the_loss_of_references_stands_beside_the_score() -> None:
    cells = summarise(
        record(
            f"p{number}",
            Verdict.WRONG_ANSWER,
            attack="gradient.pgd",
            completion={"reference_loss": (0.5, 0.5 + number / 10)},
        )
        for number in range(11)
    )
    [cell] = cells
    assert cell.loss is not None
    assert cell.loss.before == 0.5
    assert cell.loss.gain.value == pytest.approx(0.5)
    [remark] = cell.remarks()
    assert re.fullmatch(
        r"loss of the reference 0\.500 \+0\.500 \[\+0\.\d+, \+0\.\d+\] nats a token",
        remark,
    )
    assert "loss of the reference 0.500 +0.500" in table(cells)[2]


def test_a_case_tells_of_embeddings_that_moved() -> None:
    found = record(
        "p", Verdict.WRONG_ANSWER, completion={"reference_loss": (0.125, 0.75)}
    )
    assert "loss of the reference 0.125 to 0.750 nats a token" in describe(found)
    facts = dict(properties(found))
    assert facts["selfinvoke.reference_loss_before"] == "0.1250"
    assert facts["selfinvoke.reference_loss_after"] == "0.7500"
    assert "moved" not in describe(record("p", Verdict.WRONG_ANSWER))


def test_samples_of_a_problem_are_one_loss() -> None:
    losses = [("p0", (0.0, 1.0)), ("p0", (0.0, 3.0)), ("p1", (1.0, 1.0))]
    [cell] = summarise(
        record(name, Verdict.SOLVED, completion={"reference_loss": pair})
        for name, pair in losses
    )
    assert cell.loss is not None
    assert (cell.loss.before, cell.loss.gain.value, cell.loss.gain.n) == (0.5, 1.0, 2)
