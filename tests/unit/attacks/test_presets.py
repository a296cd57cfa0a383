from __future__ import annotations

import random

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import Attack, facts
from pytest_selfinvoke.attacks.presets import QUICK, RECODE, expand
from pytest_selfinvoke.core.errors import UnknownNameError
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.core.registry import Registry


@facts(threat="natural", source="x")
def natural(problem: Problem, rng: random.Random) -> Problem:
    return problem


@facts(threat="adversarial", source="x", nominal="clean.half")
def adversarial(problem: Problem, rng: random.Random) -> Problem:
    return problem


@pytest.fixture
def few() -> Registry[Attack]:
    half = {name: BUILTIN[name] for name in ("clean", "clean.half", "clean.repeat")}
    registry: Registry[Attack] = Registry("attack", half)
    for name, attack in {
        "a.one": natural,
        "a.two": adversarial,
        "b.one": natural,
    }.items():
        registry.add(name, attack)
    return registry


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.one"], ["a.one"]),
        (["a"], ["a.one", "clean.half", "a.two"]),
        (["a.*", "a.one"], ["a.one", "clean.half", "a.two"]),
        (["natural"], ["clean", "a.one", "b.one"]),
        (["adversarial"], ["clean", "clean.half", "a.two"]),
        (["all"], ["clean", "a.one", "clean.half", "a.two", "b.one"]),
        (["b.one", "all"], ["b.one", "clean", "a.one", "clean.half", "a.two"]),
        (["a.one+a.two"], ["clean.half", "a.one+a.two"]),
        (["clean.repeat", "clean.half"], ["clean.repeat", "clean.half"]),
    ],
)
def test_names_stand_for_attacks_with_their_nominal_before_them(
    few: Registry[Attack], names: list[str], expected: list[str]
) -> None:
    assert list(expand(names, few)) == expected


def test_what_was_made_from_names_can_be_looked_up_and_is_not_listed(
    few: Registry[Attack],
) -> None:
    expand(["a.one+b.one"], few)
    assert few.get("a.one+b.one") is few.get("a.one+b.one")
    assert "a.one+b.one" not in list(few)
    assert list(expand(["a"], few)) == ["a.one", "clean.half", "a.two"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("recod", "recode"),
        ("a.on", "a.one"),
        ("quik", "quick"),
        ("a.onee+b.one", "a.one"),
    ],
)
def test_an_unknown_name_gets_the_nearest(
    few: Registry[Attack], name: str, hint: str
) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{hint}'"):
        expand([name], few)


def test_the_presets_name_registered_attacks() -> None:
    assert {*RECODE, *QUICK} <= set(BUILTIN)
    assert len(set(RECODE)) == len(RECODE) == 28
    families = [name.partition(".")[0] for name in RECODE]
    counts = [
        families.count(f) for f in ("docstring", "function_name", "syntax", "format")
    ]
    assert counts == [10, 6, 6, 6]
