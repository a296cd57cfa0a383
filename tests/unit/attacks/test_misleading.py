from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from pytest_selfinvoke.core.records import Problem
from tests.unit.attacks.samples import PLAIN, PRO, attacked, holds

NAMES = [
    f"misleading.{name}"
    for name in (
        "degrading_suffix",
        "garbage_code",
        "irrelevant_context",
        "wrong_comment",
        "wrong_hint",
    )
]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("problem", [PLAIN, PRO], ids=["plain", "pro"])
@pytest.mark.parametrize("name", NAMES)
def test_something_is_added_and_nothing_taken_away(
    name: str, problem: Problem, seed: int
) -> None:
    changed = attacked(name, problem, seed)
    assert set(problem.prompt.split("\n")) < set(changed.prompt.split("\n"))
    assert changed.target.solution == problem.target.solution
    assert holds(changed)


def test_comments_below_are_indented_like_the_body() -> None:
    target = replace(PRO.target, solution="  return larger_of(*words)\n")
    changed = attacked("misleading.wrong_comment", replace(PRO, target=target))
    assert changed.prompt.rstrip().split("\n")[-1].startswith("  # ")


def test_garbage_is_code_with_names_of_its_own() -> None:
    solution = "    _fold = _SEEDS = 1\n    return _fold\n"
    taken = replace(PLAIN, target=replace(PLAIN.target, solution=solution))
    for seed in range(9):
        ast.parse(attacked("misleading.garbage_code", PLAIN, seed).prompt)
        prompt = attacked("misleading.garbage_code", taken, seed).prompt
        assert "_fold(" not in prompt
        assert "_SEEDS =" not in prompt
