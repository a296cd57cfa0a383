from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.reports.routing import LayerDrift, RoutingSummary
from pytest_selfinvoke.reports.silencing import silencing_suite, toml_value
from pytest_selfinvoke.suite import Suite, load_suite

SPEC = ModelSpec(
    spec='hf:a"b',
    label="m",
    declared={"alignment": "base"},
    options={"dtype": "fp32", "max_batch": 4, "continuous": True},
)


def layer(number: int, *load: float) -> LayerDrift:
    return LayerDrift(
        layer=number,
        load=load[::-1],
        answer_load=load,
        evenness=0.5,
        divergence=None,
        overlap=None,
    )


FOUND = RoutingSummary(
    model="m",
    benchmark="b",
    experts=4,
    prompts=1,
    tokens=1,
    duration_s=1.0,
    size_bytes=1,
    layers=(layer(1, 0.1, 0.5, 0.2, 0.2), layer(3, 0.3, 0.0, 0.3, 0.4)),
    attacks=(),
    drifting=(),
    predicts={},
    skipped=0,
)


def models(**chosen: Any) -> list[dict[str, Any]]:
    asked = {"by": "answer", "count": 2, "draws": 3, "seed": 0, **chosen}
    found = tomllib.loads(silencing_suite(SPEC, FOUND, **asked))
    return list(found["model"])


def test_most_and_least_used_experts_of_each_layer() -> None:
    plain, most, least, *drawn = models()
    assert plain["name"] == "m"
    assert plain["options"] == SPEC.options
    assert most["name"] == "m-without-most-2"
    assert most["options"]["silence"] == {"1": [1, 2], "3": [0, 3]}
    assert least["options"]["silence"] == {"1": [0, 2], "3": [0, 1]}
    assert least["options"]["dtype"] == "fp32"
    assert [one["name"] for one in drawn] == [
        f"m-without-random-2-draw{n}" for n in (1, 2, 3)
    ]
    assert models(by="prompt")[1]["options"]["silence"] == {"1": [0, 2], "3": [0, 1]}
    assert models(by="prompt", count=1)[1]["options"]["silence"]["3"] == [0]
    for one in drawn:
        silenced = one["options"]["silence"]
        assert set(silenced) == {"1", "3"}
        assert all(
            len(set(e)) == 2 and set(e) <= {0, 1, 2, 3} for e in silenced.values()
        )


def test_draws_depend_on_the_seed_alone() -> None:
    assert models() == models()
    assert models(draws=5)[:6] == models(draws=3)
    assert models(draws=20, seed=1) != models(draws=20)


@pytest.mark.parametrize("count", [0, 4])
def test_some_experts_must_be_left(count: int) -> None:
    with pytest.raises(UserError, match="--experts must be between 1 and 3"):
        models(count=count)


def test_without_clean_prompts_nothing_is_known() -> None:
    found = replace(FOUND, layers=(layer(1),))
    with pytest.raises(UserError, match="no clean answer of b"):
        silencing_suite(SPEC, found, by="answer", count=1, draws=1, seed=0)


def test_it_is_a_suite(tmp_path: Path) -> None:
    file = tmp_path / "s.selfinvoke.toml"
    file.write_text(silencing_suite(SPEC, FOUND, by="prompt", count=1, draws=1, seed=0))
    plain, *others = load_suite(file, Suite()).models
    assert (plain.spec, plain.declared) == (SPEC.spec, SPEC.declared)
    assert len(others) == 3


@pytest.mark.parametrize(
    "value", ['é"\n\\', 1, 0.5, True, [1, [2]], {"a b": {"c": ["d"]}}, {}, []]
)
def test_values_are_read_back(value: Any) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value
