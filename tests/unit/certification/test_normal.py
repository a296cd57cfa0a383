from __future__ import annotations

import pytest

from pytest_selfinvoke.certification.normal import execution_key, parsed

PROGRAM = '''def total(values):
    """Add."""
    result = 0
    for value in values:
        result += value  # one more
    return result
'''
TESTS = "assert total([1, 2]) == 3\n"


def key(program: str, tests: str = TESTS, target: str = "total") -> str:
    return execution_key(program, tests, target)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('    """Add."""\n', ""),
        ("  # one more", ""),
        ("    ", "\t"),
        ("\n", "\n\n"),
        ("result", "VAR_0"),
        ("value in values", "values in value"),
        ('"""Add."""', '"""Return the result of total."""'),
    ],
)
def test_what_changes_nothing_leaves_the_key(old: str, new: str) -> None:
    changed = PROGRAM.replace(old, new)
    if old == "value in values":
        changed = changed.replace("(values)", "(value)").replace(
            "+= value", "+= values"
        )
    assert changed != PROGRAM
    assert key(changed) == key(PROGRAM)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("+=", "-="),
        ("= 0", "= 0.0"),
        ("= 0", "= False"),
        ("result += value", "value += result"),
        ("return result", "return value"),
        ("return result", "yield result"),
        ("def total", "async def total"),
        ("(values)", "(values, extra=1)"),
    ],
)
def test_what_changes_something_changes_the_key(old: str, new: str) -> None:
    changed = PROGRAM.replace(old, new)
    assert changed != PROGRAM
    assert key(changed) != key(PROGRAM)


def test_a_function_renamed_together_with_its_tests_is_the_same() -> None:
    renamed = PROGRAM.replace("total", "sumAll")
    tests = TESTS.replace("total", "sumAll")
    assert key(renamed, tests, "sumAll") == key(PROGRAM)
    assert key(renamed, TESTS, "sumAll") != key(PROGRAM)
    assert key(PROGRAM, TESTS, "other") != key(PROGRAM)


@pytest.mark.parametrize(
    "use",
    [
        "print(eval('result'))",
        "print(locals())",
        "print(total.__name__)",
        "class A:\n        result = 1",
    ],
)
def test_a_program_that_can_see_itself_is_its_own_form(use: str) -> None:
    program = PROGRAM.replace("    return", f"    {use}\n    return")
    commented = program + "# more\n"
    assert key(commented) != key(program)


@pytest.mark.parametrize(
    ("program", "renamed"),
    [
        # A name that is used as a keyword, an attribute or in a string.
        ("def f(a):\n    return a\nf(a=1)\n", "def f(b):\n    return b\nf(a=1)\n"),
        ("def f(a):\n    return a.real\n", "def f(real):\n    return real.real\n"),
        ("def f(a):\n    return {'a': a}\n", "def f(b):\n    return {'a': b}\n"),
        # Two names become one.
        ("def f(a, b):\n    a = b\n", "def f(a, b):\n    a = a\n"),
        # The new name hides a builtin that is used.
        ("def f(a):\n    return len(a)\n", "def f(len):\n    return len(len)\n"),
        # A builtin becomes a name that nobody defines.
        ("def f(a):\n    return len(a)\n", "def f(a):\n    return size(a)\n"),
        ("import math as m\nm.pi\n", "import math as n\nm.pi\n"),
    ],
)
def test_a_renaming_that_may_matter_changes_the_key(program: str, renamed: str) -> None:
    assert key(program, "", "f") != key(renamed, "", "f")


@pytest.mark.parametrize("code", ["def f(:", "x = '\0'", "f(" * 500 + ")" * 500])
def test_what_does_not_parse_is_a_syntax_error(code: str) -> None:
    with pytest.raises(SyntaxError):
        parsed(code)


def test_a_strange_escape_is_no_warning() -> None:
    parsed("x = '\\d'")


def test_programs_and_tests_are_kept_apart() -> None:
    assert key("a = 1\n", "b = 2\n") != key("a = 1\nb = 2\n", "")
