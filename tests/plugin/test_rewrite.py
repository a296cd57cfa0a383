"""``--selfinvoke-rewrite``: a model makes the file of an attack."""

from __future__ import annotations

import json

import pytest

from .conftest import Run

MODEL = """
class Wordy:
    max_batch = 4
    def __init__(self, spec): pass
    def generate(self, requests):
        answers = []
        for request in requests:
            text = request.prompt.shown()
            paragraph = text.rpartition("\\n\\n")[2]
            answers.append("fresh_name" if "Which other name" in text else f"Please: {paragraph}")
        return answers
"""


@pytest.mark.parametrize(
    ("what", "key"), [("paraphrase", "paragraphs"), ("variables", "variable")]
)
def test_rewritings_are_made_certified_and_run(
    run: Run, pytester: pytest.Pytester, what: str, key: str
) -> None:
    pytester.makepyfile(wordy=MODEL)
    made = run(
        "--model=wordy:Wordy", f"--selfinvoke-rewrite={what}:f.jsonl", "--limit=3"
    )
    assert made.ret == pytest.ExitCode.OK
    made.stdout.fnmatch_lines(["*f.jsonl: 3 rewritings of 3 problems"])
    lines = (pytester.path / "f.jsonl").read_text().splitlines()
    assert all(key in json.loads(line) for line in lines)
    result = run("--model=oracle", "--attack=rewritten:f.jsonl", "--limit=3", "-rs")
    found = result.parseoutcomes()
    assert found["passed"] >= 3
    assert "failed" not in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--selfinvoke-rewrite=rhyme:f"], "write paraphrase:FILE or variables:FILE"),
        (["--selfinvoke-rewrite=paraphrase:f"], "needs one --model"),
    ],
    ids=["kind", "model"],
)
def test_mistakes_are_one_line(run: Run, options: list[str], message: str) -> None:
    result = run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{message}"])
