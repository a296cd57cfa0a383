from __future__ import annotations

import keyword
import random

import pytest

from pytest_selfinvoke.attacks import function_name
from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.renaming import rename
from pytest_selfinvoke.core.records import Part, Problem

BASE = Part(
    entry_point="add_one",
    prompt='def add_one(x):\n    """add_one(1) is 2; see add_one_more.\n    >>> add_one(1)\n    2\n    """\n',
    solution="    return x + 1  # not add_one again\n",
)
TARGET = Part(
    entry_point="add_all",
    prompt="# add_all calls `add_one`.\ndef add_all(xs):\n",
    solution="    return [add_one(x) for x in xs]\n",
    tests="assert add_all([1]) == [2]\nassert add_one(1) == 2\nassert 'add_one' != 'x'\n",
)
PAIR = Problem(
    id="p", benchmark="b", base=BASE, target=TARGET, wrong=("def add_one(x): pass\n",)
)
NAMES = [
    "camel_case", "butter_finger", "swap_character", "change_character", "inflection",
    "synonym",
]  # fmt: skip


def test_everything_is_renamed_together() -> None:
    found = rename(PAIR, {"add_one": "plusOne", "add_all": "plusAll"})
    assert found.entry_points == ("plusOne", "plusAll")
    assert found.base is not None
    assert found.base.prompt == (
        'def plusOne(x):\n    """plusOne(1) is 2; see add_one_more.\n'
        '    >>> plusOne(1)\n    2\n    """\n'
    )
    assert found.base.solution == "    return x + 1  # not plusOne again\n"
    assert found.target.prompt == "# plusAll calls `plusOne`.\ndef plusAll(xs):\n"
    assert found.target.solution == "    return [plusOne(x) for x in xs]\n"
    # a string is data, not a name
    assert found.target.tests == (
        "assert plusAll([1]) == [2]\nassert plusOne(1) == 2\nassert 'add_one' != 'x'\n"
    )
    assert found.wrong == ("def plusOne(x): pass\n",)
    assert eval("plusAll([1])", _run(found.reference)) == [2]


def _run(source: str) -> dict[str, object]:
    space: dict[str, object] = {}
    exec(source, space)
    return space


@pytest.mark.parametrize(
    "solution",
    [
        "    add_one = 3\n    return x\n",
        "    return x.add_one\n",
        "    return f(add_one=x)\n",
        "    return f'{add_one}'\n",
        "    return lambda add_one: x\n",
        "    global add_one\n",
        "    import add_one\n",
    ],
)
def test_a_name_that_means_something_else_too_is_left_alone(solution: str) -> None:
    part = Part(entry_point="add_one", prompt="def add_one(x):\n", solution=solution)
    with pytest.raises(NotApplicableError, match="something else"):
        rename(Problem(id="p", benchmark="b", target=part), {"add_one": "new"})


def test_a_new_name_is_a_new_name() -> None:
    with pytest.raises(NotApplicableError, match="'xs' is in use"):
        rename(PAIR, {"add_one": "xs"})


def test_words_of_prose_are_no_mentions() -> None:
    part = Part(
        entry_point="add",
        prompt='def add(x, y):\n    """add two numbers: add(1, 2) or `add`."""\n',
        solution="    return x + y\n",
    )
    found = rename(Problem(id="p", benchmark="b", target=part), {"add": "plus"})
    assert '"""add two numbers: plus(1, 2) or `plus`."""' in found.prompt


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_legal_and_apart(name: str) -> None:
    attack = getattr(function_name, name)
    for seed in range(30):
        found = attack(PAIR, random.Random(seed))
        new = found.entry_points
        assert len(set(new)) == 2
        assert set(new) != set(PAIR.entry_points)
        for word in new:
            assert word.isidentifier()
            assert not keyword.iskeyword(word)
        assert eval(f"{new[1]}([1])", _run(found.reference)) == [2]


def test_each_attack_by_example() -> None:
    def entry(name: str, seed: int = 0) -> str:
        attack = getattr(function_name, name)
        return str(attack(PAIR, random.Random(seed)).entry_points[0])

    assert entry("camel_case") == "addOne"
    assert entry("synonym") in ("plus_one", "sum_up_one")
    assert entry("inflection") == "adding_one"
    assert sorted(entry("swap_character")) == sorted("add_one")
    assert entry("change_character").lower() == "add_one"
    assert len(entry("butter_finger")) == len("add_one")


def test_a_name_of_one_word_has_no_camel_case() -> None:
    part = Part(entry_point="f", prompt="def f(x):\n", solution="    return x\n")
    with pytest.raises(NotApplicableError, match="no name that can be changed"):
        function_name.camel_case(
            Problem(id="p", benchmark="b", target=part), random.Random(0)
        )
