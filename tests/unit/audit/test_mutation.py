from __future__ import annotations

import ast

import pytest

from pytest_selfinvoke.audit.mutation import mutants

PROGRAM = """
def f(words):
    best = 0
    for word in words:
        if len(word) > best and not word.isdigit():
            best = len(word) + 1
    return best - 1
"""


def test_each_mutant_is_another_program_with_one_change() -> None:
    found = mutants(PROGRAM, at_most=100)
    programs = [mutant.program for mutant in found]
    assert len(set(programs)) == len(programs)
    assert ast.unparse(ast.parse(PROGRAM)) not in programs
    for program in programs:
        before = ast.unparse(ast.parse(PROGRAM)).splitlines()
        changed = [
            a for a, b in zip(before, program.splitlines(), strict=True) if a != b
        ]
        assert len(changed) == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x < 1", "x <= 1"), ("x < 1", "x > 1"), ("x < 1", "x < 2"), ("x < 1", "x < 0"),
        ("x in y", "x not in y"), ("x - y", "x + y"), ("x - y", "y - x"),
        ("x and y", "x or y"), ("x or y", "x and y"), ("not x", "x"), ("-x", "x"),
        ("x if y else z", "x if not y else z"), ("True", "False"), ("'a'", "'ax'"),
        ("x.upper()", "x.lower()"), ("min(x)", "max(x)"), ("round(x)", "x"),
        ("[a for a in x]", "[a for a in list(x)[1:]]"),
        ("[a for a in x if a]", "[a for a in x]"), ("x << 2", "x >> 2"),
    ],
)  # fmt: skip
def test_changes(before: str, after: str) -> None:
    programs = [mutant.program for mutant in mutants(f"v = {before}", at_most=100)]
    assert f"v = {after}" in programs


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def f(x):\n    return x", "def f(x):\n    return None"),
        ("for a in x:\n    break", "for a in x:\n    continue"),
        ("for a in x:\n    break", "for a in list(x)[1:]:\n    break"),
        ("while x:\n    y += 1", "while not x:\n    y += 1"),
        ("while x:\n    y += 1", "while x:\n    pass"),
        ("x.sort()", "pass"),
    ],
)
def test_changed_statements(before: str, after: str) -> None:
    assert after in [mutant.program for mutant in mutants(before, at_most=100)]


def test_many_are_drawn_from_all_of_the_program() -> None:
    program = "\n".join(f"v{i} = {i} < x" for i in range(40))
    found = mutants(program, at_most=10)
    lines = [int(mutant.change.partition(":")[0].split()[1]) for mutant in found]
    assert len(found) == 10
    assert lines[0] <= 4
    assert lines[-1] > 30
    assert found == mutants(program, at_most=10)


def test_what_cannot_be_parsed() -> None:
    with pytest.raises(SyntaxError):
        mutants("def", at_most=1)


def test_a_mutant_that_python_warns_of_is_no_warning() -> None:
    assert mutants("x = (1, 2)[0] is None\ny = 'a' if x == 1 else 2", at_most=50)


def test_where_small_changes_are_few_whole_values_are_replaced() -> None:
    found = mutants("def f(x):\n    return g(x, *h(x))", at_most=12)
    bodies = [mutant.program.removeprefix("def f(x):\n    ") for mutant in found]
    assert len(bodies) == 10
    small = {"return None", "return x", "return g(x, *x)"}
    large = {
        *(f"return {new}" for new in ("0", "1", "''", "[]", "True", "False")),
        "return [g(x, *h(x))]",
        "return not g(x, *h(x))",
        "return g(None, *h(x))",
        "return g(x, *h(None))",
    }
    assert small < set(bodies) <= small | large


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("v = f", "v = None"),
        ("for a in x:\n    y", "for a in []:\n    y"),
        ("v = [a for a in x]", "v = [a for a in []]"),
        ("v = lambda a: a", "v = lambda a: None"),
        ("f(a, b)", "f(a, None)"),
    ],
)
def test_replaced_values(before: str, after: str) -> None:
    assert after in [mutant.program for mutant in mutants(before, at_most=100)]


def test_enough_small_changes_are_not_mixed_with_large_ones() -> None:
    program = "\n".join(f"v{i} = {i} < f(x)" for i in range(5))
    assert not [m for m in mutants(program, at_most=100) if "None" in m.change]
