"""Judging beside the program, for tests whose values cannot travel.

Whatever runs in the program's process, the program can forge. So a pass counts only
with negative controls: the same tests with one expected value made wrong must fail, and
the true ones must pass again, in random order that the program cannot know.
"""

from __future__ import annotations

import ast
import importlib.util
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.controls import COUNT, controls
from pytest_selfinvoke.sandbox.verdicts import SOLVED, Opinion, line_of, loaded, raised

if TYPE_CHECKING:
    from pytest_selfinvoke.sandbox.running import Ended, Running

Watched = Callable[[Job, Callable[["Running", Job], Opinion]], "tuple[Opinion, Ended]"]


class Inline:
    """Judges one job beside the program.

    :param watched: starts a process for a job and asks it.
    :param reason: why the tests could not be run apart.
    """

    def __init__(self, watched: Watched, job: Job, *, reason: str) -> None:
        self._watched, self._job = watched, job
        self._notes = [f"judged inline: {reason}"]

    def judge(self) -> tuple[Opinion, Ended]:
        """The opinion, and how the program's first process ended.

        :raises NotJudgedError: if the tests pass whatever the program does.
        """
        opinion, ended = self._watched(self._job, beside)
        if opinion.verdict is Verdict.SOLVED:
            opinion = self._controlled(opinion)
        else:
            _need_libraries(self._job.tests, opinion)
        notes = (*self._notes, *opinion.notes)
        return replace(opinion, judge="inline", notes=notes), ended

    def _controlled(self, opinion: Opinion) -> Opinion:
        variants = controls(self._job.tests, self._job.entry_points)
        runs = [(tests, False) for tests in variants]
        runs += [(self._job.tests, True) for _ in variants]
        secrets.SystemRandom().shuffle(runs)
        if not runs:
            self._need_calls()
        for tests, should_pass in runs:
            again, _ = self._watched(replace(self._job, tests=tests), beside)
            if should_pass and again.verdict is not Verdict.SOLVED:
                self._notes.append("passed once, and failed when it was repeated")
                return again
            if again.verdict is Verdict.SOLVED and not should_pass:
                self._need_calls()
                return Opinion(
                    verdict=Verdict.TAMPERED,
                    detail="passes a test with a wrong expected value too",
                )
        self._notes.append(f"{len(variants)} negative controls failed as they should")
        if len(variants) < COUNT:
            self._notes.append(f"weak: fewer than {COUNT} negative controls")
        return opinion

    def _need_calls(self) -> None:
        """A program that only raises must fail the tests; else they show nothing."""
        stub = "".join(
            f"def {name}(*a, **k): raise NotImplementedError\n"
            for name in self._job.entry_points
        )
        other, _ = self._watched(replace(self._job, program=stub), beside)
        if other.verdict is Verdict.SOLVED:
            raise NotJudgedError("the tests never call the solution: a broken problem")


def beside(running: Running, job: Job) -> Opinion:
    """Run tests in the program's process."""
    nonce = secrets.token_hex(16)
    running.send(wire.frame({"program": job.program}))
    opinion = loaded(running.receive(), job)
    if opinion is not None:
        return opinion
    answer = running.ask({"inline": job.tests, "nonce": nonce})
    if answer.get("passed") == nonce:
        return SOLVED
    what = answer.get("raised")
    if not isinstance(what, dict):
        return Opinion(verdict=Verdict.TAMPERED, detail="no verdict of the tests")
    source = line_of(job.tests, what.get("line"))
    if what.get("type") == "AssertionError":
        message = str(what.get("message") or "").split("\n")[0][:500]
        return Opinion(
            verdict=Verdict.WRONG_ANSWER, detail=source or message, failing_test=source
        )
    return raised(what, "", failing_test=source)


def _need_libraries(tests: str, opinion: Opinion) -> None:
    """A library that the tests import and this host lacks is not the program's fault.

    :raises NotJudgedError: naming it.
    """
    if opinion.exception not in ("ModuleNotFoundError", "ImportError"):
        return
    for node in ast.walk(ast.parse(tests)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in {name.split(".")[0] for name in names}:
            if importlib.util.find_spec(name) is None:
                raise NotJudgedError(
                    f"the tests need the library {name!r}: install it beside pytest"
                )
