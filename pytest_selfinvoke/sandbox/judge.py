"""The verdict on one program, given by a process that the program is not in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import literal, wire
from pytest_selfinvoke.sandbox.base import Execution, Job
from pytest_selfinvoke.sandbox.codec import UnsupportedError, decode, encode, shortened
from pytest_selfinvoke.sandbox.forkserver import ForkServer
from pytest_selfinvoke.sandbox.inline import Inline, beside
from pytest_selfinvoke.sandbox.running import (
    DeadlineError,
    Ended,
    NotConfinedError,
    ProcessEndedError,
    Running,
)
from pytest_selfinvoke.sandbox.verdicts import (
    SOLVED,
    Opinion,
    early_end,
    line_of,
    loaded,
    raised,
)

#: Longer answers are not decoded in this process: hostile data can make that slow.
_MAX_ANSWER = 64 * 2**10

#: Asks a process that was sent the program; the process ends with it.
Way = Callable[[Running, Job], Opinion]


class Judge:
    """Judges jobs.

    :param solutions: forks the programs' processes.
    :param trials: forks the processes that run test code.
    """

    def __init__(self, solutions: ForkServer, trials: ForkServer) -> None:
        self._solutions, self._trials = solutions, trials

    def execute(self, job: Job, clock: Callable[[], float]) -> Execution:
        """Run a job.

        :raises ServerLostError: if a fork server died; the job may be run again.
        :raises NotJudgedError: if the tests say nothing about the program, or the
            sandbox could not be set up.
        """
        started = clock()
        try:
            opinion, ended = self._opinion(job)
        except NotConfinedError as error:
            raise NotJudgedError(f"the sandbox failed: {error}") from error
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
            cpu_limit_s=job.limits.cpu_s,
            wall_s=clock() - started,
            judge="inline" if job.beside else opinion.judge,
            notes=opinion.notes,
        )

    def _opinion(self, job: Job) -> tuple[Opinion, Ended]:
        """Judge by the first way that these tests, and the answers, allow."""
        if job.beside:
            return self._watched(job, beside)
        try:
            asserts = literal.parse(job.tests, job.entry_points)
            questions = [_questions(one) for one in asserts]
            compare = functools.partial(_compare, asserts, questions)
            return self._watched(job, compare)
        except (literal.NotLiteralError, UnsupportedError):
            pass  # The tests have to be run.
        try:
            return self._watched(job, self._try)
        except UnsupportedError as error:
            return Inline(self._watched, job, reason=str(error)).judge()

    def _watched(self, job: Job, way: Way) -> tuple[Opinion, Ended]:
        """Start a process and judge it; its end, if it comes early, is a verdict."""
        running = self._solutions.run(
            "solution", job.limits, allow_processes=job.allow_processes
        )
        opinion: Opinion | None = None
        try:
            opinion = way(running, job)
        except DeadlineError:
            limit = job.limits.wall_s
            opinion = Opinion(
                verdict=Verdict.TIMEOUT, detail=f"over {limit:g} s by the clock"
            )
        except ProcessEndedError:
            pass
        except wire.FrameError as error:
            opinion = Opinion(verdict=Verdict.TAMPERED, detail=str(error))
        finally:
            ended = running.finish()
        return opinion or early_end(job, ended), ended

    def _try(self, running: Running, job: Job) -> Opinion:
        """Run the tests in a process of their own and carry its questions over."""
        running.send(wire.frame({"program": job.program}))
        opinion = loaded(running.receive(), job)
        if opinion is not None:
            return opinion
        calls = 0
        with self._trials.run("trial", job.limits) as trial:
            trial.send(wire.frame({"tests": job.tests}))
            try:
                while "verdict" not in (message := trial.receive()):
                    calls += "call" in message
                    trial.send(_carried(running, message))
            except _SolutionGoneError as gone:
                raise gone.reason from None
            except (DeadlineError, ProcessEndedError, wire.FrameError) as error:
                return _without_end(job, trial.finish(), calls, error)
        return _tried(job, message["verdict"], calls)


class _SolutionGoneError(Exception):
    """The solution's process failed while the tests were running."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _compare(
    asserts: list[literal.LiteralAssert],
    questions: list[bytes],
    running: Running,
    job: Job,
) -> Opinion:
    """Compare the answers to all asserts; no test code is run."""
    # All in one go: the process need not wait for us between two calls.
    running.send(b"".join((wire.frame({"program": job.program}), *questions)))
    opinion = loaded(running.receive(), job)
    for one in asserts:
        if opinion is not None:
            return opinion
        opinion = _check(running, one)
    return opinion or SOLVED


