from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.core.records import Part, Problem
from tests.unit.attacks.samples import PLAIN, PRO, attacked, holds

NAMES = [
    f"syntax.{name}"
    for name in (
        "dead_code_first",
        "dead_code_last",
        "for_to_while",
        "operand_swap",
        "rename_variables_naive",
        "rename_variables_plausible",
        "rename_variables_random",
    )
]


def base_is(code: str, tests: str = "") -> Problem:
    """A problem with a function that is given whole."""
    head, _, body = code.partition(":\n")
    return Problem(
        id="r",
        benchmark="b",
        base=Part(entry_point="f", prompt=f"{head}:\n", solution=body),
        target=Part(
            entry_point="g",
            prompt="def g(x):\n",
            solution="    return f(x)\n",
            tests=tests,
        ),
    )


def function(problem: Problem) -> Callable[..., Any]:
    space: dict[str, Any] = {}
    exec(problem.reference, space)
    return space["f"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("problem", [PLAIN, PRO], ids=["plain", "pro"])
@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_changes_and_the_reference_still_holds(
    name: str, problem: Problem
) -> None:
    try:
        changed = attacked(name, problem)
    except NotApplicableError:
        # The plain problem's half has no comparison.
        assert (name, problem) == ("syntax.operand_swap", PLAIN)
        return
    assert changed.prompt != attacked("clean.half", problem).prompt
    assert holds(changed)


LOOPS = {
    "else after no break": "def f(x):\n    for a in x:\n        if a == 3:\n"
    "            break\n    else:\n        return 'none'\n    return a\n",
    "continue": "def f(x):\n    n = []\n    for a, b in enumerate(x):\n"
    "        if b == 2:\n            continue\n        n.append((a, b))\n    return n\n",
    "target after the loop": "def f(x):\n    a = None\n    for a in x:\n        pass\n"
    "    return a\n",
    "tuple without brackets": "def f(x):\n    n = 0\n    for a in len(x), 7:\n"
    "        n += a\n    return n\n",
    "nested": "def f(x):\n    n = 0\n    for a in x:  # outer\n        for b in x:\n"
    "            n += a * b\n    return n\n",
    "brackets over lines": "def f(x):\n    n = 0\n    for a in (\n        x\n    ):\n"
    "        n -= a\n    return n\n",
    "names taken": "def f(x):\n    step = end = steps = 1\n    for a in x:\n"
    "        step += a\n    return step, end, steps\n",
    "stop iteration in the body": "def f(x):\n    try:\n        for a in x:\n"
    "            next(iter([]))\n    except StopIteration:\n        return 'stopped'\n",
}


@pytest.mark.parametrize("code", LOOPS.values(), ids=LOOPS)
def test_a_while_loop_does_what_the_for_loop_did(code: str) -> None:
    problem = base_is(code)
    changed = attacked("syntax.for_to_while", problem)
    assert "while (step" in changed.prompt
    for values in ([], [1], [1, 2, 3], [3, 2, 2]):
        assert function(changed)(values) == function(problem)(values)


@pytest.mark.parametrize(
    "code",
    [
        "def f(x):\n    for a in x: print(a)\n",
        "def f(x):\n    iter = next = 1\n    for a in x:\n        pass\n",
        "def f(x):\n    for a in x:\n        pass\n    return locals()\n",
        "def f(x):\n    return [a for a in x]\n",
    ],
)
def test_a_loop_that_cannot_be_kept_exactly_is_left(code: str) -> None:
    with pytest.raises(NotApplicableError):
        attacked("syntax.for_to_while", base_is(code))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x < 3", "3 > x"),
        ("x <= len(x)", "len(x) >= x"),
        ("(x + 1) == 2", "2 == (x + 1)"),
        ("x[0] != -1", "-1 != x[0]"),
        ("x < y", "y > x"),
    ],
)
def test_operands_change_places(before: str, after: str) -> None:
    problem = base_is(f"def f(x, y=0):\n    return {before}\n")
    assert f"return {after}\n" in attacked("syntax.operand_swap", problem).prompt


