from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.models.checkpoint import HfOptions
from pytest_selfinvoke.models.options import parse_options
from pytest_selfinvoke.models.silencing import parse_silenced


def test_layers_and_experts() -> None:
    found = parse_silenced({"3": [0, 7, 7], "12": []})
    assert found == {3: frozenset({0, 7}), 12: frozenset()}


@pytest.mark.parametrize(
    "table",
    [{"x": [1]}, {"-1": [1]}, {"1": 2}, {"1": ["2"]}, {"1": [-2]}, {"1": [True]}],
)
def test_anything_else_is_refused_before_a_model_is_loaded(
    table: dict[str, Any],
) -> None:
    spec = ModelSpec(spec="hf:m", label="m", options={"silence": table})
    with pytest.raises(UserError, match=r"option 'silence': .*expected the number"):
        parse_options(HfOptions, spec)
