"""What the references of published benchmarks are like, in a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.anatomy.anatomist import Anatomist
from pytest_selfinvoke.anatomy.invocation import StaticView
from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.benchmarks.humaneval import HUMANEVAL
from pytest_selfinvoke.benchmarks.mini import MINI
from pytest_selfinvoke.benchmarks.parents import match
from pytest_selfinvoke.benchmarks.pro import HUMANEVAL_PRO, MBPP_PRO
from pytest_selfinvoke.core.anatomy import Anatomy, Score
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

#: References whose text does not name the base function at all.
UNNAMED_HUMANEVAL = {16, 19, 35, 41, 74, 119, 147}
UNNAMED_MBPP = {
    *(22, 83, 85, 104, 119, 146, 155, 183, 189, 203, 215, 217, 226, 237, 257, 265),
    *(266, 275, 297, 301, 317, 332, 335, 348, 351, 357),
}


class Bench:
    """The judge of :mod:`pytest_selfinvoke.evaluation`, without a model."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def run(self, program: str, problem: Problem) -> Execution:
        return self._sandbox.run(
            Job(
                program=program,
                tests=problem.target.tests,
                entry_points=problem.entry_points,
            )
        )

    def check_reference(self, problem: Problem) -> Execution:
        # What is run here are references.
        return Execution(verdict=Verdict.SOLVED)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("unsafe-ok") as sandbox:
        yield sandbox


def anatomies(
    benchmark: Benchmark, tests: dict[str, str], sandbox: Sandbox
) -> dict[str, Anatomy]:
    name = benchmark.info.name
    anatomist = Anatomist(
        observer=sandbox,
        limits=Limits(),
        tests={(name, problem): text for problem, text in tests.items()},
    )
    return {
        problem.id: anatomist.examine(
            problem.reference,
            Verdict.SOLVED,
            clean=problem,
            attacked=problem,
            bench=Bench(sandbox),
        )
        for problem in benchmark.load(None)
    }


def not_invoked(found: dict[str, Anatomy]) -> set[int]:
    return {
        int(name.rpartition("_")[2])
        for name, one in found.items()
        if one.invocation.invoked is False
    }


def test_embedded_references_invoke_their_base(sandbox: Sandbox) -> None:
    found = anatomies(MINI, {}, sandbox)
    assert {one.base.score for one in found.values()} == {Score.RIGHT}
    assert {one.invocation.observed for one in found.values()} == {True}
    assert {one.invocation.static for one in found.values()} == {True}


@pytest.mark.slow
def test_humaneval_pro(data: Path, sandbox: Sandbox) -> None:
    tests = match(HUMANEVAL_PRO.load(None), HUMANEVAL.load(None), numbered=True)
    found = anatomies(HUMANEVAL_PRO, tests, sandbox)
    others = {n for n, one in found.items() if one.base.score is not Score.RIGHT}
    # Its two functions have one name.
    assert others == {"HumanEvalPro_041"}
    # Two define an inner function of the base function's name, and no test of 24
    # reaches its call.
    assert not_invoked(found) == UNNAMED_HUMANEVAL | {24, 39, 63}
    inlined = {n for n, one in found.items() if one.invocation.inlined}
    assert inlined == {"HumanEvalPro_039", "HumanEvalPro_063"}


def test_mbpp_pro_by_its_syntax_trees(data: Path) -> None:
    problems = MBPP_PRO.load(None)
    views = {int(p.id[-3:]): StaticView(p.reference, p) for p in problems}
    found = {number for number, view in views.items() if not view.is_invoking}
    assert found > UNNAMED_MBPP
    # The others have a copy of their own, or call the base function's helper.
    copies = {n for n in found - UNNAMED_MBPP if views[n].is_inlined}
    assert found - UNNAMED_MBPP - copies == {262}
