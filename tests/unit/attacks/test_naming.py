from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import (
    Attack,
    NotApplicableError,
    facts,
    facts_of,
)
from pytest_selfinvoke.attacks.naming import composed, derive, parameters
from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.core.registry import Registry
from tests.unit.attacks.samples import PLAIN, holds


@facts(
    threat="natural", source="a book", ranges={"count": (1, 3)}, nominal="clean.half"
)
def repeat(
    problem: Problem,
    rng: random.Random,
    *,
    count: int = 1,
    share: float = 0.5,
    factor: float = 2.0,
    word: str = "x",
    loud: bool = False,
) -> Problem:
    text = f"# {word * count} {share} {factor} {loud}\n"
    return replace(
        problem, target=replace(problem.target, prompt=text + problem.target.prompt)
    )


def silent(problem: Problem, rng: random.Random) -> Problem:
    return problem


def known() -> Registry[Attack]:
    registry: Registry[Attack] = Registry("attack", BUILTIN)
    registry.add("my.repeat", repeat)
    registry.add("my.silent", silent)
    return registry


def made(name: str) -> Attack:
    return derive(name, known().get)


def text(name: str) -> str:
    return made(name)(PLAIN, random.Random(0)).prompt.split("\n")[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("my.repeat", "# x 0.5 2.0 False"),
        ("my.repeat@count=3", "# xxx 0.5 2.0 False"),
        ("my.repeat@word=ab@count=2", "# abab 0.5 2.0 False"),
        ("my.repeat@share=1", "# x 1.0 2.0 False"),
        ("my.repeat@factor=7.5", "# x 0.5 7.5 False"),
        ("my.repeat@loud=true", "# x 0.5 2.0 True"),
    ],
)
def test_parameters_are_set_by_name(name: str, expected: str) -> None:
    assert text(name) == expected
    assert facts_of(made(name)) == facts_of(repeat)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "my.repeat@cuont=3",
            "unknown parameter of my.repeat 'cuont': did you mean 'c",
        ),
        ("my.repeat@count=4", "'my.repeat': count must be 1 to 3, not 4"),
        ("my.repeat@count=two", "count must be a whole number, not 'two'"),
        ("my.repeat@share=1.01", "share must be 0 to 1, not 1.01"),
        ("my.repeat@share=nan", "share must be 0 to 1, not nan"),
        ("my.repeat@factor=-1", "factor must be 0 or more, not -1"),
        ("my.repeat@factor=much", "factor must be a number, not 'much'"),
        ("my.repeat@loud=2", "loud must be true or false, not '2'"),
        ("my.repeat@count", "write parameters as @name=value, each once"),
        ("my.repeat@count=1@count=2", "write parameters as @name=value, each once"),
        ("my.silent@count=1", "'my.silent' has no parameters, but 'count' is given"),
        ("my.repat@count=1", "unknown attack 'my.repat': did you mean 'my.repeat'"),
        ("my.silent+", "unknown attack ''"),
    ],
)
def test_mistakes_are_one_clear_line(name: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        made(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_attacks_are_applied_in_order() -> None:
    attack = made("misleading.wrong_hint+my.repeat@word=b")
    changed = attack(PLAIN, random.Random(0))
    first, second = changed.prompt.split("\n")[:2]
    assert (first, second[:8]) == ("# b 0.5 2.0 False", "# Hint: ")
    assert holds(changed)


def test_code_that_is_given_by_one_is_changed_by_the_next() -> None:
    attack = made("syntax.rename_variables_naive+format.tab_indent")
    changed = attack(PLAIN, random.Random(0))
    assert "VAR_0" in changed.prompt
    assert "\t\t" in changed.prompt
    assert holds(changed)


def test_the_facts_of_several_are_the_strictest() -> None:
    attack = made("my.repeat+misleading.wrong_hint+my.repeat")
    found = facts_of(attack)
    assert (found.threat, found.nominal, found.seeded) == (
        "adversarial",
        "clean.half",
        True,
    )
    assert found.source.startswith("a book; CodeCrash")
    assert not facts_of(composed([silent, repeat])).seeded


def test_where_one_does_not_apply_none_does() -> None:
    for steps in ([repeat, silent], [silent, repeat]):
        with pytest.raises(NotApplicableError, match="changes nothing here"):
            composed(steps)(PLAIN, random.Random(0))


def test_parameters_are_the_keyword_only_ones() -> None:
    assert parameters(silent) == {}
    assert parameters(repeat)["factor"] == 2.0


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown attack 'my\.other'"):
        made("my.repeat+my.other")
