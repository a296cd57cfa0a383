from __future__ import annotations

import ast
import random
import unicodedata

import pytest

from pytest_selfinvoke.attacks import context
from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.core.records import Part, Problem
from tests.unit.attacks.samples import PLAIN, PRO, attacked, holds

UNSEEN = ["context.bidirectional", "context.homoglyphs", "context.zero_width"]
NAMES = [
    *UNSEEN,
    "context.few_shot_insecure",
    "context.few_shot_wrong",
    "context.long_irrelevant",
]


@pytest.mark.parametrize("problem", [PLAIN, PRO], ids=["plain", "pro"])
@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_changes_and_the_reference_still_holds(
    name: str, problem: Problem
) -> None:
    changed = attacked(name, problem)
    assert changed.prompt != problem.prompt
    assert changed.target.solution == problem.target.solution
    assert holds(changed)


@pytest.mark.parametrize("name", UNSEEN)
def test_only_words_hold_characters_that_cannot_be_seen(name: str) -> None:
    for seed in range(5):
        prompt = attacked(name, PLAIN, seed).prompt
        assert {"def near(numbers: List[int], limit: int) -> int:", "    >>> near([1, 2], 3)"} <= set(
            prompt.split("\n")
        )  # fmt: skip
        assert ast.dump(_without_words(prompt)) == ast.dump(
            _without_words(PLAIN.prompt)
        )


def _without_words(code: str) -> ast.Module:
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = 0
    return tree


def test_what_is_seen_is_the_clean_prompt() -> None:
    hidden = attacked("context.zero_width").prompt
    assert "".join(c for c in hidden if unicodedata.category(c) != "Cf") == PLAIN.prompt


def test_the_budget_is_the_number_of_words() -> None:
    for count in (1, 3):
        changed = context.bidirectional(PLAIN, random.Random(2), count=count)
        assert changed.prompt.count("\u202e") == changed.prompt.count("\u202c") == count


def test_a_prompt_without_words_is_left() -> None:
    part = Part(entry_point="f", prompt="def f(x):\n", solution="    return x\n")
    with pytest.raises(NotApplicableError, match="no words"):
        context.homoglyphs(Problem(id="p", benchmark="b", target=part), random.Random())


def test_examples_that_share_a_name_with_the_problem_are_left() -> None:
    part = Part(
        entry_point="is_even", prompt="def is_even(x):\n", solution="    return x\n"
    )
    problem = Problem(id="p", benchmark="b", target=part)
    with pytest.raises(NotApplicableError, match="name of a function"):
        context.few_shot_wrong(problem, random.Random(), count=4)


def test_irrelevant_lines_are_counted() -> None:
    changed = context.long_irrelevant(PRO, random.Random(), lines=7)
    assert changed.prompt.startswith("# ")
    assert len([s for s in changed.prompt.split("\n") if s.startswith("# ")]) == 9
