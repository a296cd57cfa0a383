from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

import pytest

from pytest_selfinvoke.anatomy.anatomist import Anatomist, attribute
from pytest_selfinvoke.core.anatomy import Anatomy, Attribution, Score
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.observer import Observation

PROBLEM = Problem(
    id="p",
    benchmark="b",
    base=Part(
        entry_point="one",
        prompt="def one():\n",
        solution="    return 1\n",
        tests="assert one() == 1",
    ),
    target=Part(
        entry_point="two",
        prompt="def two():\n",
        solution="    return one() + one()\n",
        tests="assert two() == 2",
    ),
)
PROGRAM = "def one(): return 1\ndef two(): return 2\n"


@dataclass
class Bench:
    """Gives verdicts by the function under test, and remembers what it was asked."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    unsuited: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    ran: list[tuple[str, Problem]] = field(default_factory=list)

    def run(self, program: str, problem: Problem) -> Execution:
        self.ran.append((program, problem))
        if problem.target.entry_point in self.lost:
            raise NotJudgedError("lost")
        verdict = self.verdicts.get(problem.target.entry_point, Verdict.SOLVED)
        exception = "KeyError" if verdict is Verdict.EXCEPTION else None
        return Execution(verdict=verdict, exception=exception, detail="why")

    def check_reference(self, problem: Problem) -> Execution:
        if problem.target.entry_point in self.unsuited:
            raise NotJudgedError("it fails")
        return Execution(verdict=Verdict.SOLVED)


@dataclass
class Eye:
    """Sees what it is told to."""

    seen: Observation | None = field(default_factory=lambda: Observation(invoked=True))
    jobs: list[Job] = field(default_factory=list)

    def observe(self, job: Job) -> Observation:
        self.jobs.append(job)
        if self.seen is None:
            raise NotJudgedError("lost")
        return self.seen


def examine(
    program: str | None = PROGRAM,
    verdict: Verdict = Verdict.SOLVED,
    *,
    problem: Problem = PROBLEM,
    clean: Problem | None = None,
    bench: Bench | None = None,
    eye: Eye | None = None,
    tests: dict[tuple[str, str], str] | None = None,
) -> Anatomy:
    anatomist = Anatomist(observer=eye or Eye(), limits=Limits(), tests=tests or {})
    return anatomist.examine(
        program,
        verdict,
        clean=clean or problem,
        attacked=problem,
        bench=bench or Bench(),
    )


def test_a_solved_case_is_not_attributed() -> None:
    bench = Bench()
    found = examine(bench=bench)
    assert (found.base.score, found.attribution) == (Score.RIGHT, None)
    assert found.substituted == {}
    assert [problem.target for _, problem in bench.ran] == [PROBLEM.base]


def test_an_answer_without_a_program_has_no_code() -> None:
    found = examine(None, Verdict.NO_CODE)
    assert found.attribution is Attribution.NO_CODE
    assert (found.base.score, found.base.failure) == (Score.WRONG, "no_code")
    assert found.missing == ("base", "invoking")


def test_a_wrong_base_function_says_how() -> None:
    bench = Bench({"one": Verdict.EXCEPTION})
    found = examine(bench=bench).base
    assert (found.score, found.failure) == (Score.WRONG, "KeyError")
    bench = Bench({"one": Verdict.WRONG_ANSWER})
    assert examine(bench=bench).base.failure == "wrong_answer"


def test_unknown_is_not_wrong() -> None:
    untested = replace(PROBLEM, base=replace(PROBLEM.base, tests=""))  # type: ignore[type-var]
    assert examine(problem=untested).base.score is Score.UNKNOWN
    assert examine(bench=Bench(unsuited={"one"})).base.score is Score.UNKNOWN
    assert examine(bench=Bench(lost={"one"})).base.score is Score.UNKNOWN


def test_tests_of_the_parent_get_the_name_that_the_model_saw() -> None:
    assert PROBLEM.base is not None
    clean = replace(PROBLEM, base=replace(PROBLEM.base, tests=""))
    attacked = replace(clean, base=replace(PROBLEM.base, tests="", entry_point="uno"))
    bench = Bench()
    tests = {("b", "p"): "assert one() == 1"}
    examine(problem=attacked, clean=clean, bench=bench, tests=tests)
    [(_, asked)] = bench.ran
    assert (asked.target.entry_point, asked.target.tests) == (
        "uno",
        "assert uno() == 1\n",
    )


def test_an_unsolved_case_is_run_with_either_half_of_the_reference() -> None:
    bench = Bench({"two": Verdict.TIMEOUT})
    found = examine(verdict=Verdict.TIMEOUT, bench=bench)
    assert found.substituted == {"base": "timeout", "invoking": "timeout"}
    assert found.attribution is Attribution.BOTH
    _, *programs = [program for program, _ in bench.ran]
    assert all("_selfinvoke_reference" in program for program in programs)
    bench = Bench(lost={"two"})
    found = examine(verdict=Verdict.TIMEOUT, bench=bench)
    assert found.attribution is Attribution.UNKNOWN


def test_every_pair_of_verdicts_has_its_class() -> None:
    verdicts = ("solved", "wrong_answer")
    found = [
        attribute({"base": base, "invoking": invoking})
        for base, invoking in product(verdicts, verdicts)
    ]
    assert found == [
        Attribution.COMBINATION,
        Attribution.BASE,
        Attribution.INVOCATION,
        Attribution.BOTH,
    ]
    assert attribute({"base": "solved"}) is Attribution.UNKNOWN


def test_what_is_observed_and_what_is_read_stand_apart() -> None:
    found = examine().invocation
    assert (found.static, found.observed, found.invoked) == (False, True, True)
    found = examine(eye=Eye(Observation(invoked=False, misfit=True))).invocation
    assert (found.observed, found.wrong_arity) == (False, True)
    found = examine(eye=Eye(None)).invocation
    assert (found.observed, found.invoked) == (None, False)


def test_a_program_without_both_functions_is_not_watched() -> None:
    eye = Eye()
    found = examine("def two(): return 2", Verdict.MISSING_ENTRY_POINT, eye=eye)
    assert (found.missing, eye.jobs) == (("base",), [])
    found = examine("def one(): return 1", Verdict.MISSING_ENTRY_POINT, eye=eye)
    assert (found.missing, eye.jobs) == (("invoking",), [])


@pytest.mark.parametrize(
    ("verdict", "cpu_s"), [(Verdict.TIMEOUT, 2.0), (Verdict.WRONG_ANSWER, 10.0)]
)
def test_what_does_not_end_is_watched_for_a_short_time(
    verdict: Verdict, cpu_s: float
) -> None:
    eye = Eye()
    examine(verdict=verdict, eye=eye)
    [job] = eye.jobs
    assert (job.limits.cpu_s, job.entry_points) == (cpu_s, ("one", "two"))


def test_two_functions_of_one_name_cannot_be_told_apart() -> None:
    problem = replace(PROBLEM, target=replace(PROBLEM.target, entry_point="one"))
    bench, eye = Bench(), Eye()
    found = examine(
        "def one(): return one",
        Verdict.WRONG_ANSWER,
        problem=problem,
        bench=bench,
        eye=eye,
    )
    assert (found.base.score, found.attribution) == (Score.UNKNOWN, Attribution.UNKNOWN)
    assert found.invocation.invoked is False
    assert (bench.ran, eye.jobs) == ([], [])
