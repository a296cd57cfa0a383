from __future__ import annotations

import signal
from typing import Any

import pytest

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.running import Ended
from pytest_selfinvoke.sandbox.verdicts import early_end, line_of, loaded, raised

JOB = Job(program="x = 1\n  y = 2\n", tests="", entry_points=("f", "g"))


def ended(status: int = 0, *, over_time: bool = False) -> Ended:
    return Ended(status=status, cpu_s=0.1, over_time=over_time, stdout="", stderr="")


@pytest.mark.parametrize(
    ("answer", "verdict", "detail"),
    [
        ({"syntax": "SyntaxError: no"}, Verdict.SYNTAX_ERROR, "SyntaxError: no"),
        ({"loaded": []}, Verdict.MISSING_ENTRY_POINT, "does not define f, g"),
        ({"loaded": ["g"]}, Verdict.MISSING_ENTRY_POINT, "does not define f"),
        ({"loaded": "fg"}, Verdict.TAMPERED, "no list of names"),
        ({}, Verdict.TAMPERED, "no list of names"),
    ],
)
def test_loading(answer: dict[str, Any], verdict: Verdict, detail: str) -> None:
    opinion = loaded(answer, JOB)
    assert opinion is not None
    assert (opinion.verdict, opinion.detail) == (verdict, detail)


def test_a_program_that_loads_is_no_verdict_yet() -> None:
    assert loaded({"loaded": ["f", "g", "other"]}, JOB) is None


@pytest.mark.parametrize(
    ("what", "verdict", "detail", "kind"),
    [
        (
            {"type": "KeyError", "message": "'a'\nmore", "line": 2},
            Verdict.EXCEPTION,
            "KeyError: 'a' (line 2: y = 2)",
            "KeyError",
        ),
        ({"type": "Boom", "line": 99}, Verdict.EXCEPTION, "Boom", "Boom"),
        (
            {"type": "Own", "bases": ["MemoryError"]},
            Verdict.MEMORY,
            "Own",
            "Own",
        ),
        ("Boom", Verdict.TAMPERED, "no exception", None),
    ],
)
def test_exceptions(
    what: object, verdict: Verdict, detail: str, kind: str | None
) -> None:
    opinion = raised(what, JOB.program)
    assert (opinion.verdict, opinion.detail) == (verdict, detail)
    assert opinion.exception == kind


def test_endless_names_and_messages_are_cut() -> None:
    opinion = raised({"type": "T" * 10_000, "message": "m" * 10_000}, "")
    assert len(opinion.detail) <= 500
    assert len(opinion.exception or "") <= 500


@pytest.mark.parametrize(
    ("end", "verdict", "detail"),
    [
        (ended(over_time=True), Verdict.TIMEOUT, "over 10 s of CPU time"),
        (ended(-signal.SIGXCPU), Verdict.TIMEOUT, "over 10 s of CPU time"),
        (ended(-signal.SIGSEGV), Verdict.CRASHED, "killed by SIGSEGV"),
        (ended(-40), Verdict.CRASHED, "killed by signal 40"),
        (ended(0), Verdict.CRASHED, "left with exit status 0 before"),
    ],
)
def test_early_ends(end: Ended, verdict: Verdict, detail: str) -> None:
    opinion = early_end(JOB, end)
    assert opinion.verdict is verdict
    assert opinion.detail.startswith(detail)


@pytest.mark.parametrize("number", [0, -1, 3, None, "1"])
def test_lines_that_are_not_there(number: object) -> None:
    assert line_of(JOB.program, number) is None
