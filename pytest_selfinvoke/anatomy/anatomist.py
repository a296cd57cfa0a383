"""Takes judged self-invoking cases apart, with the sandbox that judged them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytest_selfinvoke.anatomy.invocation import StaticView
from pytest_selfinvoke.anatomy.substitution import (
    defined_names,
    with_reference_base,
    with_reference_invoking,
)
from pytest_selfinvoke.benchmarks.parents import renamed
from pytest_selfinvoke.core.anatomy import (
    Anatomy,
    Attribution,
    Invocation,
    PartResult,
    Score,
)
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.observer import Observation

#: Processor time to watch a program that is known not to end; what was seen counts.
_ENDLESS_CPU_S = 2.0
_ONE_NAME = "both functions have one name, so that a program can have one of them only"


class Bench(Protocol):
    """Judges programs as the case itself was judged."""

    def run(self, program: str, problem: Problem) -> Execution:
        """Run a program against a problem's tests.

        :raises NotJudgedError: if the sandbox, or the problem, is at fault.
        """

    def check_reference(self, problem: Problem) -> Execution:
        """Make sure that a problem's reference solves it.

        :raises NotJudgedError: if it does not.
        """


class Observer(Protocol):
    """Watches programs: the sandbox."""

    def observe(self, job: Job) -> Observation:
        """See whether the first entry point is called by the last one.

        :raises NotJudgedError: if the sandbox failed.
        """


@dataclass(frozen=True, kw_only=True)
class Anatomist:
    """Takes cases apart.

    :param observer: the sandbox.
    :param tests: (benchmark, problem id) -> tests of the base function, where the
        problem has none of its own.
    """

    observer: Observer
    limits: Limits
    allow_processes: bool = False
    tests: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def examine(
        self,
        program: str | None,
        verdict: Verdict,
        *,
        clean: Problem,
        attacked: Problem,
        bench: Bench,
    ) -> Anatomy:
        """Say which function is wrong, and whether the base function is invoked.

        :param program: the program, or what there is of it; ``None`` if nothing.
        :param verdict: that of the case.
        :param attacked: the problem as the model saw it, under whose names the program
            is run; ``clean`` is the one that it was made from.
        """
        assert attacked.base is not None
        if program is None:
            wrong = PartResult(score=Score.WRONG, failure=verdict.value)
            return Anatomy(
                base=wrong,
                missing=("base", "invoking"),
                attribution=Attribution.NO_CODE,
            )
        names = defined_names(program)
        parts = {"base": attacked.base, "invoking": attacked.target}
        missing = tuple(n for n, part in parts.items() if part.entry_point not in names)
        base = self._base(program, clean, attacked, bench)
        substituted = {}
        if verdict is not Verdict.SOLVED and not _is_one_name(attacked):
            substituted = _substituted(program, attacked, bench)
        return Anatomy(
            base=base,
            missing=missing,
            attribution=None if verdict is Verdict.SOLVED else attribute(substituted),
            substituted=substituted,
            invocation=self._invocation(
                program, attacked, is_whole=not missing, verdict=verdict
            ),
        )

    def _base(
        self, program: str, clean: Problem, attacked: Problem, bench: Bench
    ) -> PartResult:
        """The base function under its own tests, or those of its parent."""
        if _is_one_name(attacked):
            return PartResult(score=Score.UNKNOWN, detail=_ONE_NAME)
        part = self._tested_base(clean, attacked)
        if part is None:
            return PartResult(score=Score.UNKNOWN, detail="there are no tests of it")
        problem = Problem(id=clean.id, benchmark=clean.benchmark, target=part)
        try:
            bench.check_reference(problem)
        except NotJudgedError:
            detail = "its tests do not suit it: the reference fails them"
            return PartResult(score=Score.UNKNOWN, detail=detail)
        try:
            execution = bench.run(program, problem)
        except NotJudgedError as error:
            return PartResult(score=Score.UNKNOWN, detail=str(error))
        if execution.verdict is Verdict.SOLVED:
            return PartResult(score=Score.RIGHT)
        failure = execution.verdict.value
        if execution.verdict is Verdict.EXCEPTION and execution.exception:
            failure = execution.exception
        return PartResult(score=Score.WRONG, failure=failure, detail=execution.detail)

    def _tested_base(self, clean: Problem, attacked: Problem) -> Part | None:
        assert attacked.base is not None
        if attacked.base.tests:
            return attacked.base
        tests = self.tests.get((clean.benchmark, clean.id))
        if tests is None or clean.base is None:
            return None
        name = attacked.base.entry_point
        return replace(
            attacked.base, tests=renamed(tests, clean.base.entry_point, name)
        )

    def _invocation(
        self, program: str, attacked: Problem, *, is_whole: bool, verdict: Verdict
    ) -> Invocation:
        try:
            view = StaticView(program, attacked)
        except SyntaxError:
            return Invocation()
        observation = Observation()
        if is_whole and not _is_one_name(attacked):
            limits = self.limits
            if verdict is Verdict.TIMEOUT:
                cpu_s = min(limits.cpu_s, _ENDLESS_CPU_S)
                limits = replace(limits, cpu_s=cpu_s)
            job = Job(
                program=program,
                tests=attacked.target.tests,
                entry_points=attacked.entry_points,
                limits=limits,
                allow_processes=self.allow_processes,
            )
            try:
                observation = self.observer.observe(job)
            except NotJudgedError:
                observation = Observation()
        invoked = view.is_invoking
        return Invocation(
            static=invoked,
            observed=observation.invoked,
            wrong_arity=observation.misfit or view.is_arity_wrong,
            inlined=not observation.invoked and view.is_inlined,
        )


def _is_one_name(problem: Problem) -> bool:
    """Whether both functions have one name, as in number 41 of HumanEval Pro."""
    return len(set(problem.entry_points)) == 1


def _substituted(program: str, attacked: Problem, bench: Bench) -> dict[str, str]:
    """Verdicts with the reference's base, and with its invoking function.

    A verdict is left out where none could be given.
    """
    found = {}
    ways = {"base": with_reference_base, "invoking": with_reference_invoking}
    for name, substitute in ways.items():
        try:
            execution = bench.run(substitute(program, attacked), attacked)
            found[name] = execution.verdict.value
        except (NotJudgedError, SyntaxError):
            continue
    return found


def attribute(substituted: Mapping[str, str]) -> Attribution:
    """The part to blame, from the two verdicts."""
    if len(substituted) < 2:
        return Attribution.UNKNOWN
    solved = Verdict.SOLVED.value
    with_base = substituted["base"] == solved
    with_invoking = substituted["invoking"] == solved
    return {
        (True, False): Attribution.BASE,
        (False, True): Attribution.INVOCATION,
        (False, False): Attribution.BOTH,
        (True, True): Attribution.COMBINATION,
    }[with_base, with_invoking]
