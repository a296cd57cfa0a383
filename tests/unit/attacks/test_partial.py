from __future__ import annotations

import ast
import random

import pytest

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.partial import GIVEN, half, with_base, with_half
from pytest_selfinvoke.core.records import Part, Problem
from tests.unit.attacks.samples import ONE_LINE, PLAIN, PRO, attacked, holds


def of(body: str) -> Problem:
    part = Part(entry_point="f", prompt="def f(x):\n", solution=body)
    return Problem(id="p", benchmark="b", target=part)


def test_half_of_the_lines_are_given_and_the_rest_is_the_solution() -> None:
    halved = attacked("clean.half")
    assert halved.target.prompt.endswith(
        "        for second in numbers[i + 1 :]:\n"
    ) or (halved.target.prompt.endswith("                total += 1\n"))
    ast.parse(halved.target.prompt)
    assert halved.reference == PLAIN.reference
    assert holds(halved)


@pytest.mark.parametrize(
    ("body", "given"),
    [
        ("    a = 1\n    return a\n", "    a = 1\n"),
        ("    return x\n", ""),
        ("    a = 1; return a\n", ""),
        # Inside a try nothing can end; before an else neither.
        ("    try:\n        a = 1\n        b = 2\n    finally:\n        c = 3\n", ""),
        ("    if x:\n        a = 1\n        return a\n    return x\n",
         "    if x:\n        a = 1\n"),
        ("    a = 1\n    @a\n    def g(): pass\n", "    a = 1\n"),
    ],
)  # fmt: skip
def test_the_cut_is_a_statement_boundary(body: str, given: str) -> None:
    halved = with_half(of(body))
    assert halved.target.prompt == f"def f(x):\n{given}"
    assert halved.target.solution == body[len(given) :]


def test_a_single_statement_gives_nothing_and_is_a_control_all_the_same() -> None:
    assert attacked("clean.half", ONE_LINE).prompt == ONE_LINE.prompt


def test_of_a_self_invoking_problem_the_base_function_is_given() -> None:
    halved = attacked("clean.half", PRO)
    assert halved.base is None
    assert halved.entry_points == ("largest",)
    assert "return best" in halved.prompt
    assert "result" not in halved.prompt
    assert holds(halved)


def test_what_is_given_is_not_halved_again() -> None:
    once = with_half(PLAIN)
    assert with_half(once) is once
    assert once.tags.count(GIVEN) == 1
    assert half(with_base(PRO), random.Random()) == with_base(PRO)


def test_a_plain_problem_has_no_base_to_be_given() -> None:
    with pytest.raises(NotApplicableError, match="no base function"):
        with_base(PLAIN)
