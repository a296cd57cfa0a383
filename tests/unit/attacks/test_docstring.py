from __future__ import annotations

import random

import pytest

from pytest_selfinvoke.attacks import docstring
from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.prose import prose_words
from pytest_selfinvoke.attacks.typehints import without_types
from pytest_selfinvoke.core.records import Part, Problem

PROMPT = '''from typing import List


def closest_pair(numbers: List[int], limit: int = 3) -> List[int]:
    """ Find the two closest elements of `numbers` below limit, and return them.
    If there is no such pair it returns None; "closest" means 'small difference'.
    closest_pair([1, 5]) -> [1, 5]
    >>> closest_pair([1, 2, 9])
    [1, 2]

    The result contains elements in order.
    """
'''
ALL = {
    name: getattr(docstring, name)
    for name in (
        "butter_fingers", "swap_characters", "change_case", "whitespace",
        "synonym_substitution", "synonym_insertion", "inflection", "tense_past",
        "tense_future", "paraphrase",
    )
}  # fmt: skip


def problem(prompt: str = PROMPT) -> Problem:
    part = Part(entry_point="closest_pair", prompt=prompt, solution="    return []")
    return Problem(id="p", benchmark="b", target=part)


def attacked(name: str, seed: int = 0, **parameters: float) -> str:
    rng = random.Random(seed)
    return ALL[name](problem(), rng, **parameters).target.prompt  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ALL)
def test_only_prose_changes(name: str) -> None:
    before = PROMPT.splitlines()
    for seed in range(20):
        after = attacked(name, seed).splitlines()
        assert len(after) == len(before)
        for number in (0, 3, 6, 7, 8, 9, 11):  # code, an example shown, doctest, quotes
            assert after[number] == before[number]
        text = "\n".join(after)
        for kept in ("`numbers`", "limit", "None", '"closest"', "'small difference'"):
            assert kept in text


@pytest.mark.parametrize("name", ALL)
def test_something_changes_and_the_same_seed_changes_the_same(name: str) -> None:
    assert attacked(name, 1) != PROMPT
    assert attacked(name, 1) == attacked(name, 1)


@pytest.mark.parametrize(
    "name", [n for n in ALL if not n.startswith(("tense", "paraphrase", "whitespace"))]
)
def test_a_probability_of_nothing_changes_nothing(name: str) -> None:
    assert attacked(name, probability=0.0) == PROMPT


def test_tenses() -> None:
    past, future = attacked("tense_past"), attacked("tense_future")
    assert '""" Found the two closest elements' in past
    assert "it returned None" in past
    assert "The result contained elements" in past
    assert '""" Will find the two closest elements' in future
    assert "it will return None" in future
    # an infinitive, or the second command of a sentence, stays
    assert "and return them" in past
    assert "and return them" in future


def test_synonyms_keep_a_capital_letter() -> None:
    text = attacked("synonym_substitution", probability=1.0)
    assert '""" Locate' in text or '""" Identify' in text
    text = attacked("synonym_insertion", probability=1.0)
    assert '""" Locate find' in text or '""" Identify find' in text


def test_whitespace_comes_and_goes() -> None:
    added = attacked("whitespace", add=1.0, remove=0.0)
    assert "e l e m e n t s" in added
    removed = attacked("whitespace", add=0.0, remove=1.0)
    assert "Findthetwoclosestelements" in removed


def test_paraphrases_are_whole_phrases() -> None:
    one = problem('def f(x):\n    """Return the number. returns thex."""\n')
    text = docstring.paraphrase(one, random.Random(0)).target.prompt
    assert "Give back the number. returns thex." in text


def test_types_go_from_signatures_only() -> None:
    found = without_types(PROMPT)
    assert "def closest_pair(numbers, limit=3):\n" in found
    assert "from typing import List" in found
    assert found.count("\n") == PROMPT.count("\n")


@pytest.mark.parametrize(
    ("code", "bare"),
    [
        ("def f(a: int): ...", "def f(a): ..."),
        ("def f(a: Dict[str, List[int]], b) -> Tuple[int, int]:", "def f(a, b):"),
        ("def f(\n    a: int,\n    b: str = 'x:y',\n) -> None:\n", "def f(\n    a,\n    b='x:y',\n):\n"),
        ("def f(a={1: 2}, *b: int, **c: int):", "def f(a={1: 2}, *b, **c):"),
        ("def f(a=lambda x: x): ...", "def f(a=lambda x: x): ..."),
        ("x: int = {1: 2}", "x: int = {1: 2}"),
    ],
)  # fmt: skip
def test_signatures(code: str, bare: str) -> None:
    assert without_types(code) == bare


def test_nothing_to_leave_out() -> None:
    plain = problem("def f(x):\n    '''Add.'''\n")
    with pytest.raises(NotApplicableError, match="no type hints"):
        docstring.drop_types(plain, random.Random(0))
    with pytest.raises(NotApplicableError, match="no >>> examples"):
        docstring.drop_examples(plain, random.Random(0))


def test_prose_of_comments_is_prose() -> None:
    code = "# Count the items.\ndef count(items):\n"
    assert [code[a:b] for a, b in prose_words(code)] == ["Count", "the"]
