"""Verdicts: *solved*, or one named way of not being solved."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the judge says of one program.

    Every member but ``SOLVED`` counts as not solved. "Could not be judged" is not a
    verdict: it is a :class:`~pytest_selfinvoke.core.errors.NotJudgedError`.
    """

    SOLVED = "solved"
    WRONG_ANSWER = "wrong_answer"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASHED = "crashed"
    NO_CODE = "no_code"
    SYNTAX_ERROR = "syntax_error"
    MISSING_ENTRY_POINT = "missing_entry_point"
    TAMPERED = "tampered"


class Status(StrEnum):
    """How a case ended, in pytest's words."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
