from __future__ import annotations

import ast
import random
from dataclasses import replace

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import (
    AttackError,
    NotApplicableError,
    apply,
)
from pytest_selfinvoke.attacks.prose import change_words
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import Part, Problem, Variant

PROMPT = '''from typing import List


def count_words(text: str) -> int:
    """Count the words of the given text, separated by "blank" characters.

    Call count_words with text. Return -1 for text longer than 100.
    >>> count_words("one two")
    2

    Words that follow the example.
    """
'''
PART = Part(
    entry_point="count_words",
    prompt=PROMPT,
    solution="    return 1\n",
    tests="assert 1",
)
PROBLEM = Problem(id="p", benchmark="b", target=PART)
COMMENT = Problem(
    id="q",
    benchmark="b",
    base=PART,
    target=Part(
        entry_point="most",
        prompt="# Given several sentences, return the longest.\n\ndef most(texts):\n",
        solution="    return max(texts)\n",
    ),
)
#: Other families have files of tests of their own.
REAL = [
    "docstring.butter_fingers",
    "docstring.change_case",
    "docstring.drop_examples",
    "misleading.irrelevant_context",
]


def attacked(
    name: str, problem: Problem = PROBLEM, seed: int = 0, run: int = 0
) -> Problem:
    variant = Variant(attack=name, seed=seed)
    return apply(resolve(BUILTIN[name]), problem, variant, seed=run)


@pytest.mark.parametrize("name", REAL)
def test_the_prompt_changes_and_still_parses(name: str) -> None:
    problem = attacked(name)
    assert problem.prompt != PROBLEM.prompt
    ast.parse(problem.target.prompt + "    pass")
    assert problem.target.tests == PART.tests


@pytest.mark.parametrize("name", REAL)
def test_the_same_seed_gives_the_same_text(name: str) -> None:
    assert attacked(name) == attacked(name)


@pytest.mark.parametrize("name", ["docstring.butter_fingers", "docstring.change_case"])
def test_other_seeds_give_other_texts(name: str) -> None:
    assert attacked(name).prompt != attacked(name, seed=1).prompt
    assert attacked(name).prompt != attacked(name, run=1).prompt


def test_only_words_of_the_prose_change() -> None:
    changed = change_words(PROMPT, str.upper)
    assert (
        'COUNT THE WORDS OF THE GIVEN text, SEPARATED BY "blank" CHARACTERS.' in changed
    )
    assert "CALL count_words WITH text. RETURN -1 FOR text LONGER THAN 100." in changed
    assert '>>> count_words("one two")\n    2\n' in changed
    assert "WORDS THAT FOLLOW THE EXAMPLE." in changed
    assert changed.startswith("from typing import List\n\n\ndef count_words(text: str)")


def test_comments_are_prose_too() -> None:
    changed = change_words(COMMENT.target.prompt, str.upper)
    assert changed.startswith("# GIVEN SEVERAL SENTENCES, RETURN THE LONGEST.")
    assert "def most(texts):" in changed


def test_drop_examples_keeps_the_words_around_them() -> None:
    prompt = attacked("docstring.drop_examples").prompt
    assert ">>>" not in prompt
    assert "one two" not in prompt
    assert "longer than 100." in prompt
    assert "Words that follow" in prompt


def test_drop_examples_does_not_apply_without_examples() -> None:
    bare = replace(PROBLEM, target=replace(PART, prompt="def f():\n    'no'\n"))
    with pytest.raises(NotApplicableError, match="no >>> examples"):
        attacked("docstring.drop_examples", bare)


def test_the_null_control_repeats_the_clean_prompt() -> None:
    assert attacked("clean.repeat") == PROBLEM


def broken(problem: Problem, rng: random.Random) -> Problem:
    raise ZeroDivisionError("oops")


def nonsense(problem: Problem, rng: random.Random) -> Problem:
    return "text"  # type: ignore[return-value]


def inert(problem: Problem, rng: random.Random) -> Problem:
    return problem


@pytest.mark.parametrize(
    ("attack", "error", "message"),
    [
        (broken, AttackError, "'my.own' raised ZeroDivisionError: oops"),
        (nonsense, AttackError, "'my.own' returned str"),
        (inert, NotApplicableError, "changes nothing"),
    ],
)
def test_a_users_attack_that_misbehaves_is_named(
    attack: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        apply(attack, PROBLEM, Variant(attack="my.own", seed=0), seed=0)  # type: ignore[arg-type]
