from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.anatomy.substitution import (
    defined_names,
    with_reference_base,
    with_reference_invoking,
)
from pytest_selfinvoke.core.records import Part, Problem

PROBLEM = Problem(
    id="p",
    benchmark="b",
    base=Part(
        entry_point="inc",
        prompt='STEP = 1\n\n\ndef inc(x):\n    """Say "it\'s" more."""\n',
        solution="    return x + STEP\n",
    ),
    target=Part(
        entry_point="inc_all",
        prompt="def inc_all(xs):\n",
        solution="    return [inc(x) for x in xs]\n",
    ),
)
#: Both functions are wrong, each in a way of its own.
WRONG = "STEP = 5\ndef inc(x): return x * 10\ndef inc_all(xs): return [inc(x) for x in xs][1:]\n"


def load(program: str) -> dict[str, Any]:
    """These programs are ours."""
    namespace: dict[str, Any] = {"__name__": "solution"}
    exec(compile(program, "solution.py", "exec", dont_inherit=True), namespace)
    return namespace


def test_the_references_base_with_the_models_invoking() -> None:
    found = load(with_reference_base(WRONG, PROBLEM))
    assert found["inc"](1) == 2
    assert found["inc_all"]([1, 2, 3]) == [3, 4]


def test_the_models_base_with_the_references_invoking() -> None:
    found = load(with_reference_invoking(WRONG, PROBLEM))
    assert found["inc"](1) == 10
    assert found["inc_all"]([1, 2, 3]) == [10, 20, 30]


def test_helpers_of_the_two_do_not_meet() -> None:
    found = load(with_reference_base(WRONG, PROBLEM))
    assert (found["STEP"], found["inc"](0)) == (5, 1)
    program = "STEP = 5\ndef inc(x): return x + STEP\ndef inc_all(xs): pass"
    assert load(with_reference_invoking(program, PROBLEM))["inc_all"]([0]) == [5]


@pytest.mark.parametrize(
    "definition",
    [
        "def inc(x): return 0",
        "async def inc(x): return 0",
        "inc = lambda x: 0",
        "inc: object = lambda x: 0",
        "class inc:\n    def __init__(self, x): pass",
        "@staticmethod\ndef inc(x): return 0",
        "from operator import neg as inc",
        "def inc(x): return 0\ndef inc(x): return 1",
        "",
    ],
)
def test_every_definition_gives_way(definition: str) -> None:
    program = f"{definition}\ndef inc_all(xs): return [inc(x) for x in xs]\n"
    assert load(with_reference_base(program, PROBLEM))["inc_all"]([4]) == [5]


def test_the_reference_is_there_while_the_program_loads() -> None:
    program = (
        '"""Text."""\nfrom __future__ import annotations\n'
        "FIRST = inc(1)\ndef inc(x: Nothing): ...\ndef inc_all(xs: Nothing): return FIRST"
    )
    found = load(with_reference_base(program, PROBLEM))
    assert (found["FIRST"], found["inc_all"]([])) == (2, 2)
    assert found["__doc__"] == "Text."


def test_a_missing_function_is_taken_from_the_reference() -> None:
    program = "def inc(x): return x + 1"
    assert load(with_reference_invoking(program, PROBLEM))["inc_all"]([1]) == [2]


def test_what_does_not_parse_is_a_syntax_error() -> None:
    for program in ("def", "x = '\0'", "(" * 10_000):
        with pytest.raises(SyntaxError):
            with_reference_base(program, PROBLEM)
        assert defined_names(program) == frozenset()


def test_names_at_the_top_level() -> None:
    program = "import a.b\nfrom c import d as e\nx, (y, *z) = q\nclass K: m = 1\nw: int"
    assert defined_names(program) == {"a", "e", "x", "y", "z", "K"}


def test_a_constant_is_no_function() -> None:
    program = "f = 0\ndef g(): pass\ng = None\nh = 1\ndef h(): pass\n"
    assert defined_names(program) == {"h"}
