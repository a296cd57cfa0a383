from __future__ import annotations

import pytest

from pytest_selfinvoke.sandbox.literal import Call, NotLiteralError, Value, parse


def test_the_usual_assert() -> None:
    [one] = parse("assert f([1, 2], k='x') == {'a': -1}, 'message'", ("f",))
    assert one.left == Call(name="f", arguments=([1, 2],), keywords={"k": "x"})
    assert one.right == Value(value={"a": -1})
    assert one.source == "assert f([1, 2], k='x') == {'a': -1}, 'message'"
    assert one.holds({"a": -1}, {"a": -1})
    assert not one.holds({"a": 1}, {"a": -1})


@pytest.mark.parametrize(
    ("source", "value", "held"),
    [
        ("assert f(1)", [1], True),
        ("assert f(1)", [], False),
        ("assert not f(1)", [], True),
        ("assert not not f(1)", [], False),
        ("assert f(1) is True", True, True),
        ("assert f(1) is True", 1, False),
        ("assert f(1) == set([1, 2])", {2, 1}, True),
        ("assert f(1) == frozenset()", frozenset(), True),
        ("assert f(1) != 3", 3, False),
        ("assert f(1) in (1, 2)", 2, True),
        ("assert f(1) not in [1]", 1, False),
        ("assert f(1) < 2", "text", False),
        ("assert not f(1) == 2", 2, False),
    ],
)
def test_forms(source: str, value: object, held: bool) -> None:
    [one] = parse(source, ("f",))
    right = one.right.value if isinstance(one.right, Value) else None
    assert one.holds(value, right) is held


@pytest.mark.parametrize(
    "source",
    [
        "",
        "x = f(1)\nassert x == 1",
        "assert f(g) == 1",
        "assert f(1) == g(1)",
        "assert f(1) == 1 == 1",
        "assert abs(f(1) - 1) < 2",
        "assert f(*[1]) == 1",
        "assert f(**{}) == 1",
        "assert f(set(5)) == 1",
        "assert 1 == 1",
        "assert f(",
        "import math\nassert f(1) == 1",
        "assert 1 in f(1)",
    ],
)
def test_what_has_to_be_run(source: str) -> None:
    with pytest.raises(NotLiteralError):
        parse(source, ("f",))


def test_docstrings_between_asserts_are_nothing() -> None:
    assert len(parse("'''tests'''\nassert f(1) == 1", ("f",))) == 1
