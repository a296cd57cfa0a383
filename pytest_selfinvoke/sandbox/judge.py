"""The verdict on one program, given by a process that the program is not in."""

from __future__ import annotations

import secrets
import signal
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import literal, wire
from pytest_selfinvoke.sandbox.base import Execution, Job
from pytest_selfinvoke.sandbox.codec import (
    UnsupportedError,
    decode,
    encode,
    shortened,
)
from pytest_selfinvoke.sandbox.controls import controls
from pytest_selfinvoke.sandbox.forkserver import (
    DeadlineError,
    Ended,
    ForkServer,
    ProcessEndedError,
    Running,
)

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


class Judge:
    """Judges jobs.

    :param solutions: forks the programs' processes.
    :param trials: forks the processes that run test code.
    """

    def __init__(self, solutions: ForkServer, trials: ForkServer) -> None:
        self._solutions, self._trials = solutions, trials

    def execute(self, job: Job, clock: Any) -> Execution:
        """Run a job.

        :raises ServerLostError: if a fork server died; the job may be run again.
        :raises NotJudgedError: if the tests say nothing about the program.
        """
        started = clock()
        try:
            opinion, ended = self._watched(job, self._apart)
        except UnsupportedError as error:
            opinion, ended = self._watched(job, self._inline)
            opinion = self._controlled(job, opinion, str(error))
        return Execution(
            verdict=opinion.verdict,
            detail=opinion.detail,
            exception=opinion.exception,
            failing_test=opinion.failing_test,
            expected=opinion.expected,
            actual=opinion.actual,
            stdout=ended.stdout,
            stderr=ended.stderr,
            cpu_s=ended.cpu_s,
            wall_s=clock() - started,
            judge=opinion.judge,
            notes=opinion.notes,
        )

    def _watched(self, job: Job, how: Any) -> tuple[Opinion, Ended]:
        """Load the program and judge it; its end, if it comes early, is a verdict."""
        running = self._solutions.run("solution", job.limits)
        late = cut = False
        opinion: Opinion | None = None
        try:
            opinion = _loaded(running, job) or how(running, job)
        except DeadlineError:
            late = True
        except ProcessEndedError:
            cut = True
        except wire.FrameError as error:
            opinion = Opinion(verdict=Verdict.TAMPERED, detail=str(error))
        finally:
            ended = running.finish()
        if late:
            limit = job.limits.wall_s
            opinion = Opinion(
                verdict=Verdict.TIMEOUT, detail=f"over {limit:g} s by the clock"
            )
        elif cut or opinion is None:
            opinion = _early_end(job, ended)
        return opinion, ended

    def _apart(self, running: Running, job: Job) -> Opinion:
        try:
            asserts = literal.parse(job.tests, job.entry_points)
        except literal.NotLiteralError:
            return self._trial(running, job)
        for one in asserts:
            opinion = _check(running, one)
            if opinion is not None:
                return opinion
        return SOLVED

    def _trial(self, running: Running, job: Job) -> Opinion:
        """Run the tests in a process of their own and carry its questions over."""
        calls = 0
        with self._trials.run("trial", job.limits) as trial:
            try:
                message = trial.ask({"tests": job.tests})
                while "verdict" not in message:
                    calls += "call" in message
                    try:
                        answer = running.ask(message)
                    except (DeadlineError, ProcessEndedError, wire.FrameError) as error:
                        raise _SolutionGoneError(error) from error
                    message = trial.ask(answer)
            except _SolutionGoneError as gone:
                raise gone.reason from None
            except (DeadlineError, ProcessEndedError, wire.FrameError) as error:
                raise NotJudgedError(
                    f"the test code itself did not end: {error!r}"
                ) from error
        return _trial_opinion(job, message["verdict"], calls)

    def _inline(self, running: Running, job: Job) -> Opinion:
        nonce = secrets.token_hex(16)
        answer = running.ask({"inline": job.tests, "nonce": nonce})
        if answer.get("passed") == nonce:
            return Opinion(verdict=Verdict.SOLVED, judge="inline")
        raised = answer.get("raised")
        if not isinstance(raised, dict):
            return Opinion(verdict=Verdict.TAMPERED, judge="inline")
        source = _line(job.tests, raised.get("line"))
        if raised.get("type") == "AssertionError":
            return Opinion(
                verdict=Verdict.WRONG_ANSWER,
                detail=source or "",
                failing_test=source,
                judge="inline",
            )
        return _raised(raised, "", judge="inline", failing_test=source)

    def _controlled(self, job: Job, opinion: Opinion, reason: str) -> Opinion:
        """Run the negative controls of an inline pass."""
        notes = [f"judged inline: {reason}"]
        if opinion.verdict is Verdict.SOLVED:
            variants = controls(job.tests)
            for tests in variants:
                other = Job(
                    program=job.program,
                    tests=tests,
                    entry_points=job.entry_points,
                    limits=job.limits,
                )
                again, _ = self._watched(other, self._inline)
                if again.verdict is Verdict.SOLVED:
                    return Opinion(
                        verdict=Verdict.TAMPERED,
                        detail="passes a test with a wrong expected value too",
                        judge="inline",
                        notes=tuple(notes),
                    )
            notes.append(f"{len(variants)} negative controls failed as they should")
            if len(variants) < 4:
                notes.append("weak: fewer than 4 negative controls")
        values = {name: getattr(opinion, name) for name in opinion.__slots__}
        return Opinion(**{**values, "notes": tuple(notes), "judge": "inline"})


