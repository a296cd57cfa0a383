"""``--selfinvoke-search``: what cannot be searched is said in one line."""

from __future__ import annotations

import pytest

from .conftest import Run, assert_clear


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--selfinvoke-search=hotflip:f", "--model=stub"), "gives no gradients"),
        (("--selfinvoke-search=hotflop:f", "--model=stub"), "write hotflip:FILE or random:FILE"),
        (("--selfinvoke-search=random", "--model=stub"), "write hotflip:FILE or random:FILE"),
        (("--selfinvoke-search=random:f",), "needs one --model"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    result = run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, words)
