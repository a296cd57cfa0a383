"""``--selfinvoke-search``: what it says when it cannot search."""

from __future__ import annotations

import pytest

from .conftest import Run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--selfinvoke-search=hotflip:f"], "--selfinvoke-search needs one --model"),
        (
            ["--model=oracle", "--selfinvoke-search=rhyme:f"],
            "unknown white-box search 'rhyme': *hotflip*",
        ),
        (
            ["--model=oracle", "--selfinvoke-search=gcg@steps=2:f.jsonl"],
            "--selfinvoke-search: oracle gives no gradients: search with an hf: model,"
            " then run --attack=whitebox:f.jsonl on this one",
        ),
        (["--model=oracle", "--attack=whitebox:f.jsonl"], "*f.jsonl*"),
    ],
    ids=["no model", "method", "no gradients", "no file"],
)
def test_mistakes_are_one_line(run: Run, options: list[str], message: str) -> None:
    result = run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert len(result.errlines) <= 2
