"""Audits problems: everything is run in the sandbox, nothing is taken on trust."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytest_selfinvoke.anatomy.invocation import StaticView
from pytest_selfinvoke.audit import reading
from pytest_selfinvoke.audit.mutation import Mutant, mutants
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.observer import Observation

#: Mutants per problem, if the reference has so many places.
MUTANTS = 12
#: Processor time of a mutant, which may not end: at least, and times the reference's.
_MUTANT_CPU_S = 0.3
_MUTANT_FACTOR = 20
_PEAK = "selfinvoke_peak"
#: Of random numbers, where a reference or its tests use any.
_SEEDS = range(5)
#: How the judge's message on tests that say nothing ends.
_BROKEN = "a broken problem"

#: Finding -> whether a problem with it is unsound, and what it says.
FINDINGS: dict[str, tuple[bool, str]] = {
    "reference fails": (True, "the reference does not pass the tests"),
    "stub passes": (True, "functions that return None pass the tests"),
    "wrong passes": (True, "a program that the problem calls wrong passes the tests"),
    "no test": (True, "the tests assert nothing, or never call the solution"),
    "not invoking": (True, "the reference does not call the base function"),
    "depends on order": (True, "the verdict changes with the order of sets"),
    "depends on chance": (True, "the verdict changes with the seeds of random numbers"),
    "depends on the judge": (True, "it changes when tests run in the same process"),
    "nothing killed": (True, "the tests notice no mutant of the reference"),
    "not judged": (False, "no verdict can be given here: a library may be missing"),
    "idle assert": (False, "an assertion that no mutant fails"),
    "never reached": (False, "the base function is named, but no test gets there"),
    "few mutants killed": (False, "less than half of the mutants are noticed"),
    "float equality": (False, "a fractional number is compared with =="),
    "random or clock": (False, "random numbers or the time are used"),
}  # fmt: skip


class Executor(Protocol):
    """The sandbox."""

    def run(self, job: Job) -> Execution:
        """Run a program against its tests."""

    def observe(self, job: Job) -> Observation:
        """See whether the first entry point is called by the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What was found of one problem.

    :param findings: name, of :data:`FINDINGS`, and detail.
    :param mutants: how many were run, ``killed`` how many the tests noticed.
    :param cpu_s: processor time of the reference under its tests.
    :param memory_bytes: resident memory of the reference at its peak, with the
        interpreter; ``None`` if that could not be measured.
    """

    problem: str
    findings: tuple[tuple[str, str], ...]
    asserts: int = 0
    mutants: int = 0
    killed: int = 0
    cpu_s: float = 0.0
    memory_bytes: int | None = None
    invoking: bool | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the problem is unsound; nothing if it is sound."""
        return tuple(
            f"{name}: {detail}" if detail else name
            for name, detail in self.findings
            if FINDINGS[name][0]
        )


