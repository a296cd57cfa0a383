from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.core.anatomy import Anatomy, PartResult, Score
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.taxonomy import CLASSES, classify, classify_base


def record(
    verdict: Verdict | None,
    *,
    exception: str | None = None,
    status: Status = Status.FAILED,
    text: str = "",
    finish_reason: str = "stop",
    missing: tuple[str, ...] | None = None,
    base: str | None = "wrong_answer",
) -> Record:
    anatomy: dict[str, Any] | None = None
    if missing is not None:
        score = Score.RIGHT if base is None else Score.WRONG
        part = PartResult(score=score, failure=base)
        anatomy = Anatomy(base=part, missing=missing).to_json()
    return Record(
        case={"id": "x"},
        status=status,
        verdict=verdict,
        execution={"exception": exception},
        completion={"text": text, "finish_reason": finish_reason},
        anatomy=anatomy,
    )


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        ("NameError", "NameError"),
        ("ValueError", "ValueError"),
        ("IndexError", "IndexError"),
        ("TypeError", "TypeError"),
        ("AssertionError", "AssertionError"),
        ("KeyError", "other"),
        ("UnboundLocalError", "other"),
        (None, "other"),
    ],
)
def test_exceptions_by_their_own_names(exception: str | None, kind: str) -> None:
    assert classify(record(Verdict.EXCEPTION, exception=exception)) == kind


@pytest.mark.parametrize(
    ("verdict", "kind"),
    [
        (Verdict.SOLVED, None),
        (Verdict.WRONG_ANSWER, "AssertionError"),
        (Verdict.TIMEOUT, "timeout"),
        (Verdict.MEMORY, "memory"),
        (Verdict.CRASHED, "crashed"),
        (Verdict.TAMPERED, "tampered"),
        (Verdict.NO_CODE, "no code"),
        (Verdict.SYNTAX_ERROR, "syntax error"),
        (Verdict.MISSING_ENTRY_POINT, "missing function"),
    ],
)
def test_verdicts(verdict: Verdict, kind: str | None) -> None:
    assert classify(record(verdict)) == kind


def test_every_verdict_has_a_class_of_the_table() -> None:
    for verdict in Verdict:
        if verdict is not Verdict.SOLVED:
            assert classify(record(verdict)) in CLASSES


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        (("base",), "missing base"),
        (("invoking",), "missing invoking function"),
        (("base", "invoking"), "missing invoking function"),
        ((), "missing function"),
    ],
)
def test_which_function_is_missing(missing: tuple[str, ...], kind: str) -> None:
    found = classify(record(Verdict.MISSING_ENTRY_POINT, missing=missing))
    assert found == kind


def test_what_was_not_judged_is_impossible_and_a_skip_is_nothing() -> None:
    assert classify(record(None, status=Status.ERROR)) == "judged impossible"
    assert classify(record(None, status=Status.SKIPPED)) is None


@pytest.mark.parametrize(
    "verdict", [Verdict.NO_CODE, Verdict.SYNTAX_ERROR, Verdict.MISSING_ENTRY_POINT]
)
def test_an_answer_that_was_cut_off(verdict: Verdict) -> None:
    assert classify(record(verdict, finish_reason="length")) == "truncated"
    whole = record(Verdict.WRONG_ANSWER, finish_reason="length")
    assert classify(whole) == "AssertionError"


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m sorry, no.",
        "Sorry! No.",
        "I cannot assist with this request.",
        "**I can't** do that",
        "As an AI language model, I cannot write that.",
        "Unfortunately, this is not possible.",
        "I apologize, but no.",
    ],
)
def test_excuses(text: str) -> None:
    assert classify(record(Verdict.NO_CODE, text=text)) == "refused"
    # With code there, it is judged as code.
    assert classify(record(Verdict.SYNTAX_ERROR, text=text)) == "syntax error"


@pytest.mark.parametrize(
    "text", ["", "Sure, I can help!", "The answer is that I can't be sure.", "Sorrow."]
)
def test_no_excuses(text: str) -> None:
    assert classify(record(Verdict.NO_CODE, text=text)) == "no code"


def test_a_server_that_refuses() -> None:
    refused = record(Verdict.NO_CODE, finish_reason="content_filter")
    assert classify(refused) == "refused"


@pytest.mark.parametrize(
    ("base", "missing", "kind"),
    [
        (None, (), None),
        ("wrong_answer", (), "AssertionError"),
        ("KeyError", (), "other"),
        ("IndexError", (), "IndexError"),
        ("timeout", (), "timeout"),
        ("missing_entry_point", ("base",), "missing base"),
        ("syntax_error", (), "syntax error"),
        ("no_code", ("base", "invoking"), "refused"),
    ],
)
def test_the_base_functions_failure(
    base: str | None, missing: tuple[str, ...], kind: str | None
) -> None:
    text = "I'm sorry, no."
    one = record(Verdict.NO_CODE, text=text, base=base, missing=missing)
    assert classify_base(one) == kind


def test_each_part_misses_its_own_function() -> None:
    both = record(Verdict.MISSING_ENTRY_POINT, missing=("base", "invoking"))
    assert classify(both) == "missing invoking function"
    assert classify_base(both) == "missing base"


def test_a_base_function_without_a_score() -> None:
    assert classify_base(record(Verdict.WRONG_ANSWER)) is None
    unknown = Anatomy(base=PartResult(score=Score.UNKNOWN)).to_json()
    one = Record(
        case={}, status=Status.FAILED, verdict=Verdict.TIMEOUT, anatomy=unknown
    )
    assert classify_base(one) == "judged impossible"
