"""MBPP: the form with docstrings, the original form, and the real file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.benchmarks.mbpp import MBPP
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark
from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.records import Problem

ORIGINAL = {
    "task_id": 31,
    "text": "Write a function to add a side.\r\nIt has a limit.",
    "code": (
        "import math\r\nclass Pair:\r\n  pass\r\nR = 3\r\n"
        "def helper(x):\r\n  return math.floor(x)\r\n"
        "def add(x):\r\n  return helper(x) + R\r\n"
        "def unused():\r\n  return 1"
    ),
    "test_list": [
        "assert add(1) == 4 # not helper",
        "assert add(math.floor(2.5)) == 5 and Pair()",
    ],
    "test_setup_code": "two = 2",
    "challenge_test_list": ["assert False"],
}


def load(folder: Path, *records: dict[str, Any]) -> tuple[Problem, ...]:
    path = folder / "mbpp.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return MBPP.load(path)


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {k: v for k, v in record.items() if k != key}


def test_original_form(tmp_path: Path) -> None:
    assert isinstance(MBPP, Benchmark)
    (problem,) = load(tmp_path, ORIGINAL)
    assert (problem.id, problem.benchmark) == ("Mbpp_0031", "mbpp")
    assert problem.target.entry_point == "add"
    assert problem.prompt == (
        "# Write a function to add a side.\n"
        "# It has a limit.\n"
        "# assert add(1) == 4 # not helper\n"
        "# assert add(math.floor(2.5)) == 5 and Pair()\n"
        "import math\nclass Pair:\n  pass\nR = 3\ndef add(x):\n"
    )
    assert problem.target.solution.startswith("  return helper(x) + R\n")
    names: dict[str, Any] = {}
    exec(compile(problem.reference, "program", "exec"), names)
    exec(compile(problem.target.tests, "tests", "exec"), {"add": names["add"]})
    assert "two = 2" in problem.target.tests
    assert "assert False" not in problem.target.tests


def test_sanitized_form(tmp_path: Path) -> None:
    record = {
        **without(without(ORIGINAL, "text"), "test_setup_code"),
        "prompt": "Add a side.",
        "test_imports": ["import numpy"],
    }
    (problem,) = load(tmp_path, record)
    assert problem.prompt.startswith("# Add a side.\n# assert")
    assert "import numpy\n" in problem.target.tests
    assert problem.requires == ("numpy",)


def test_recode_form(tmp_path: Path) -> None:
    record = {
        "task_id": "MBPP/9",
        "prompt": '\n\ndef add(x):\n\t"""\n\tAdd.\n\t"""\n',
        "canonical_solution": "\treturn x + 3",
        "entry_point": "add",
        "test": "def check(candidate):\n    assert candidate(1) == 4",
        "completion": "\treturn x + 3",
    }
    (problem,) = load(tmp_path, record)
    assert (problem.id, problem.target.entry_point) == ("Mbpp_0009", "add")
    assert problem.target.tests.endswith("\ncheck(add)\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": "def add(:"}, "field 'code': cannot be parsed"),
        ({"code": "x = 1"}, "'code': must define a function that test_list calls"),
        ({"test_list": ["assert add(math"]}, "field 'test_list': cannot be parsed"),
        ({"test_list": [1]}, r"field 'test_list\[0\]': must be a string"),
        ({"test_setup_code": 1}, "field 'test_setup_code': must be a string"),
        ({"test_imports": "os"}, "field 'test_imports': must be a list"),
        ({"task_id": "31"}, "field 'task_id': must be a whole number"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, {**ORIGINAL, **change})


def test_other_fields(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file of benchmark 'mbpp': .*found a$"):
        load(tmp_path, {"a": 1})


def test_real_file(data: Path) -> None:
    problems = MBPP.load(MBPP.locate(data, download=False))
    assert len(problems) == 974
    assert problems[0].id == "Mbpp_0001"
    # Its published prompt does not parse; it is given as it is.
    broken = next(p for p in problems if p.id == "Mbpp_0064")
    with pytest.raises(SyntaxError):
        compile(broken.reference, "reference", "exec")
    assert isinstance(MBPP, PublishedBenchmark)
    assert MBPP.mismatch(problems) is None


#: Published faults: 56, 349, 899, 967 are called "check" and hidden by their own tests;
#: 64, 966 do not parse; 367, 601, 927 need a class that is not there.
FAILING = [56, 64, 160, 341, 349, 367, 596, 601, 607, 631, 642, 899, 927, 966, 967]


@pytest.mark.slow
def test_real_references_pass_but_for_the_known_ones(data: Path) -> None:
    problems = MBPP.load(MBPP.locate(data, download=False))
    # Number 123 passes, after seconds.
    cases = {
        p.id: [p.reference, list(p.entry_points), p.target.tests]
        for p in problems
        if p.id != "Mbpp_0123"
    }
    # Published references are trusted; another process only keeps them out of ours.
    program = (
        "import json, sys\n"
        "failing = []\n"
        "for name, (reference, names, tests) in json.load(sys.stdin).items():\n"
        "    space = {'__name__': 'program'}\n"
        "    try:\n"
        "        exec(compile(reference, name, 'exec'), space)\n"
        "        exec(compile(tests, name, 'exec'), {n: space[n] for n in names})\n"
        "    except Exception:\n"
        "        failing.append(name)\n"
        "json.dump(failing, sys.stdout)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    failing = set(json.loads(done.stdout))
    # Some of these depend on Python's version, and pass elsewhere.
    assert failing <= {f"Mbpp_{number:04d}" for number in FAILING}, done.stderr
    assert "Mbpp_0056" in failing
