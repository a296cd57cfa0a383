from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.whitebox.settings import SearchSettings, parse_search


def test_a_search_has_a_method_a_budget_and_a_file() -> None:
    settings, path = parse_search("gcg@steps=20@width=8:some/texts.jsonl")
    assert settings == SearchSettings(method="gcg", steps=20, width=8)
    assert path == Path("some/texts.jsonl")
    assert parse_search("patch:x")[0].is_patch
    assert [parse_search(f"{m}:x")[0].is_guided for m in ("hotflip", "random")] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gcg", "write METHOD"),
        ("gcg:", "write METHOD"),
        ("hotflop:x", "unknown white-box search 'hotflop'.*hotflip"),
        ("gcg@step=2:x", "unknown setting of gcg 'step'.*steps"),
        ("gcg@method=2:x", "unknown setting of gcg 'method'"),
        ("gcg@steps=0:x", "steps must be a whole number above 0"),
        ("gcg@steps=1.5:x", "steps must be a whole number above 0"),
        ("gcg@steps:x", "steps must be a whole number above 0"),
    ],
)
def test_what_is_no_search_is_said(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_search(text)
