"""The paper's settings: raw and cleaned answers, tests that are shown."""

from __future__ import annotations

import pytest

from .conftest import Run, records

MODEL = '''
class Model:
    """Goes on writing the base function's body, and adds an example that fails."""

    max_batch = 8

    def __init__(self, spec):
        from pytest_selfinvoke.benchmarks import BUILTIN
        from pytest_selfinvoke.core.imports import resolve
        self.problems = {p.id: p for p in resolve(BUILTIN["mini"]).load(None)}

    def generate(self, requests):
        for request in requests:
            problem = self.problems[request.case["problem"]]
            rest = problem.reference[len(problem.base.prompt) :]
            yield f"{rest}\\nprint(undefined)\\n```\\n"
'''


def test_raw_and_cleaned_answers_are_both_recorded(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(planted=MODEL.replace("        for request", "        return list(self._all(requests))\n\n    def _all(self, requests):\n        for request"))  # fmt: skip
    result = run_both(
        "--model=planted:Model", "--prompt-style=one-shot", "--limit=4", "--tb=short"
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "selfinvoke: one-shot shows a test that also grades the answer*",
            "*clean *100.0 %*",
            "    raw answers 0.0 %",
        ]
    )
    found = records(pytester.path)
    assert [r["verdict"] for r in found] == ["solved"] * 4
    assert [r["raw_verdict"] for r in found] == ["exception"] * 4


def test_a_test_that_is_held_out_does_not_grade(
    run: Run, pytester: pytest.Pytester
) -> None:
    result = run("--model=oracle", "--prompt-style=one-shot-held-out", "--limit=4")
    result.assert_outcomes(passed=4)
    assert "also grades" not in result.stdout.str()
    prompts = [record["prompt"] for record in records(pytester.path)]
    assert all("This has to hold:" in prompt for prompt in prompts)
