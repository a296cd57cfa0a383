"""``@pytest.mark.selfinvoke`` on a test function: one call per case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.records import Case, Problem
from pytest_selfinvoke.plan import Plan
from pytest_selfinvoke.plugin.runtime import FIXTURE_MODEL, Runtime
from pytest_selfinvoke.plugin.stash import RUNTIME
from pytest_selfinvoke.suite import BenchmarkChoice, Limit, Suite

FIXTURE = "selfinvoke_case"

_ARGUMENTS = ("benchmark", "attack", "samples", "limit")


@dataclass(frozen=True, kw_only=True)
class BoundCase:
    """A case with the plan and problem it belongs to: the fixture's parameter."""

    plan: Plan
    case: Case
    problem: Problem


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a marked test over the cases its mark asks for."""
    mark = metafunc.definition.get_closest_marker("selfinvoke")
    name = metafunc.function.__name__
    if FIXTURE not in metafunc.fixturenames:
        if mark is not None:
            pytest.fail(
                f"{name}: @pytest.mark.selfinvoke needs the fixture {FIXTURE}",
                pytrace=False,
            )
        return
    if mark is None:
        pytest.fail(
            f"{name}: {FIXTURE} needs @pytest.mark.selfinvoke(...)", pytrace=False
        )
    runtime = metafunc.config.stash[RUNTIME]
    try:
        bound = _bound_cases(runtime, mark)
    except UserError as error:
        message = f"{name}: @pytest.mark.selfinvoke: {error}"
        raise pytest.fail.Exception(message, pytrace=False) from None
    metafunc.parametrize(
        FIXTURE, bound, ids=[_parameter_id(b.case) for b in bound], indirect=True
    )


def _bound_cases(runtime: Runtime, mark: pytest.Mark) -> list[BoundCase]:
    plan = runtime.marker_plan(_suite(runtime, mark))
    problems = plan.problems()
    return [
        BoundCase(plan=plan, case=case, problem=problems[case.benchmark, case.problem])
        for case in plan.all_cases()
    ]


def _suite(runtime: Runtime, mark: pytest.Mark) -> Suite:
    """The options' suite with the mark's arguments laid over it.

    ``--limit``, ``--samples`` and ``--attack`` on the command line win over the mark,
    as options win over a suite file.
    """
    if mark.args:
        raise UserError(f"takes keywords only: {', '.join(_ARGUMENTS)}")
    for keyword in mark.kwargs:
        if keyword not in _ARGUMENTS:
            raise UnknownNameError("keyword", keyword, _ARGUMENTS)
    marked: dict[str, Any] = {"models": (FIXTURE_MODEL,)}
    if "benchmark" in mark.kwargs:
        names = _names(mark, "benchmark")
        marked["benchmarks"] = tuple(BenchmarkChoice(name=name) for name in names)
    if "attack" in mark.kwargs:
        marked["attacks"] = tuple(_names(mark, "attack"))
    if "limit" in mark.kwargs:
        marked["limit"] = Limit.parse(mark.kwargs["limit"])
    if "samples" in mark.kwargs:
        marked["samples"] = mark.kwargs["samples"]
        if type(marked["samples"]) is not int:
            raise UserError(f"samples is a number, not {marked['samples']!r}")
    suite = replace(runtime.settings.defaults, **marked)
    overrides = dict(runtime.settings.overrides)
    if "benchmark" in mark.kwargs:
        # A mark says what its test is about; --benchmark brings paths at most.
        given = {choice.name: choice for choice in overrides.pop("benchmarks", ())}
        chosen = tuple(given.get(c.name, c) for c in suite.benchmarks)
        suite = replace(suite, benchmarks=chosen)
    suite = replace(suite, **overrides)
    if not suite.benchmarks:
        suite = replace(suite, benchmarks=(BenchmarkChoice(name="mini"),))
    return suite


def _names(mark: pytest.Mark, keyword: str) -> Sequence[str]:
    value = mark.kwargs[keyword]
    names = value if isinstance(value, list | tuple) else [value]
    if not names or not all(isinstance(name, str) for name in names):
        raise UserError(f"{keyword} is a name or a list of names, not {value!r}")
    return names


def _parameter_id(case: Case) -> str:
    return "-".join((case.benchmark, case.model, case.problem, case.name))
