from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.benchmarks.humaneval import HUMANEVAL
from pytest_selfinvoke.benchmarks.mbpp import MBPP
from pytest_selfinvoke.benchmarks.parents import match, renamed
from pytest_selfinvoke.benchmarks.pro import (
    BIGCODEBENCH_LITE_PRO,
    HUMANEVAL_PRO,
    MBPP_PRO,
)
from pytest_selfinvoke.core.records import Part, Problem


def problem(number: int, name: str, prose: str, *, is_base: bool = False) -> Problem:
    part = Part(
        entry_point=name,
        prompt=f"def {name}(x):\n    '''{prose}'''\n",
        solution="    return x\n",
        tests="" if is_base else f"assert {name}({number})",
    )
    if not is_base:
        return Problem(id=f"P_{number:03d}", benchmark="parent", target=part)
    other = Part(entry_point="other", prompt="def other(x):\n", solution="    pass\n")
    return Problem(id=f"Q_{number:03d}", benchmark="pro", base=part, target=other)


PARENTS = [
    problem(1, "find", "Find the largest number of a list."),
    problem(2, "find", "Find the position of a word in some text."),
    problem(3, "sort_it", "Put all names into the order of the alphabet."),
]


def test_the_name_is_enough_where_one_has_it() -> None:
    pro = [problem(9, "sort_it", "Quite another text.", is_base=True)]
    assert match(pro, PARENTS, numbered=False) == {"Q_009": "assert sort_it(3)"}


def test_the_text_decides_between_namesakes() -> None:
    pro = [problem(9, "find", "Find the position of a word in a text.", is_base=True)]
    assert match(pro, PARENTS, numbered=False) == {"Q_009": "assert find(2)"}


def test_the_text_finds_what_has_another_name_now() -> None:
    prose = "Put all names into order of the alphabet."
    pro = [problem(9, "order", prose, is_base=True)]
    assert match(pro, PARENTS, numbered=False) == {"Q_009": "assert order(3)\n"}


def test_no_parent_is_no_match() -> None:
    pro = [
        problem(8, "find", "Multiply two matrices.", is_base=True),
        problem(9, "multiply", "Multiply two matrices.", is_base=True),
        problem(3, "sort_it", "It has no base function."),
    ]
    assert match(pro, PARENTS, numbered=False) == {}
    assert match(pro, [], numbered=False) == {}


def test_the_number_decides_where_it_is_the_parents() -> None:
    pro = [problem(n, "find", "Whatever.", is_base=True) for n in (1, 2, 3)]
    assert match(pro, PARENTS, numbered=True) == {
        "Q_001": "assert find(1)",
        "Q_002": "assert find(2)",
    }


def test_only_the_name_is_renamed() -> None:
    tests = "def check(f):\n    assert f(find.x) == 'find'\n\ncheck(find)"
    assert renamed(tests, "find", "search") == tests.replace(
        "check(find)", "check(search)\n"
    ).replace("find.x", "search.x").replace("\n\n", "\n", 1)
    assert renamed(tests, "find", "find") == tests


def test_every_problem_of_humaneval_pro_has_its_parent(data: Path) -> None:
    tests = match(HUMANEVAL_PRO.load(None), HUMANEVAL.load(None), numbered=True)
    assert len(tests) == 164


def test_nearly_every_problem_of_mbpp_pro_has_its_parent(data: Path) -> None:
    tests = match(MBPP_PRO.load(None), MBPP.load(None), numbered=False)
    assert len(tests) == 371


@pytest.mark.parametrize("benchmark", [HUMANEVAL_PRO, MBPP_PRO, BIGCODEBENCH_LITE_PRO])
def test_the_parents_names_are_those_of_benchmarks(benchmark: object) -> None:
    assert getattr(benchmark, "parent", "") in BUILTIN
