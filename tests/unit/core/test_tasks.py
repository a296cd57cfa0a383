from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.tasks import listed_ids, problem_ids, task_name


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("HumanEval/0", "HumanEval_000"),
        ("Mbpp/2", "Mbpp_0002"),
        ("MBPP/974", "Mbpp_0974"),
        ("BigCodeBench/1029", "BigCodeBenchLitePro_1029"),
        (7, "HumanEvalPro_007"),
        (7, "MbppPro_007"),
        ("377", "MbppPro_377"),
        ("mine_3", "mine_3"),
        ("HumanEval_000", "HumanEval_000"),
    ],
)
def test_what_a_task_means(task: str | int, problem: str) -> None:
    assert problem in problem_ids(task)


@pytest.mark.parametrize("task", ["HumanEval/x", "HumanEvalFix/3", "a/HumanEval/3"])
def test_a_name_that_only_looks_alike_means_itself(task: str) -> None:
    assert problem_ids(task) == (task,)


@pytest.mark.parametrize(
    ("problem", "task"),
    [
        ("HumanEval_012", "HumanEval/12"),
        ("Mbpp_0011", "Mbpp/11"),
        ("BigCodeBenchLitePro_0023", "BigCodeBench/23"),
        ("MbppPro_003", 3),
        ("lists_01", "lists_01"),
        ("HumanEval_12", "HumanEval_12"),
    ],
)
def test_names_there_and_back(problem: str, task: str | int) -> None:
    assert task_name(problem) == task
    assert problem in problem_ids(task)


def test_lists_begin_with_the_first_task_of_the_split() -> None:
    assert listed_ids(0) == (
        "HumanEval_000",
        "Mbpp_0011",
        "HumanEvalPro_000",
        "MbppPro_000",
    )


@pytest.mark.parametrize(
    ("benchmark", "file", "field"),
    [
        ("humaneval", "recode/HumanEval.jsonl", "task_id"),
        ("mbpp", "mbpp/mbpp_wtest.jsonl", "task_id"),
        ("humaneval-pro", "codeeval-pro/humaneval_pro.json", "id"),
        ("mbpp-pro", "codeeval-pro/mbpp_pro.json", "id"),
        ("bigcodebench-lite-pro", "codeeval-pro/bigcodebench_lite_pro.json", "id"),
    ],
)
def test_published_names_mean_the_problems_that_are_read_from_them(
    data: Path, benchmark: str, file: str, field: str
) -> None:
    path = data / file
    text = path.read_text()
    rows = map(json.loads, text.splitlines()) if "jsonl" in file else json.loads(text)
    ids = [problem.id for problem in resolve(BUILTIN[benchmark]).load(path)]
    for problem, row in zip(ids, rows, strict=True):
        assert problem in problem_ids(row[field])
        assert problem in problem_ids(task_name(problem))