@dataclass(frozen=True, kw_only=True)
class Auditor:
    """Audits problems one by one.

    :param executor: the sandbox; ``shuffled`` are sandboxes whose programs hash texts
        otherwise, so that sets have another order.
    """

    executor: Executor
    shuffled: Sequence[Executor] = ()
    limits: Limits = field(default_factory=Limits)
    at_most: int = MUTANTS

    def audit(self, problem: Problem) -> Audited:
        """Everything that can be found of a problem."""
        tests, reference = problem.target.tests, problem.reference
        try:
            plain = self._run(problem, reference)
        except NotJudgedError as error:
            name = "no test" if _BROKEN in str(error) else "not judged"
            return Audited(problem=problem.id, findings=((name, str(error)),))
        missing = plain.exception in ("ModuleNotFoundError", "ImportError")
        if plain.verdict is not Verdict.SOLVED:
            name = "not judged" if missing else "reference fails"
            finding = (name, _why(plain))
            return Audited(problem=problem.id, findings=(finding,), cpu_s=plain.cpu_s)
        found: list[tuple[str, str]] = []
        count = len(reading.asserts(tests))
        if "assert" not in tests:
            found.append(("no test", "it has no assertion"))
        if self._verdict(problem, _stub(problem)) is Verdict.SOLVED:
            found.append(("stub passes", ""))
        for number, wrong in enumerate(problem.wrong, 1):
            if self._verdict(problem, wrong) is Verdict.SOLVED:
                found.append(("wrong passes", f"number {number}"))
        invoking = self._invocation(problem, found)
        used = reading.chances(tests, reference)
        found += self._instability(problem, plain, is_random=bool(used))
        short = min(self.limits.cpu_s, max(_MUTANT_CPU_S, _MUTANT_FACTOR * plain.cpu_s))
        made = mutants(reference, at_most=self.at_most)
        missed = (None, Verdict.SOLVED)
        killed = [
            mutant
            for mutant in made
            if self._verdict(problem, mutant.program, cpu_s=short) not in missed
        ]
        if made and not killed:
            found.append(("nothing killed", f"{len(made)} mutants"))
        elif 2 * len(killed) < len(made):
            found.append(("few mutants killed", f"{len(killed)} of {len(made)}"))
        found += [("idle assert", text) for text in self._idle(problem, killed, short)]
        if reading.compares_floats(tests):
            found.append(("float equality", ""))
        if used:
            found.append(("random or clock", ", ".join(used)))
        return Audited(
            problem=problem.id,
            findings=tuple(found),
            asserts=count,
            mutants=len(made),
            killed=len(killed),
            cpu_s=plain.cpu_s,
            memory_bytes=self._memory(problem),
            invoking=invoking,
        )

    def _instability(
        self, problem: Problem, plain: Execution, *, is_random: bool
    ) -> Iterator[tuple[str, str]]:
        """What else than the program decides the verdict on the reference."""
        reference = problem.reference
        for seed in _SEEDS if is_random else ():
            again = self._run(problem, _seeded(reference, seed))
            if again.verdict is not Verdict.SOLVED:
                # Then nothing can be said of another order.
                yield "depends on chance", _why(again)
                return
        for shuffled in self.shuffled:
            again = self._run(problem, reference, executor=shuffled)
            if again.verdict is not Verdict.SOLVED:
                yield "depends on order", _why(again)
                break
        if plain.judge == "apart":
            again = self._run(problem, reference, beside=True)
            if again.verdict is not Verdict.SOLVED:
                yield "depends on the judge", _why(again)

    def _invocation(
        self, problem: Problem, found: list[tuple[str, str]]
    ) -> bool | None:
        """Whether the reference calls its base function; ``None`` if it has none."""
        if problem.base is None:
            return None
        view = StaticView(problem.reference, problem)
        if not view.is_invoking:
            how = "an inner copy is called" if view.is_inlined else ""
            found.append(("not invoking", how))
            return False
        seen = self.executor.observe(self._job(problem, problem.reference)).invoked
        if seen is False:
            found.append(("never reached", ""))
        return seen is not False

    def _idle(
        self, problem: Problem, killed: Sequence[Mutant], cpu_s: float
    ) -> list[str]:
        """Assertions that none of the mutants fails that the tests notice."""
        tests = problem.target.tests
        texts = reading.asserts(tests)
        if len(texts) < 2:
            return []
        alone = {i: reading.only(tests, i) for i in range(len(texts))}
        # One that does not stand alone (it calls nothing, say) cannot be tried.
        idle = [
            i
            for i, test in alone.items()
            if self._verdict(problem, problem.reference, tests=test) is Verdict.SOLVED
        ]
        for mutant in killed:
            # A mutant that raises ends every test: it shows nothing of this one.
            idle = [
                i
                for i in idle
                if self._verdict(problem, mutant.program, tests=alone[i], cpu_s=cpu_s)
                is not Verdict.WRONG_ANSWER
            ]
            if not idle:
                break
        return [texts[i] for i in idle]

    def _memory(self, problem: Problem) -> int | None:
        """Peak resident memory, read at the end by an assertion that fails."""
        program = (
            f"{problem.reference}\n\ndef {_PEAK}():\n    import resource\n"
            "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        )
        tests = f"{problem.target.tests.rstrip()}\nassert {_PEAK}() == -1\n"
        job = replace(self._job(problem, program), tests=tests)
        job = replace(job, entry_points=(*job.entry_points, _PEAK))
        try:
            actual = self.executor.run(job).actual
        except NotJudgedError:
            return None
        return 1024 * int(actual) if actual and actual.isdigit() else None

    def _verdict(
        self,
        problem: Problem,
        program: str,
        *,
        tests: str | None = None,
        cpu_s: float | None = None,
    ) -> Verdict | None:
        """The verdict; ``None`` where none can be given."""
        try:
            return self._run(problem, program, tests=tests, cpu_s=cpu_s).verdict
        except NotJudgedError:
            return None

    def _run(
        self,
        problem: Problem,
        program: str,
        *,
        tests: str | None = None,
        cpu_s: float | None = None,
        executor: Executor | None = None,
        beside: bool = False,
    ) -> Execution:
        job = replace(self._job(problem, program), beside=beside)
        if tests is not None:
            job = replace(job, tests=tests)
        if cpu_s is not None:
            job = replace(job, limits=replace(self.limits, cpu_s=cpu_s))
        return (executor or self.executor).run(job)

    def _job(self, problem: Problem, program: str) -> Job:
        return Job(
            program=program,
            tests=problem.target.tests,
            entry_points=problem.entry_points,
            limits=self.limits,
        )


def _stub(problem: Problem) -> str:
    names = dict.fromkeys(problem.entry_points)
    return "\n\n".join(f"def {n}(*args, **kwargs):\n    return None\n" for n in names)


def _seeded(program: str, seed: int) -> str:
    """The program with seeds for the random numbers that it draws when called."""
    lines = [f'__import__("random").seed({seed})']
    if "numpy" in program:
        lines.append(f'__import__("numpy").random.seed({seed})')
    return "\n".join((program.rstrip(), *lines, ""))


def _why(execution: Execution) -> str:
    if execution.verdict is Verdict.TIMEOUT:
        return f"ended by its limit after {execution.cpu_s:.1f} s of processor time"
    return execution.detail or execution.exception or execution.verdict.value
