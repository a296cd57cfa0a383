from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from pytest_selfinvoke.anatomy.anatomist import Anatomist
from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.core.errors import NotApplicableError, NotJudgedError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import (
    Case,
    Completion,
    ModelSpec,
    Part,
    Problem,
    Prompt,
    Sampling,
    Variant,
)
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.evaluation import Asked, Asking, Services, take_apart
from pytest_selfinvoke.generation.identity import completion_key
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.observer import Observation

PROBLEM = Problem(
    id="p",
    benchmark="b",
    target=Part(
        entry_point="f", prompt="def f():", solution="    return 1", tests="assert f()"
    ),
)
LIMITS = Limits(cpu_s=2.0, cpu_factor=5.0, wall_s=6.0)


@dataclass
class Clockwork:
    """A sandbox in which each program takes a known time."""

    times: dict[str, float]
    jobs: list[Job] = field(default_factory=list)

    def run(self, job: Job) -> Execution:
        self.jobs.append(job)
        wanted, allowed = self.times[job.program], job.limits.cpu_s
        return Execution(
            verdict=Verdict.TIMEOUT if wanted > allowed else Verdict.SOLVED,
            cpu_s=min(wanted, allowed),
            cpu_limit_s=allowed,
        )


def services(sandbox: Clockwork) -> Services:
    asking = cast("Asking", None)
    return Services(asking=asking, executor=sandbox, limits=LIMITS)


def run(program_s: float, reference_s: float) -> tuple[Execution, list[Any]]:
    sandbox = Clockwork({"program": program_s, PROBLEM.reference: reference_s})
    execution = services(sandbox).run("program", PROBLEM)
    return execution, [(j.program, j.limits.cpu_s) for j in sandbox.jobs]


def test_a_program_that_passes_needs_no_reference() -> None:
    execution, jobs = run(1.9, 9.9)
    assert execution.verdict is Verdict.SOLVED
    assert jobs == [("program", 2.0)]


def test_where_the_reference_is_slow_there_is_more_time() -> None:
    execution, jobs = run(6.0, 1.5)
    assert (execution.verdict, execution.cpu_limit_s) == (Verdict.SOLVED, 7.5)
    assert [limit for _, limit in jobs] == [2.0, 10.0, 7.5]


def test_more_time_is_not_endless() -> None:
    execution, _ = run(8.0, 1.5)
    assert (execution.verdict, execution.cpu_limit_s) == (Verdict.TIMEOUT, 7.5)


def test_a_fast_reference_gives_no_more_than_the_floor() -> None:
    execution, jobs = run(3.0, 0.01)
    assert (execution.verdict, execution.cpu_limit_s) == (Verdict.TIMEOUT, 2.0)
    assert len(jobs) == 2


def test_a_reference_that_takes_too_long_is_not_the_programs_fault() -> None:
    with pytest.raises(NotJudgedError, match="reference solution of p fails"):
        run(3.0, 11.0)


def test_the_reference_is_run_once() -> None:
    sandbox = Clockwork({"program": 3.0, PROBLEM.reference: 0.1})
    both = services(sandbox)
    both.run("program", PROBLEM)
    both.run("program", PROBLEM)
    assert [j.program for j in sandbox.jobs].count(PROBLEM.reference) == 1


def test_the_clock_stays_as_far_behind_as_it_was() -> None:
    limits = LIMITS.calibrated(4.0)
    assert (limits.cpu_s, limits.wall_s) == (20.0, 60.0)
    assert LIMITS.calibrated(0.1) == LIMITS


def test_a_missing_library_is_told_with_those_that_the_problem_has() -> None:
    class Missing:
        def run(self, job: Job) -> Execution:
            if job.program == PROBLEM.reference:
                return Execution(verdict=Verdict.SOLVED)
            return Execution(
                verdict=Verdict.EXCEPTION,
                exception="ModuleNotFoundError",
                detail="No module named 'x'",
            )

    execution = services(cast("Clockwork", Missing())).run("import x", PROBLEM)
    assert execution.detail == (
        "No module named 'x'; the problem's libraries: the standard library"
    )


BOTH = Problem(
    id="p",
    benchmark="b",
    base=Part(
        entry_point="g", prompt="def g():", solution="    return 1", tests="assert g()"
    ),
    target=Part(
        entry_point="f",
        prompt="def f():",
        solution="    return g()",
        tests="assert f()",
    ),
)


class Everything:
    """A sandbox in which every program passes, and every call is seen."""

    def run(self, job: Job) -> Execution:
        return Execution(verdict=Verdict.SOLVED)

    def observe(self, job: Job) -> Observation:
        return Observation(invoked=True)


