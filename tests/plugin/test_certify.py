"""Variants are certified before they are used, and on request without a model."""

from __future__ import annotations

import pytest

from .conftest import Run, records

ATTACKS = """
from dataclasses import replace

def changed(problem, old, new):
    target = problem.target
    return replace(problem, target=replace(target, prompt=target.prompt.replace(old, new)))

def breaks(problem, rng):
    # What is asked for has another name than what is tested.
    return changed(problem, f"def {problem.target.entry_point}(", "def another(")

def works(problem, rng):
    return replace(
        problem,
        target=replace(problem.target, prompt="# Take care.\\n" + problem.target.prompt),
    )

def pytest_selfinvoke_attacks(registry):
    registry.add("mine.breaks", breaks)
    registry.add("mine.works", works)
"""


def test_a_broken_variant_is_skipped_with_the_reason(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(ATTACKS)
    result = run_both("--model=oracle", "--attack=clean,mine", "--limit=2")
    result.assert_outcomes(passed=4, skipped=2)
    result.stdout.fnmatch_lines(["oracle * mine.breaks * 0 *", "*broken 2"])
    skipped = [r for r in records(pytester.path) if r["status"] == "skipped"]
    for record in skipped:
        reason = "broken variant: the reference does not define "
        assert record["detail"].startswith(reason)


def test_the_table_without_a_model(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(ATTACKS)
    result = run("--selfinvoke-certify", "--attack=mine", "--limit=2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "mini: 2 problems",
            "attack * valid * inert * broken * unjudged",
            "mine.breaks * 0 * 0 * 2 * 0",
            "    * broken: *",
            "mine.works * 2 * 0 * 0 * 0",
        ]
    )
    result = run("--selfinvoke-certify", "--attack=mine.works", "--limit=2")
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--attack=docstring.buter_fingers"], "did you mean*butter_fingers"),
        (["--attack=docstring.butter_fingers@probability=7"], "probability"),
        (["--benchmark=minni"], "minni"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(run: Run, arguments: list[str], words: str) -> None:
    result = run("--selfinvoke-certify", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{words}*"])
