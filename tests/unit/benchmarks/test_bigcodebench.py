from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks.bigcodebench import BIGCODEBENCH, BigCodeBench
from pytest_selfinvoke.benchmarks.parents import match
from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.runner import Sandbox

RECORD = {
    "task_id": "BigCodeBench/23",
    "complete_prompt": "import math\n\ndef task_func(x):\n    '''Root.'''\n",
    "canonical_solution": "    return math.sqrt(x)\n",
    "test": "import unittest\nclass TestCases(unittest.TestCase):\n"
    "    def test_case_1(self):\n        self.assertEqual(task_func(4), 2)\n"
    "    def test_case_2(self):\n"
    "        with self.assertRaises(ValueError):\n            task_func(-1)\n",
    "entry_point": "task_func",
}


def file(folder: Path, **changes: Any) -> Path:
    path = folder / "bigcodebench.jsonl"
    path.write_text(json.dumps({**RECORD, **changes}) + "\n")
    return path


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("import math\ndef task_func(x): return math.sqrt(x)", Verdict.SOLVED),
        ("def task_func(x): return x ** 0.5", Verdict.WRONG_ANSWER),
        ("def task_func(x): return 3", Verdict.WRONG_ANSWER),
    ],
)
def test_its_tests_decide(tmp_path: Path, program: str, verdict: Verdict) -> None:
    [problem] = BIGCODEBENCH.load(file(tmp_path))
    assert (problem.id, problem.entry_points) == ("BigCodeBench_0023", ("task_func",))
    job = Job(
        program=program, tests=problem.target.tests, entry_points=problem.entry_points
    )
    with Sandbox("unsafe-ok") as sandbox:
        assert sandbox.run(job).verdict is verdict


def test_it_is_the_parent_of_the_problem_with_its_number(tmp_path: Path) -> None:
    parents = BIGCODEBENCH.load(file(tmp_path))
    base = Part(entry_point="task_func", prompt="def task_func(x):\n", solution="    0")
    pro = [
        Problem(
            id=f"BigCodeBenchLitePro_{n:04d}", benchmark="b", base=base, target=base
        )
        for n in (22, 23)
    ]
    assert list(match(pro, parents, numbered=True)) == ["BigCodeBenchLitePro_0023"]


def test_the_file_is_named_or_in_the_data_folder(tmp_path: Path) -> None:
    path = file(tmp_path)
    info = BIGCODEBENCH.info
    there = BigCodeBench(info=info, environ={"SELFINVOKE_DATA": str(tmp_path)})
    assert there.locate(None, download=False) == path
    nowhere = BigCodeBench(info=info, environ={})
    assert nowhere.locate(path, download=False) == path
    assert nowhere.locate(tmp_path, download=False) == path
    with pytest.raises(UserError, match="SELFINVOKE_DATA"):
        nowhere.locate(None, download=True)


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'task_id'"):
        BIGCODEBENCH.load(file(tmp_path, task_id="23"))
    with pytest.raises(DataError, match="'test'"):
        BIGCODEBENCH.load(file(tmp_path, test=""))
