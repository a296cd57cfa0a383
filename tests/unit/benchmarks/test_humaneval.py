"""HumanEval: records of its own form, and the real file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.benchmarks.humaneval import HUMANEVAL
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark
from pytest_selfinvoke.core.errors import DataError

RECORD = {
    "task_id": "HumanEval/7",
    "prompt": 'import math\n\n\ndef half(x):\n    """Half of x."""\n',
    "entry_point": "half",
    "canonical_solution": "    import numpy\n    return x / 2\n",
    "test": "def check(candidate):\n    assert candidate(2) == 1\n",
}


def write(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "HumanEval.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def run(program: str, tests: str) -> None:
    """Run trusted texts as the judge does: the tests see the function alone."""
    names: dict[str, Any] = {}
    exec(compile(program, "program", "exec"), names)
    exec(compile(tests, "tests", "exec"), {"half": names["half"]})


def test_record(tmp_path: Path) -> None:
    assert isinstance(HUMANEVAL, Benchmark)
    (problem,) = HUMANEVAL.load(write(tmp_path, RECORD))
    assert (problem.id, problem.benchmark) == ("HumanEval_007", "humaneval")
    assert problem.entry_points == ("half",)
    assert problem.prompt == RECORD["prompt"]
    assert problem.requires == ("numpy",)
    assert problem.tags == ()
    program = problem.reference.replace("    import numpy\n", "")
    run(program, problem.target.tests)
    with pytest.raises(AssertionError):
        run(program.replace("x / 2", "x"), problem.target.tests)


def test_tests_may_use_a_helper_of_the_prompt(tmp_path: Path) -> None:
    record = {
        **RECORD,
        "prompt": "import math\ndef up(x):\n    return math.ceil(x)\n"
        'def half(x):\n    """Half of x."""\n',
        "canonical_solution": "    return up(x / 2)\n",
        "test": "def check(candidate):\n    assert candidate(3) == up(1.5)\n",
    }
    (problem,) = HUMANEVAL.load(write(tmp_path, record))
    run(problem.reference, problem.target.tests)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"entry_point": "third"},
            "'prompt': must define 'third', its entry point, in",
        ),
        ({"test": 1}, r"HumanEval\.jsonl:2: field 'test': must be a string"),
        ({"task_id": "MBPP/2"}, "'task_id': must be a string like 'HumanEval/12', not"),
        ({"prompt": "def up(:\ndef half(x):"}, r"cannot be parsed: .* in record 2"),
        ({"task_id": "HumanEval/7"}, "HumanEval_007 is already record 1, again in rec"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    second = {**RECORD, "task_id": "HumanEval/8", **change}
    with pytest.raises(DataError, match=message):
        HUMANEVAL.load(write(tmp_path, RECORD, second))


def test_missing_field(tmp_path: Path) -> None:
    second = {**RECORD, "task_id": "HumanEval/8"}
    del second["canonical_solution"]
    path = write(tmp_path, RECORD, second)
    with pytest.raises(DataError, match="'canonical_solution': is missing in record 2"):
        HUMANEVAL.load(path)


def test_real_file(data: Path) -> None:
    problems = HUMANEVAL.load(HUMANEVAL.locate(data, download=False))
    assert len(problems) == 164
    assert problems[38].id == "HumanEval_038"
    assert problems[38].target.entry_point == "decode_cyclic"
    assert "def encode_cyclic" in problems[38].target.tests
    assert isinstance(HUMANEVAL, PublishedBenchmark)
    assert HUMANEVAL.mismatch(problems) is None


@pytest.mark.slow
def test_real_references_pass(data: Path) -> None:
    problems = HUMANEVAL.load(HUMANEVAL.locate(data, download=False))
    cases = [[p.reference, list(p.entry_points), p.target.tests] for p in problems]
    # Published references are trusted; another process only keeps them out of ours.
    program = (
        "import json, sys\n"
        "for i, (reference, names, tests) in enumerate(json.load(sys.stdin)):\n"
        "    space = {'__name__': 'program'}\n"
        "    exec(compile(reference, f'reference {i}', 'exec'), space)\n"
        "    exec(compile(tests, f'{i}', 'exec'), {n: space[n] for n in names})\n"
        "print(i + 1, 'passed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.endswith(f"{len(cases)} passed\n"), done.stderr
