from __future__ import annotations

import ast

from pytest_selfinvoke.core.assertions import assertions, parsed_tests, with_only

TESTS = """
def check(f):
    for x in (1, 2):
        assert f(x), 'a'
    assert f(3)

assert True
check(g)
"""


def test_they_are_found_in_order() -> None:
    found = [ast.unparse(node) for node in assertions(parsed_tests(TESTS))]
    assert found == ["assert f(x), 'a'", "assert f(3)", "assert True"]


def test_some_stay_and_all_else_is_run() -> None:
    left = with_only(TESTS, lambda i: i == 1)
    assert [ast.unparse(n) for n in assertions(parsed_tests(left))] == ["assert f(3)"]
    assert "for x in (1, 2):\n        pass" in left
    assert left.endswith("check(g)")


def test_a_strange_escape_is_no_warning() -> None:
    assert len(assertions(parsed_tests(r"assert '\w'"))) == 1
