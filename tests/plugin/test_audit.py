"""Benchmarks are audited, and runs give scores without what was found unsound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run, assert_clear

PROBLEMS = [
    {
        "id": f"p{number}",
        "target": {
            "entry_point": "f",
            "prompt": "def f(x):\n",
            "solution": "    return x + 1\n",
            "tests": tests.splitlines(),
        },
    }
    for number, tests in enumerate(
        ["assert f(1) == 2", "assert f(2) != 2", "assert f(3) == 4\nassert f(0) == 1"]
    )
]


@pytest.fixture
def own(pytester: pytest.Pytester) -> str:
    """A benchmark with one problem that a function without use solves."""
    lines = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS)
    (pytester.path / "own.jsonl").write_text(lines)
    pytester.makeconftest(
        "from pytest_selfinvoke import JsonlBenchmark\n"
        "def pytest_selfinvoke_benchmarks(registry):\n"
        "    registry.add('own', JsonlBenchmark.named('own', 'own.jsonl'))\n"
    )
    return "--benchmark=own"


def test_an_audit_prints_a_table_and_writes_the_list(
    run: Run, own: str, pytester: pytest.Pytester
) -> None:
    result = run("--selfinvoke-audit", own, "--selfinvoke-quarantine=q.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "own: 3 problems, 1 unsound",
            "  mutants of the reference: * noticed (*",
            "  1 unsound, stub passes: functions that return None pass the tests",
            "      p1",
            "quarantine: 1 problems in *q.json",
        ]
    )
    data = json.loads((pytester.path / "q.json").read_text())
    assert data["benchmarks"]["own"]["problems"] == {"p1": ["stub passes"]}


def test_scores_stand_beside_those_of_sound_problems(
    run_both: Run, run: Run, own: str, pytester: pytest.Pytester
) -> None:
    run("--selfinvoke-audit", own, "--selfinvoke-quarantine=q.json")
    pytester.makepyfile(
        planted="""
class Model:
    max_batch = 8
    def __init__(self, spec): pass
    def generate(self, requests):
        return ["```python\\ndef f(x):\\n    return None\\n```" for _ in requests]
"""
    )
    result = run_both(
        "--model=planted:Model", own, "--exclude-unsound=q.json", "--tb=no", "-rN",
        "--selfinvoke-markdown=out.md",
    )  # fmt: skip
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "pass@1 without the problems of q.json",
            "  planted-Model on own, clean: 0.0 % (0.0 – 65.8 %) of 2 problems, "
            "33.3 % of all 3",
        ]
    )
    text = (pytester.path / "out.md").read_text()
    assert "| planted-Model | own | clean | 3 | 33.3 % | 2 | 0.0 % |" in text


def test_a_list_of_other_problems_is_refused(
    run: Run, own: str, pytester: pytest.Pytester
) -> None:
    run("--selfinvoke-audit", own, "--selfinvoke-quarantine=q.json")
    result = run("--model=oracle", "--exclude-unsound=q.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "lists problems of own, not of mini")
    text = (pytester.path / "q.json").read_text()
    (pytester.path / "q.json").write_text(text.replace('"hash": "', '"hash": "0'))
    result = run("--model=oracle", own, "--exclude-unsound=q.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "was made from other problems of own")


def test_the_list_has_to_be_there(run: Run, tmp_path: Path) -> None:
    result = run("--model=oracle", f"--exclude-unsound={tmp_path / 'none'}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "no such quarantine list")