@pytest.mark.parametrize(
    "expression",
    [
        "x() < y()",
        "0 < x < 3",
        "x in y",
        "x is y",
        "x == (x := 3)",
        "GLOBAL == x()",
        "f'{x < 3}'",
        "x == x",
    ],
)
def test_operands_stay_where_order_could_matter(expression: str) -> None:
    problem = base_is(f"def f(x, y=0):\n    return {expression}\n")
    with pytest.raises(NotApplicableError):
        attacked("syntax.operand_swap", problem)


@pytest.mark.parametrize("seed", range(5))
def test_dead_code_stands_first_or_last_and_never_runs(seed: int) -> None:
    problem = base_is("def f(x):\n    'Doc.'\n    a = x\n    a += 1\n    return a\n")
    first = attacked("syntax.dead_code_first", problem, seed).prompt.split("\n")
    last = attacked("syntax.dead_code_last", problem, seed).prompt.split("\n")
    assert first[2] in ("    if False:", "    while False:")
    assert last[4] in ("    if False:", "    while False:")
    for name in NAMES[:2]:
        assert function(attacked(name, problem, seed))(1) == 2


@pytest.mark.parametrize(
    "code",
    [
        # A copied yield would make a generator; a global must come first.
        "def f(x):\n    def h():\n        yield 1\n    pass\n",
        "def f(x):\n    global a\n    a = 1\n",
        "def f(x):\n    break_ = (y := 3)\n",
    ],
)
def test_statements_that_declare_something_are_not_copied(code: str) -> None:
    with pytest.raises(NotApplicableError):
        attacked("syntax.dead_code_first", base_is(code))


def test_the_most_frequent_variable_is_renamed_everywhere() -> None:
    code = (
        "def f(x):\n    n = 1\n    def h(n):\n        return n + x\n"
        "    return [n for n in x] + [h(n)]\n"
    )
    problem = base_is(code)
    changed = attacked("syntax.rename_variables_naive", problem)
    assert "def h(VAR_0):\n        return VAR_0 + x" in changed.prompt
    assert "\n    VAR_0 = 1\n" in changed.prompt
    assert "n" not in {
        node.id
        for node in ast.walk(ast.parse(changed.reference))
        if isinstance(node, ast.Name)
    }


def test_a_renaming_goes_on_in_the_solution() -> None:
    changed = attacked("syntax.rename_variables_naive")
    assert "VAR_0" in changed.target.prompt
    assert "VAR_0" in changed.target.solution


@pytest.mark.parametrize(
    "code",
    [
        'def f(n):\n    """Take n."""\n    return n + n\n',
        "def f(n):\n    return f'{n}' + n\n",
        "def f(n):\n    return f(n=n)\n",
        "def f(n):\n    def h():\n        nonlocal n\n        n = 1\n    return n\n",
        "def f(*, n=1):\n    return n and eval('n')\n",
        "def f():\n    class A:\n        n = 1\n    n = A.n\n    return n\n",
        "def f():\n    try:\n        pass\n    except E as n:\n        return n\n",
        "def f():\n    import n\n    n = n.a\n    return n\n",
        "def f():\n    for _ in n:\n        return _\n",
    ],
)
def test_names_that_something_else_may_use_are_left(code: str) -> None:
    with pytest.raises(NotApplicableError):
        attacked("syntax.rename_variables_naive", base_is(code))


def test_an_argument_that_the_tests_name_is_left() -> None:
    code = "def f(n):\n    return n\n"
    assert "VAR_0" in attacked("syntax.rename_variables_naive", base_is(code)).prompt
    with pytest.raises(NotApplicableError):
        attacked("syntax.rename_variables_naive", base_is(code, "f(n=1)"))


def test_random_names_depend_on_the_seed() -> None:
    texts = {
        attacked("syntax.rename_variables_random", PRO, s).prompt for s in range(5)
    }
    assert len(texts) == 5
