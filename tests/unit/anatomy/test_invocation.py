from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.anatomy.invocation import StaticView
from pytest_selfinvoke.core.records import Part, Problem

BASE = """\
def total(xs, start=0):
    result = start
    for x in xs:
        if x % 2 == 0:
            result += x * x
    return result
"""
PROBLEM = Problem(
    id="p",
    benchmark="b",
    base=Part(
        entry_point="total",
        prompt="def total(xs, start=0):\n",
        solution=BASE.partition("\n")[2],
    ),
    target=Part(
        entry_point="most", prompt="def most(rows):\n", solution="    return 0\n"
    ),
)


def view(program: str) -> StaticView:
    return StaticView(program, PROBLEM)


@pytest.mark.parametrize(
    ("body", "invoking"),
    [
        ("return max(total(r) for r in rows)", True),
        ("return max(map(total, rows))", True),
        ("return max([(lambda: total(r))() for r in rows])", True),
        ("return helper(rows)", True),
        ("return Helper().run(rows)", True),
        ("return other(rows)", False),
        ("return 'total(rows)'", False),
        ("return rows.total()", False),
        ("total = sum\n    return total(rows[0])", False),
        ("def total(r): return 0\n    return total(rows)", False),
        ("return max(sum(total) for total in rows)", False),
    ],
)
def test_whether_the_base_function_is_named(body: str, invoking: bool) -> None:
    program = (
        f"{BASE}def helper(rows): return deeper(rows)\n"
        "def deeper(rows): return total(rows[0])\n"
        "def other(rows): return 0\n"
        "class Helper:\n    def run(self, rows): return total(rows)\n"
        f"def most(rows):\n    {body}\n"
    )
    assert view(program).is_invoking is invoking


def test_a_circle_of_helpers_ends() -> None:
    program = "def most(r): return a(r)\ndef a(r): return b(r)\ndef b(r): return a(r)\n"
    assert view(program).is_invoking is False


def test_without_an_invoking_function_nothing_is_known() -> None:
    assert view(BASE).is_invoking is None


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("total(rows)", False),
        ("total(rows, 1)", False),
        ("total(xs=rows)", False),
        ("total(rows, start=1)", False),
        ("total(*rows)", False),
        ("total(**rows)", False),
        ("total()", True),
        ("total(rows, 1, 2)", True),
        ("total(rows, xs=1)", True),
        ("total(rows, stop=1)", True),
        ("total(start=1)", True),
        ("Total()", False),
    ],
)
def test_arguments_that_do_not_fit(call: str, wrong: bool) -> None:
    program = f"def most(rows): return {call}\n"
    assert view(BASE + program).is_arity_wrong is wrong
    # Without a base function of its own, the reference's parameters count.
    assert view(program).is_arity_wrong is wrong


def test_the_programs_own_parameters_count() -> None:
    own = "def total(*, key, other=1): pass\ndef most(rows): return total({})\n"
    assert not view(own.format("key=1")).is_arity_wrong
    assert view(own.format("")).is_arity_wrong
    assert not view("@partial\n" + own.format("")).is_arity_wrong
    assert not view(
        "def total(*a, **k): pass\ndef most(r): return total(1, 2, b=3)\n"
    ).is_arity_wrong


COPY = BASE.partition("\n")[2].replace("result", "s").replace("xs", "row")
COPY = COPY.replace("start", "0").replace("    return s\n", "")


@pytest.mark.parametrize(
    ("program", "inlined"),
    [
        # Another name for everything.
        (f"{BASE}def most(row):\n{COPY}    return s\n", True),
        # In a helper.
        (f"{BASE}def h(row):\n{COPY}    return s\ndef most(r): return h(r[0])\n", True),
        # The program's own base function is something else: the reference's counts.
        (f"def total(xs): return 0\ndef most(row):\n{COPY}    return s\n", True),
        # Under its name, however it is written.
        (
            "def most(r):\n    def total(xs): return sum(xs)\n    return total(r)\n",
            True,
        ),
        # Another way to the same answer.
        (f"{BASE}def most(r): return max(sum(x**2 for x in y) for y in r)\n", False),
        # It is called as well: nothing was spared.
        (f"{BASE}def most(row):\n{COPY}    return total(row)\n", False),
    ],
)
def test_copies(program: str, inlined: bool) -> None:
    assert view(program).is_inlined is inlined


@pytest.mark.parametrize(("others", "inlined"), [(1, True), (2, False)])
def test_most_of_it_is_enough(others: int, inlined: bool) -> None:
    more = "    if start > 5:\n        result = -result\n" * others
    longer = BASE.replace("    return", f"{more}    return")
    assert PROBLEM.base is not None
    solution = longer.partition("\n")[2]
    problem = replace(PROBLEM, base=replace(PROBLEM.base, solution=solution))
    program = f"{longer}def most(row):\n{COPY}    return s\n"
    assert StaticView(program, problem).is_inlined is inlined


def test_what_does_not_parse_is_a_syntax_error() -> None:
    for program in ("def", "x = '\0'", "(" * 10_000):
        with pytest.raises(SyntaxError):
            view(program)