class _SolutionGoneError(Exception):
    """The solution's process failed while the tests were running."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _loaded(running: Running, job: Job) -> Opinion | None:
    """Load the program; an opinion if that is already the end of it."""
    answer = running.ask({"program": job.program})
    if "syntax" in answer:
        return Opinion(verdict=Verdict.SYNTAX_ERROR, detail=str(answer["syntax"]))
    if "raised" in answer:
        return _raised(answer["raised"], job.program)
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


def _check(running: Running, one: literal.LiteralAssert) -> Opinion | None:
    """An opinion if the assert does not hold."""
    values = []
    for side in (one.left, one.right):
        if isinstance(side, literal.Call):
            answer = running.ask(
                {
                    "call": side.name,
                    "args": [encode(item) for item in side.arguments],
                    "kwargs": {name: encode(v) for name, v in side.keywords.items()},
                }
            )
            if "unsupported" in answer:
                raise UnsupportedError(str(answer["unsupported"]))
            if "raised" in answer:
                return _raised(answer["raised"], "", failing_test=one.source)
            values.append(decode(answer.get("result", {})))
        else:
            values.append(None if side is None else side.value)
    left, right = values
    if one.holds(left, right):
        return None
    expected, actual = right, left
    if isinstance(one.right, literal.Call) and isinstance(one.left, literal.Value):
        expected, actual = left, right
    return Opinion(
        verdict=Verdict.WRONG_ANSWER,
        detail=one.source,
        failing_test=one.source,
        expected=None if one.right is None else shortened(expected),
        actual=shortened(actual),
    )


def _trial_opinion(job: Job, verdict: dict[str, Any], calls: int) -> Opinion:
    if "unsupported" in verdict:
        raise UnsupportedError(str(verdict["unsupported"]))
    if "ended" in verdict:
        raise ProcessEndedError
    if "raised" in verdict:
        source = _line(job.tests, verdict.get("line"))
        return _raised(verdict["raised"], job.program, failing_test=source)
    if "failed" in verdict:
        source = _line(job.tests, verdict["failed"].get("line"))
        return Opinion(
            verdict=Verdict.WRONG_ANSWER,
            detail=source or verdict["failed"]["message"],
            failing_test=source,
            expected=verdict.get("expected"),
            actual=verdict.get("actual"),
        )
    if not calls:
        raise NotJudgedError("the tests never call the solution: a broken problem")
    return SOLVED


def _raised(
    raised: Any,
    program: str,
    *,
    judge: str = "apart",
    failing_test: str | None = None,
) -> Opinion:
    """The opinion on an exception that the program let out."""
    if not isinstance(raised, dict):
        return Opinion(verdict=Verdict.TAMPERED, detail="no exception", judge=judge)
    kind = str(raised.get("type"))
    message = str(raised.get("message") or "").split("\n")[0]
    detail = f"{kind}: {message}"[:_SHOWN] if message else kind
    line = raised.get("line")
    source = _line(program, line)
    if source is not None:
        detail += f" (line {line}: {source})"
    out_of_memory = "MemoryError" in (raised.get("bases") or ())
    return Opinion(
        verdict=Verdict.MEMORY if out_of_memory else Verdict.EXCEPTION,
        detail=detail,
        exception=kind,
        failing_test=failing_test,
        judge=judge,
    )


def _early_end(job: Job, ended: Ended) -> Opinion:
    """The opinion on a process that ended before the tests did."""
    killed = ended.status in (-signal.SIGKILL, -signal.SIGXCPU)
    if killed and ended.cpu_s >= 0.9 * job.limits.cpu_s:
        return Opinion(
            verdict=Verdict.TIMEOUT, detail=f"over {job.limits.cpu_s:g} s of CPU time"
        )
    if ended.status < 0:
        name = signal.Signals(-ended.status).name
        return Opinion(verdict=Verdict.CRASHED, detail=f"killed by {name}")
    return Opinion(
        verdict=Verdict.CRASHED,
        detail=f"left with exit status {ended.status} before the tests were done",
    )


def _line(source: str, number: object) -> str | None:
    lines = source.splitlines()
    if isinstance(number, int) and 0 < number <= len(lines):
        return lines[number - 1].strip()[:_SHOWN]
    return None
