"""One class of failure per record.

The first six are those of arXiv 2412.21199 (Fig. 8: by the exception's own name), where
a test that does not hold is an ``AssertionError``. The others are what its harness
counts among them, or does not see.
"""

from __future__ import annotations

import re

from pytest_selfinvoke.core.anatomy import Anatomy, Score
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record

ASSERTION, OTHER = "AssertionError", "other"
#: The paper's classes.
EXCEPTIONS = (ASSERTION, "NameError", "ValueError", "IndexError", "TypeError")
MISSING_BASE, MISSING_INVOKING = "missing base", "missing invoking function"
MISSING = "missing function"
IMPOSSIBLE = "judged impossible"
#: Every class, in the order of tables.
CLASSES = (
    *EXCEPTIONS,
    OTHER,
    "timeout",
    "memory",
    "crashed",
    "tampered",
    "no code",
    "syntax error",
    MISSING_BASE,
    MISSING_INVOKING,
    MISSING,
    "refused",
    "truncated",
    IMPOSSIBLE,
)

_PLAIN = {
    Verdict.TIMEOUT: "timeout",
    Verdict.MEMORY: "memory",
    Verdict.CRASHED: "crashed",
    Verdict.TAMPERED: "tampered",
    Verdict.WRONG_ANSWER: ASSERTION,
}
#: Verdicts on answers in which a program is not, or not wholly, there.
_INCOMPLETE = {
    Verdict.NO_CODE: "no code",
    Verdict.SYNTAX_ERROR: "syntax error",
    Verdict.MISSING_ENTRY_POINT: MISSING,
}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
#: How engines name an end that was not the model's own.
_CUT, _REFUSED = "length", ("content_filter", "refusal")
#: How a model begins that will not answer. Read only where there is no code at all.
_REFUSAL = re.compile(
    r"\W*(?:(?:i'?m|i am|we'?re) (?:very |so )?sorry|sorry|i apologi[sz]e|unfortunately"
    r"|(?:as an ai\b.{0,60}?)?\bi (?:can't|cannot|can not|won't|will not|must decline"
    r"|am (?:not able|unable)|do not|don't)|i'm (?:not able|unable))\b",
    re.IGNORECASE | re.DOTALL,
)


def classify(record: Record) -> str | None:
    """The class of a record; ``None`` where it was solved or skipped.

    An answer counts as cut off, or refused, only where no whole program is in it: a
    program that came through is judged as any other. A refusal is what the model's
    server says it is, or an answer without code that begins as an excuse.
    """
    if record.verdict is None:
        return IMPOSSIBLE if record.status is Status.ERROR else None
    if record.verdict is Verdict.SOLVED:
        return None
    if record.verdict not in _INCOMPLETE:
        return _PLAIN.get(record.verdict) or _exception(record.failure_kind)
    reason = (record.completion or {}).get("finish_reason")
    text = str((record.completion or {}).get("text") or "").replace("\u2019", "'")
    has_excuse = record.verdict is Verdict.NO_CODE and _REFUSAL.match(text)
    if reason in _REFUSED or has_excuse:
        return "refused"
    if reason == _CUT:
        return "truncated"
    if record.verdict is Verdict.MISSING_ENTRY_POINT and record.anatomy is not None:
        missing = Anatomy.from_json(record.anatomy).missing
        if "invoking" in missing:
            return MISSING_INVOKING
        if "base" in missing:
            return MISSING_BASE
    return _INCOMPLETE[record.verdict]


def classify_base(record: Record) -> str | None:
    """The class of the base function's failure; ``None`` where it is right.

    What cannot be known of it is ``judged impossible``, and what stands in no record is
    ``None``. An answer without a program fails in both parts alike.
    """
    if record.anatomy is None:
        return None
    anatomy = Anatomy.from_json(record.anatomy)
    if anatomy.base.score is Score.RIGHT:
        return None
    if anatomy.base.score is Score.UNKNOWN:
        return IMPOSSIBLE
    if "invoking" in anatomy.missing and "base" in anatomy.missing:
        kind = classify(record)
        return MISSING_BASE if kind in (MISSING_INVOKING, MISSING) else kind
    if "base" in anatomy.missing:
        return MISSING_BASE
    failure = anatomy.base.failure or ""
    if failure in _VERDICTS:
        verdict = _VERDICTS[failure]
        return _PLAIN.get(verdict) or _INCOMPLETE.get(verdict, OTHER)
    return _exception(failure)


def _exception(name: str) -> str:
    return name if name in EXCEPTIONS else OTHER
