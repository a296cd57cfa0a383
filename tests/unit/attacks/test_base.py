from __future__ import annotations

import random
from functools import partial

import pytest

from pytest_selfinvoke.attacks.base import Facts, facts, facts_of
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Problem


def plain(problem: Problem, rng: random.Random) -> Problem:
    return problem


def drawing(problem: Problem, rng: random.Random) -> Problem:
    rng.random()
    return problem


def closing(problem: Problem, rng: random.Random) -> Problem:
    def inner() -> Problem:
        rng.random()
        return problem

    return inner()


class Callable:
    def __call__(self, problem: Problem, rng: random.Random) -> Problem:
        return problem

    def method(self, problem: Problem, rng: random.Random) -> Problem:
        return problem


def test_a_users_function_is_adversarial_and_compared_with_clean() -> None:
    expected = Facts(threat="adversarial", source="user", seeded=True)
    assert facts_of(drawing) == expected
    assert expected.nominal == "clean"


@pytest.mark.parametrize(
    ("attack", "seeded"),
    [
        (plain, False),
        (drawing, True),
        (closing, True),
        # What cannot be seen may draw.
        (Callable(), True),
        (Callable().method, True),
        (partial(plain), True),
        (len, True),
    ],
)
def test_an_attack_that_does_not_read_its_generator_is_not_seeded(
    attack: object, seeded: bool
) -> None:
    assert facts_of(attack).seeded is seeded  # type: ignore[arg-type]


def test_facts_are_stated_by_a_decorator() -> None:
    stated = facts(threat="natural", source="x", nominal="clean.half", seeded=True)(
        plain
    )
    try:
        assert stated is plain
        assert facts_of(plain).nominal == "clean.half"
        assert facts_of(plain).seeded
    finally:
        del plain.facts  # type: ignore[attr-defined]


def test_an_unknown_threat_is_refused() -> None:
    with pytest.raises(UserError, match="'evil': use one of control, natural"):
        facts(threat="evil", source="x")