def apart(
    text: str, verdict: Verdict | None, *, problem: Problem = BOTH, is_on: bool = True
) -> dict[str, Any] | None:
    sandbox = Everything()
    anatomist = Anatomist(observer=sandbox, limits=LIMITS) if is_on else None
    services = Services(
        asking=cast("Asking", None),
        executor=sandbox,
        limits=LIMITS,
        anatomist=anatomist,
    )
    asked = Asked(
        case=cast("Case", None),
        problem=problem,
        attacked=problem,
        prompt=Prompt(style="chat"),
        request=cast("Request", None),
    )
    record = Record(case={}, status=Status.FAILED, verdict=verdict)
    return take_apart(record, asked, Completion(text=text), services).anatomy


def test_the_function_that_is_there_is_looked_at() -> None:
    verdict = Verdict.MISSING_ENTRY_POINT
    found = apart("def g():\n    return 1\n", verdict)
    assert found is not None
    assert (found["missing"], found["base"]["score"]) == (["invoking"], "right")
    found = apart("def f():\n    return 1\n", verdict)
    assert found is not None
    assert found["missing"] == ["base"]
    found = apart("There is none.", Verdict.NO_CODE)
    assert found is not None
    assert found["attribution"] == "no_code"


def test_only_judged_self_invoking_cases_are_taken_apart() -> None:
    text = "def f():\n    return 1\n"
    assert apart(text, None) is None
    assert apart(text, Verdict.WRONG_ANSWER, problem=PROBLEM) is None
    assert apart(text, Verdict.WRONG_ANSWER, is_on=False) is None
    assert apart(text, Verdict.WRONG_ANSWER) is not None


def test_programs_of_two_parts_have_little_time() -> None:
    class Noting(Everything):
        def __init__(self) -> None:
            self.cpu_s: list[float] = []

        def run(self, job: Job) -> Execution:
            self.cpu_s.append(job.limits.cpu_s)
            return Execution(verdict=Verdict.SOLVED)

    sandbox = Noting()
    limits = Limits(cpu_s=10.0)
    services = Services(
        asking=cast("Asking", None),
        executor=sandbox,
        limits=limits,
        anatomist=Anatomist(observer=sandbox, limits=limits),
    )
    asked = Asked(
        case=cast("Case", None),
        problem=BOTH,
        attacked=BOTH,
        prompt=Prompt(style="chat"),
        request=cast("Request", None),
    )
    record = Record(
        case={}, status=Status.FAILED, verdict=Verdict.WRONG_ANSWER, program="def g():\n  return 1\ndef f():\n  return 1"
    )  # fmt: skip
    assert take_apart(record, asked, Completion(text=""), services).anatomy is not None
    # References may take ten times that.
    assert set(sandbox.cpu_s) == {2.0, 20.0}


@dataclass
class Kind:
    """A kind of model of which nothing but its abilities is asked."""

    has_gradients: bool
    needs_reference: bool = False


def asking(kind: Kind) -> Asking:
    return Asking(
        generator=cast("Any", None),
        attacks=Registry("attack", BUILTIN),
        models={"m": ModelSpec(spec="x", label="m")},
        kind=lambda spec: cast("Any", kind),
        sampling=Sampling(),
    )


def perturbed_case(attack: str) -> Case:
    return Case(
        benchmark="b",
        problem="p",
        model="m",
        variant=Variant(attack=attack, seed=0),
        style="completion",
        sample=0,
        seed=0,
        name=attack,
    )


def test_what_is_perturbed_goes_with_the_prompt() -> None:
    asked = asking(Kind(has_gradients=True)).ask(
        perturbed_case("gradient.pgd"), PROBLEM
    )
    clean = asking(Kind(has_gradients=False)).ask(perturbed_case("clean"), PROBLEM)
    wanted = asked.request.prompt.perturbation
    assert wanted is not None
    assert (wanted.method, wanted.answer) == ("pgd", "    return 1\n")
    assert asked.prompt.text == clean.prompt.text
    assert asked.prompt.hash != clean.prompt.hash
    assert Request.from_json(asked.request.to_json()) == asked.request
    # Neither is taken for the other in the store; other seeds are other questions.
    other = replace(asked.prompt, perturbation=replace(wanted, seed=1))
    keys = {
        completion_key("model", replace(asked.request, prompt=prompt, seed=0))
        for prompt in (asked.prompt, clean.prompt, other)
    }
    assert len(keys) == 3


def test_a_model_without_gradients_is_left_out() -> None:
    with pytest.raises(
        NotApplicableError, match=r"^m gives no gradients: gradient.fgsm needs an hf:"
    ):
        asking(Kind(has_gradients=False)).ask(perturbed_case("gradient.fgsm"), PROBLEM)


def test_a_template_is_recorded_by_its_name_not_its_folder(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("$prompt\n")
    case = replace(perturbed_case("clean"), style=f"template:{tmp_path / 'x.txt'}")
    asked = asking(Kind(has_gradients=False)).ask(case, PROBLEM)
    assert asked.case.style == asked.prompt.style == "template:x.txt"
