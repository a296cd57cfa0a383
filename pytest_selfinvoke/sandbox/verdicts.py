"""From what was seen of a program to a verdict."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Execution, Job
from pytest_selfinvoke.sandbox.running import Ended

_SHOWN = 500  # characters of a line or message


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What was seen of a program before its process was ended."""

    verdict: Verdict
    detail: str = ""
    exception: str | None = None
    failing_test: str | None = None
    expected: str | None = None
    actual: str | None = None
    judge: str = "apart"
    notes: tuple[str, ...] = ()


SOLVED = Opinion(verdict=Verdict.SOLVED)


def loaded(answer: dict[str, Any], job: Job) -> Opinion | None:
    """An opinion if a program's loading is already the end of it."""
    if "syntax" in answer:
        detail = str(answer["syntax"])[:_SHOWN]
        return Opinion(verdict=Verdict.SYNTAX_ERROR, detail=detail)
    if "raised" in answer:
        return raised(answer["raised"], job.program)
    names = answer.get("loaded")
    if not isinstance(names, list):
        return Opinion(verdict=Verdict.TAMPERED, detail="no list of names")
    missing = [name for name in job.entry_points if name not in names]
    if missing:
        return Opinion(
            verdict=Verdict.MISSING_ENTRY_POINT,
            detail=f"does not define {', '.join(missing)}",
        )
    return None


def raised(what: Any, program: str, *, failing_test: str | None = None) -> Opinion:
    """The opinion on an exception that the program let out."""
    if not isinstance(what, dict):
        return Opinion(verdict=Verdict.TAMPERED, detail="no exception")
    kind = str(what.get("type"))[:_SHOWN]
    message = str(what.get("message") or "").split("\n")[0]
    detail = f"{kind}: {message}"[:_SHOWN] if message else kind
    line = what.get("line")
    source = line_of(program, line)
    if source is not None:
        detail += f" (line {line}: {source})"
    bases = what.get("bases")
    out_of_memory = isinstance(bases, list) and "MemoryError" in bases
    return Opinion(
        verdict=Verdict.MEMORY if out_of_memory else Verdict.EXCEPTION,
        detail=detail,
        exception=kind,
        failing_test=failing_test,
    )


def early_end(job: Job, ended: Ended) -> Opinion:
    """The opinion on a process that ended before the tests did."""
    if ended.over_time or ended.status == -signal.SIGXCPU:
        return Opinion(
            verdict=Verdict.TIMEOUT, detail=f"over {job.limits.cpu_s:g} s of CPU time"
        )
    if ended.status < 0:
        try:
            name = signal.Signals(-ended.status).name
        except ValueError:  # a real-time signal
            name = f"signal {-ended.status}"
        return Opinion(verdict=Verdict.CRASHED, detail=f"killed by {name}")
    return Opinion(
        verdict=Verdict.CRASHED,
        detail=f"left with exit status {ended.status} before the tests were done",
    )


def was_killed(execution: Execution) -> bool:
    """Whether a process was killed, and not by us.

    The first process of a namespace cannot kill itself: then it came from outside.
    """
    is_crash = execution.verdict is Verdict.CRASHED
    return is_crash and execution.detail.endswith(signal.SIGKILL.name)


def line_of(source: str, number: object) -> str | None:
    """One line of source, stripped; ``None`` if there is no such line."""
    lines = source.splitlines()
    if isinstance(number, int) and 0 < number <= len(lines):
        return lines[number - 1].strip()[:_SHOWN]
    return None
