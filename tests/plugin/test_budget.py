"""``--attack-budget``: strongest first, and a problem is left alone when it is settled."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.metrics.budget import Strength
from pytest_selfinvoke.plugin.budget import Shown

from .conftest import Run, records

ATTACKS = """
from dataclasses import replace

def comment(word):
    def attack(problem, rng):
        target = replace(problem.target, prompt=f"# {word}\\n{problem.target.prompt}")
        return replace(problem, target=target)
    return attack

def pytest_selfinvoke_attacks(registry):
    for word in ("mild", "strong", "other"):
        registry.add(f"mine.{word}", comment(word))
"""
OWN = """
class Weak:
    '''Loses its head at the word "strong".'''
    max_batch = 1
    def __init__(self, spec): pass
    def generate(self, requests):
        return [
            "no code" if "# strong" in r.prompt.shown() else SOLUTIONS[r.case["problem"]]
            for r in requests
        ]
"""


def solutions(count: int) -> dict[str, str]:
    mini: Benchmark = Registry("benchmark", BUILTIN).get("mini")
    return {p.id: p.reference for p in mini.load(None)[:count]}


@pytest.fixture
def weak(pytester: pytest.Pytester) -> str:
    pytester.makeconftest(ATTACKS)
    pytester.makepyfile(weak=f"{OWN}\nSOLUTIONS = {solutions(2)!r}\n")
    return "--model=weak:Weak"


ALL = "--attack=clean,mine.mild,mine.strong,mine.other"


def test_a_broken_problem_is_left_alone(
    run_both: Run, pytester: pytest.Pytester, weak: str
) -> None:
    result = run_both(weak, ALL, "--limit=2", "--attack-budget=3")
    result.assert_outcomes(passed=4, failed=2, skipped=2)
    found = {
        r["case"]["attack"]: r["detail"]
        for r in records(pytester.path)
        if r["status"] == "skipped"
    }
    assert found == {"mine.other": "attack budget: the problem is broken already"}
    result.stdout.fnmatch_lines(["*left out by the budget 2"])


def test_a_budget_is_spent_and_bounds_are_told(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(ATTACKS)
    result = run("--model=oracle", ALL, "--limit=2", "--attack-budget=1")
    result.assert_outcomes(passed=4, skipped=4)
    result.stdout.fnmatch_lines(
        [
            "RP under all attacks lies between 0.0 and 100.0 %: the budget left 2 problems open"
        ]
    )


def test_the_strongest_attacks_of_earlier_runs_come_first(
    run_both: Run, pytester: pytest.Pytester, weak: str
) -> None:
    run_both(weak, ALL, "--limit=2")
    result = run_both(weak, ALL, "--limit=2", "--attack-budget=3", "-v")
    result.assert_outcomes(passed=2, failed=2, skipped=4)


def test_what_this_run_shows_decides_too(
    run_both: Run, pytester: pytest.Pytester, weak: str
) -> None:
    """Nothing is known before: the first problems show which attack is the strong one."""
    pytester.makepyfile(weak=f"{OWN}\nSOLUTIONS = {solutions(8)!r}\n")
    result = run_both(weak, ALL, "--limit=8", "--attack-budget=2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = {
        (r["case"]["problem"], r["case"]["attack"])
        for r in records(pytester.path)
        if r["detail"].endswith("stronger in this run come first")
    }
    last = sorted({problem for problem, _ in found})[-1]
    assert (last, "mine.mild") in found
    assert "mine.strong" not in {attack for _, attack in found}


def test_what_is_shown_is_counted_once_and_by_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "shown"
    shown = Shown(file)
    assert shown.strengths() == {}
    file.write_text('["a.x", true]\n["a.x", false]\n["a.y", tr')
    for _ in range(2):
        assert shown.strengths() == {"a.x": Strength(tried=2, broken=1)}
    with file.open("a") as stream:
        stream.write("ue]\n")
    assert shown.strengths()["a.x"] == Strength(tried=2, broken=1)
    assert shown.strengths()["a.y"] == Strength(tried=1, broken=1)


def test_attacks_that_are_compared_are_never_left_out(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(ATTACKS)
    attacks = "--attack=mine,clean.repeat,clean"
    result = run("--model=oracle", attacks, "--limit=1", "--attack-budget=1")
    result.assert_outcomes(passed=3, skipped=2)


def test_a_budget_of_nothing_is_refused(run: Run) -> None:
    result = run("--model=oracle", "--attack-budget=0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --attack-budget must be at least 1, not 0"])
