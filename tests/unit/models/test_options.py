from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.models.options import parse_options, require_positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    batch: int = 4
    timeout: float = 1.5
    revision: str | None = None
    fast: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "batch", "timeout")


def parse(**options: Any) -> Options:
    return parse_options(Options, ModelSpec(spec="hf:x", label="m", options=options))


def test_options_are_taken_over() -> None:
    assert parse() == Options()
    assert parse(batch=8, revision="main", fast=True) == Options(
        batch=8, revision="main", fast=True
    )


def test_whole_numbers_are_numbers() -> None:
    made = parse(timeout=3)
    assert made.timeout == 3.0
    assert type(made.timeout) is float


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batches": 8}, "unknown hf option 'batches': did you mean 'batch'"),
        ({"batch": "8"}, "option 'batch' of 'm': expected int, got '8'"),
        ({"batch": True}, "expected int, got True"),
        ({"revision": 3}, "expected str | None, got 3"),
        ({"fast": 1}, "expected bool, got 1"),
        ({"batch": 0}, "option 'batch' must be above 0, not 0"),
    ],
)
def test_mistakes_say_what_to_change(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(**options)
    assert message in str(caught.value)
