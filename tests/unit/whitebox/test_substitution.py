from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_selfinvoke.core.errors import NotApplicableError
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.whitebox.substitution import Found
from tests.unit.whitebox.fakes import PLAIN, PRO, Words, searcher


def found(
    method: str, problem: Problem = PRO, seed: int = 0, **budget: int
) -> tuple[Found, Words]:
    model = Words()
    search = searcher(model, method, **{"steps": 2, "width": 6, "top_k": 3, **budget})
    return search.substitute(problem, random.Random(seed)), model


@pytest.mark.parametrize("method", ["hotflip", "gcg", "random"])
def test_only_prose_changes_and_only_for_the_worse(method: str) -> None:
    ended, model = found(method, width=40)
    assert ended.after > ended.before
    assert len(ended.changes) == 2
    before, after = PRO.prompt, ended.problem.prompt
    assert before != after
    assert len(before.split()) == len(after.split())
    for kept in ("def double(x)", "def doubles(xs)", '"double that"', "double of"):
        assert kept in after
    assert ended.problem.target.tests == PRO.target.tests
    # What is said to have been found is what the model says of the text.
    rendered = searcher(model, method).shown(ended.problem)
    assert model.losses([rendered.tokens], []) == [ended.after]


def test_the_gradient_leads_straight_to_the_worst() -> None:
    ended, _ = found("hotflip", width=1)
    assert ended.after == ended.before + 2
    assert {new for _, new in ended.changes} <= {"zebra", "Zebra"}


@pytest.mark.parametrize("method", ["hotflip", "gcg", "random"])
def test_all_methods_have_the_same_budget(method: str) -> None:
    ended, model = found(method, steps=3, width=4)
    assert ended.forwards == model.forwards <= 1 + 3 * 4
    assert ended.backwards == model.backwards == (0 if method == "random" else 3)


def test_guided_search_beats_chance() -> None:
    gains = {
        method: sum(found(method, seed=seed)[0].after for seed in range(10))
        for method in ("hotflip", "gcg", "random")
    }
    assert gains["hotflip"] >= gains["gcg"] > gains["random"]


@pytest.mark.parametrize("method", ["gcg", "random"])
def test_the_seed_decides(method: str) -> None:
    assert found(method)[0] == found(method)[0]
    assert len({found(method, seed=s)[0].problem.prompt for s in range(6)}) > 1


def test_a_word_is_exchanged_once() -> None:
    ended, _ = found("hotflip", PLAIN, steps=30)
    olds = [old for old, _ in ended.changes]
    assert set(olds).isdisjoint(new for _, new in ended.changes)
    assert set(olds) <= {"Add", "up", "every", "number", "of", "the", "given", "list"}
    assert len(olds) == len(set(olds)) > 5


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("def total(xs):\n", "has no prose"),
        ('def total(xs):\n    """Übersicht."""\n', "no prose|is one token"),
    ],
)
def test_without_words_there_is_nothing_to_exchange(prompt: str, reason: str) -> None:
    problem = replace(PLAIN, target=replace(PLAIN.target, prompt=prompt))
    with pytest.raises(NotApplicableError, match=reason):
        found("hotflip", problem)


def test_a_word_that_would_be_read_otherwise_is_not_used() -> None:
    class Greedy(Words):
        """Reads "zebra" as two tokens wherever it stands."""

        def encode(
            self, text: str, *, is_chat: bool
        ) -> tuple[list[int], list[tuple[int, int]]]:
            tokens, spans = super().encode(text, is_chat=is_chat)
            if "zebra" in text.lower():
                tokens.append(0)
            return tokens, spans

    ended = searcher(Greedy(), "hotflip", steps=2, width=40).substitute(
        PRO, random.Random(0)
    )
    assert {new for _, new in ended.changes} == {"apple"}


def test_an_exchange_that_does_not_help_is_not_made() -> None:
    model = Words(weights={f" {word}": -1.0 for word in ("zebra", "apple")})
    search = searcher(model, "hotflip", steps=2, width=50)
    found = search.substitute(PLAIN, random.Random(0))
    assert found.changes == ()
    assert found.problem == PLAIN
    assert found.after == found.before
