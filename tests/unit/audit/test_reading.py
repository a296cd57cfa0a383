from __future__ import annotations

import pytest

from pytest_selfinvoke.audit import reading

TESTS = """
def check(candidate):
    x = 1
    assert candidate(x) == 2
    for y in (1, 2):
        assert candidate(y) > 0

assert True
check(f)
"""


def test_assertions_are_found_in_order() -> None:
    assert reading.asserts(TESTS) == [
        "assert candidate(x) == 2",
        "assert candidate(y) > 0",
        "assert True",
    ]


def test_one_is_kept_and_all_else_is_run() -> None:
    assert reading.asserts(reading.only(TESTS, 1)) == ["assert candidate(y) > 0"]
    assert "check(f)" in reading.only(TESTS, 1)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("assert f() == 0.1", True),
        ("assert f() == [1, (2, -0.3)]", True),
        ("assert f() == {'a': 0.1}", True),
        ("assert f() == 0.5", False),
        ("assert f() == 1e20", False),
        ("assert f() == float('nan')", False),
        ("assert abs(f() - 0.1) < 0.01", False),
        ("assert f(0.1) == 1", False),
        ("assert f() == round(0.1, 2)", False),
    ],
)
def test_fractions_that_are_compared_for_equality(test: str, expected: bool) -> None:
    assert reading.compares_floats(test) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import random\nrandom.random()", ["random"]),
        ("from random import choice", ["random"]),
        ("import time\ntime.time()", ["time.time"]),
        ("x = datetime.now()", ["datetime.now"]),
        ("import re", []),
        ("time = 3", []),
    ],
)
def test_chance_and_time(source: str, expected: list[str]) -> None:
    assert reading.chances(source) == expected
