from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.renaming import is_free, rename
from pytest_selfinvoke.core.records import Part, Problem
from tests.unit.attacks.samples import PLAIN, PRO, holds

COUNT = Part(
    entry_point="count_up",
    prompt="def count_up(n: int) -> int:\n"
    '    """Return count_up of n; see `count_up`, not recount_up or count_up_to.\n\n'
    "    >>> count_up(2)\n    2\n"
    '    """\n',
    solution="\n    # count_up calls count_up.\n"
    "    return count_up(n - 1) + 1 if n else 0  # count_up\n\n",
    tests="assert count_up(2) == 2, 'count_up'\n",
)
PROBLEM = Problem(id="p", benchmark="b", target=COUNT)


def program(solution: str, name: str = "count_up", tests: str = "") -> Problem:
    part = Part(
        entry_point=name, prompt=f"def {name}(n):\n", solution=solution, tests=tests
    )
    return Problem(id="p", benchmark="b", target=part)


def test_signature_words_examples_recursion_and_tests_are_renamed() -> None:
    changed = rename(PROBLEM, {"count_up": "rise"})
    assert changed.target == Part(
        entry_point="rise",
        prompt="def rise(n: int) -> int:\n"
        '    """Return rise of n; see `rise`, not recount_up or count_up_to.\n\n'
        "    >>> rise(2)\n    2\n"
        '    """\n',
        solution="\n    # rise calls rise.\n"
        "    return rise(n - 1) + 1 if n else 0  # rise\n\n",
        tests="assert rise(2) == 2, 'count_up'\n",
    )
    assert holds(changed)


def test_there_and_back_is_the_same_problem() -> None:
    for problem, names in (
        (PROBLEM, {"count_up": "rise_up"}),
        (PRO, {"larger_of": "greater_of", "largest": "greatest"}),
    ):
        back = {new: old for old, new in names.items()}
        assert rename(rename(problem, names), back) == problem


def test_functions_that_call_one_another_are_renamed_together() -> None:
    changed = rename(PRO, {"larger_of": "greater", "largest": "greatest"})
    assert changed.entry_points == ("greater", "greatest")
    assert "by greater." in changed.prompt
    assert "largest word" in changed.prompt
    assert "larger_of" not in changed.reference + changed.target.tests
    assert holds(changed)


def test_wrong_programs_are_renamed_and_those_that_do_not_parse_stay() -> None:
    wrong = ("def near(a, limit):\n    return near\n", "def near(")
    changed = rename(replace(PLAIN, wrong=wrong), {"near": "close"})
    assert changed.wrong == ("def close(a, limit):\n    return close\n", "def near(")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("The sum is large.", "The sum is large."),
        ("Sum, that is sum(a, b).", "Sum, that is add_up(a, b)."),
        ("The function sum, or `sum`.", "The function add_up, or `add_up`."),
        ("An x.sum(1) or sum_of.", "An x.sum(1) or sum_of."),
    ],
)
def test_an_english_word_is_a_name_only_where_it_is_clearly_one(
    words: str, expected: str
) -> None:
    solution = f'    """{words}"""\n    return n\n'
    changed = rename(program(solution, "sum"), {"sum": "add_up"})
    assert changed.target.solution == f'    """{expected}"""\n    return n\n'


@pytest.mark.parametrize(
    "solution",
    [
        "    return n.count_up\n",
        "    return dict(count_up=n)\n",
        "    return (lambda count_up: count_up)(n)\n",
        "    def inner(count_up):\n        return count_up\n    return inner(n)\n",
        "    count_up = n\n    return f'{count_up}'\n",
        "    from json import dumps as count_up\n    return count_up(n)\n",
        "    import count_up\n    return count_up\n",
        "    return 'count_up', f'count_up {n}'\n",
        "    def count_up(n):\n        return n\n    return count_up(n)\n",
    ],
)
def test_other_things_of_the_name_stay(solution: str) -> None:
    changed = rename(program(solution), {"count_up": "rise"})
    assert changed.target.prompt == "def rise(n):\n"
    assert changed.target.solution == solution


@pytest.mark.parametrize(
    "solution",
    [
        "    global count_up\n    return n\n",
        "    return f'{count_up(n)}'\n",
        "    return [count_up for count_up in n]\n",
        "    return [count_up := i for i in n]\n",
        "    class A:\n        count_up = 1\n        b = count_up\n    return A\n",
        "    try:\n        pass\n    except E as count_up:\n        pass\n",
        "    match n:\n        case {**count_up}:\n            pass\n",
        "    # The variable count_up.\n    count_up = n\n    return count_up\n",
        "from x import count_up\n",
        "    return (\n",
    ],
)
def test_a_name_that_cannot_be_told_apart_is_refused(solution: str) -> None:
    with pytest.raises(NotApplicableError):
        rename(program(solution), {"count_up": "rise"})


def test_what_stands_outside_of_a_scope_is_renamed() -> None:
    solution = (
        "    @count_up\n"
        "    def inner(count_up=count_up, b: count_up = 1) -> count_up:\n"
        "        return count_up\n"
        "    return inner\n\n\n"
        "async  def g():\n    return count_up\n"
        "count_up = cache(count_up)\n"
    )
    changed = rename(program(solution), {"count_up": "rise"})
    assert changed.target.solution == (
        "    @rise\n"
        "    def inner(count_up=rise, b: rise = 1) -> rise:\n"
        "        return count_up\n"
        "    return inner\n\n\n"
        "async  def g():\n    return rise\n"
        "rise = cache(rise)\n"
    )


def test_places_are_counted_in_characters() -> None:
    solution = "    # äöü count_up\n    return 'é', count_up, '𝒳', count_up\n"
    changed = rename(program(solution), {"count_up": "rise"})
    assert changed.target.solution == solution.replace("count_up", "rise")


def test_a_text_that_python_warns_of_is_no_obstacle() -> None:
    solution = "    return '\\w', count_up\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        changed = rename(program(solution), {"count_up": "rise"})
    assert changed.target.solution == solution.replace("count_up", "rise")


def test_a_number_sign_in_a_text_begins_no_comment() -> None:
    solution = "    return '# count_up', count_up  # count_up\n"
    changed = rename(program(solution), {"count_up": "rise"})
    assert changed.target.solution == "    return '# count_up', rise  # rise\n"


def test_the_letter_in_a_keyword_is_not_the_function() -> None:
    part = Part(entry_point="c", prompt="async def c(d):\n", solution="    return c\n")
    changed = rename(Problem(id="p", benchmark="b", target=part), {"c": "e"})
    assert changed.target.reference == "async def e(d):\n    return e\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rise", True),
        ("count_up", False),
        ("n", False),
        ("recount_up", False),
        ("class", False),
        ("match", False),
        ("sum", False),
        ("__rise", False),
        ("2nd", False),
        ("", False),
    ],
)
def test_a_free_name_is_legal_and_new(name: str, expected: bool) -> None:
    assert is_free(PROBLEM, name) is expected


def test_names_of_wrong_programs_and_tests_are_taken() -> None:
    problem = replace(PROBLEM, wrong=("def f():\n    other = 1\n",))
    assert not is_free(problem, "other")
    target = replace(COUNT, tests="rise = 1\n")
    assert not is_free(replace(PROBLEM, target=target), "rise")
