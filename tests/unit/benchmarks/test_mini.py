"""The embedded problems: every reference holds, every wrong program is caught."""

from __future__ import annotations

import ast
import doctest
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.benchmarks.mini import MINI
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Part, Problem

PROBLEMS = MINI.load(None)
PARTS = [
    pytest.param(problem, part, id=f"{problem.id}-{name}")
    for problem in PROBLEMS
    for name, part in (("base", problem.base), ("target", problem.target))
]
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.id)
each_part = pytest.mark.parametrize(("problem", "part"), PARTS)


def namespace(program: str) -> dict[str, Any]:
    """What this benchmark's own, trusted program defines."""
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "<mini>", "exec"), names)
    return names


def functions(program: str) -> dict[str, ast.FunctionDef]:
    """The functions at the top level of a program."""
    tree = ast.parse(program)
    return {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}


def called_names(node: ast.AST) -> set[str]:
    """The names of the functions that are called inside a node."""
    calls = (n.func for n in ast.walk(node) if isinstance(n, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


@each_part
def test_reference_passes_tests(problem: Problem, part: Part) -> None:
    names = namespace(problem.reference)
    exec(part.tests, names)


@each_part
def test_asserts_compare_calls_of_literals_with_literals(
    problem: Problem, part: Part
) -> None:
    calls = []
    for statement in ast.parse(part.tests).body:
        assert isinstance(statement, ast.Assert)
        comparison = statement.test
        assert isinstance(comparison, ast.Compare)
        assert [type(op) for op in comparison.ops] == [ast.Eq]
        ast.literal_eval(comparison.comparators[0])
        call = comparison.left
        assert isinstance(call, ast.Call)
        assert ast.unparse(call.func) == part.entry_point
        assert not call.keywords
        for argument in call.args:
            ast.literal_eval(argument)
        calls.append(ast.unparse(call))
    assert len(calls) >= 5
    assert len(set(calls)) == len(calls)
    examples = {ast.unparse(ast.parse(e.source)) for e in doctest_of(problem, part)}
    assert len(set(calls) - examples) >= 3


def doctest_of(problem: Problem, part: Part) -> list[doctest.Example]:
    """The examples in the docstring of a part's function."""
    function = functions(problem.reference)[part.entry_point]
    return doctest.DocTestParser().get_examples(ast.get_docstring(function) or "")


@each_part
def test_docstring_examples_hold(problem: Problem, part: Part) -> None:
    examples = doctest_of(problem, part)
    assert 1 <= len(examples) <= 2
    names = namespace(problem.reference)
    for example in examples:
        assert repr(eval(example.source, names)) == example.want.strip()


@each_part
def test_signature_has_types(problem: Problem, part: Part) -> None:
    function = functions(problem.reference)[part.entry_point]
    assert function.returns is not None
    assert all(argument.annotation is not None for argument in function.args.args)


@each_problem
def test_reference_invokes_base(problem: Problem) -> None:
    base, target = problem.entry_points
    assert base in called_names(functions(problem.reference)[target])


@each_problem
def test_wrong_programs_fail_an_assert(problem: Problem) -> None:
    assert len(problem.wrong) >= 3
    assert len(set(problem.wrong)) == len(problem.wrong)
    for program in problem.wrong:
        assert set(problem.entry_points) <= functions(program).keys()
        names = namespace(program)
        with pytest.raises(AssertionError):
            exec(problem.target.tests, names)


def test_there_are_enough_problems_of_each_kind() -> None:
    assert len(PROBLEMS) >= 44
    assert all(problem.is_self_invoking for problem in PROBLEMS)
    tags = Counter(tag for problem in PROBLEMS for tag in problem.tags)
    levels = {level: tags.pop(level) for level in ("easy", "medium", "hard")}
    assert min(levels.values()) >= len(PROBLEMS) // 4
    assert len(tags) == 8
    assert min(tags.values()) >= 5


def test_ids_are_unique_and_sorted() -> None:
    ids = [problem.id for problem in PROBLEMS]
    assert ids == sorted(set(ids))
    assert {problem.benchmark for problem in PROBLEMS} == {"mini"}


def test_function_names_are_unique_within_a_problem() -> None:
    assert all(len(set(problem.entry_points)) == 2 for problem in PROBLEMS)


def test_info_tells_the_number_of_problems() -> None:
    assert isinstance(MINI, Benchmark)
    assert MINI.info.name == "mini"
    assert str(len(PROBLEMS)) in MINI.info.description


def test_nothing_is_to_be_located() -> None:
    assert MINI.locate(None, download=False) is None


def test_a_file_is_refused() -> None:
    with pytest.raises(UserError, match=r"--benchmark jsonl=mine\.jsonl"):
        MINI.locate(Path("mine.jsonl"), download=False)