def _questions(one: literal.LiteralAssert) -> bytes:
    return b"".join(
        wire.frame(
            {
                "call": side.name,
                "args": [encode(item) for item in side.arguments],
                "kwargs": {name: encode(v) for name, v in side.keywords.items()},
            }
        )
        for side in (one.left, one.right)
        if isinstance(side, literal.Call)
    )


def _check(running: Running, one: literal.LiteralAssert) -> Opinion | None:
    """An opinion if the assert does not hold.

    :raises NotLiteralError: if the answer has to be looked at in a sandbox.
    """
    values = []
    for side in (one.left, one.right):
        if not isinstance(side, literal.Call):
            values.append(None if side is None else side.value)
            continue
        body = running.receive_raw()
        if len(body) > _MAX_ANSWER:
            raise literal.NotLiteralError("a long answer")
        answer = wire.parse(body)
        if not isinstance(answer, dict):
            raise wire.FrameError("not a message")
        if "raised" in answer:
            return raised(answer["raised"], "", failing_test=one.source)
        if "opaque" in answer and one.is_equality and one.has_literal:
            return _wrong(one, f"<{str(answer['opaque'])[:200]}>")
        if "result" not in answer:
            raise literal.NotLiteralError("an answer that is no plain data")
        try:
            values.append(decode(answer["result"]))
        except UnsupportedError as error:
            raise literal.NotLiteralError(str(error)) from error
    left, right = values
    if one.holds(left, right):
        return None
    if isinstance(one.left, literal.Value):
        left, right = right, left
    return _wrong(one, shortened(left), None if one.right is None else shortened(right))


def _wrong(
    one: literal.LiteralAssert, actual: str, expected: str | None = None
) -> Opinion:
    if expected is None:
        plain = [s for s in (one.left, one.right) if isinstance(s, literal.Value)]
        expected = shortened(plain[0].value) if plain else None
    return Opinion(
        verdict=Verdict.WRONG_ANSWER,
        detail=one.source,
        failing_test=one.source,
        expected=expected,
        actual=actual,
    )


def _carried(running: Running, question: object) -> bytes:
    """The program's answer to a question of the tests, not looked at on the way."""
    try:
        running.send(wire.frame(question))
        body = running.receive_raw()
    except (DeadlineError, ProcessEndedError, wire.FrameError) as error:
        raise _SolutionGoneError(error) from error
    return len(body).to_bytes(4, "big") + body


def _without_end(job: Job, ended: Ended, calls: int, error: Exception) -> Opinion:
    """The opinion when the tests' process did not get to a verdict."""
    if isinstance(error, wire.FrameError) or not calls:
        raise NotJudgedError(f"the test code did not end: {error!r}") from error
    # A program can give answers that keep the tests busy: no pass, and no way out.
    if ended.over_time or isinstance(error, DeadlineError):
        return Opinion(
            verdict=Verdict.TIMEOUT, detail="the tests did not end with its answers"
        )
    end = early_end(job, ended)
    return replace(end, detail=f"the tests ended with its answers: {end.detail}")


def _tried(job: Job, verdict: dict[str, object], calls: int) -> Opinion:
    """The opinion behind what the tests' process says."""
    if "unsupported" in verdict:
        raise UnsupportedError(str(verdict["unsupported"]))
    if "tampered" in verdict:
        return Opinion(verdict=Verdict.TAMPERED, detail=str(verdict["tampered"]))
    if "ended" in verdict:
        raise ProcessEndedError
    if "raised" in verdict:
        source = line_of(job.tests, verdict.get("line"))
        return raised(verdict["raised"], job.program, failing_test=source)
    failed = verdict.get("failed")
    if isinstance(failed, dict):
        source = line_of(job.tests, failed.get("line"))
        message = str(failed.get("message") or "")
        misused = failed.get("type") != "AssertionError" and "actual" not in verdict
        detail = f"{message} in: {source}" if misused else source or message
        expected, actual = verdict.get("expected"), verdict.get("actual")
        return Opinion(
            verdict=Verdict.WRONG_ANSWER,
            detail=detail.split("\n")[0],
            failing_test=source,
            expected=None if expected is None else str(expected),
            actual=None if actual is None else str(actual),
        )
    if not calls:
        raise NotJudgedError("the tests never call the solution: a broken problem")
    if not literal.assert_something(job.tests):
        raise NotJudgedError("the tests assert nothing: a broken problem")
    return SOLVED
