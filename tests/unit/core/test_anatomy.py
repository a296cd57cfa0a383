from __future__ import annotations

import json

import pytest

from pytest_selfinvoke.core.anatomy import (
    Anatomy,
    Attribution,
    Invocation,
    PartResult,
    Score,
)

FULL = Anatomy(
    base=PartResult(score=Score.WRONG, failure="TypeError", detail="TypeError: no"),
    missing=("invoking",),
    attribution=Attribution.BASE,
    substituted={"base": "solved", "invoking": "exception"},
    invocation=Invocation(static=True, observed=None, wrong_arity=True),
)


@pytest.mark.parametrize("anatomy", [FULL, Anatomy(base=PartResult(score=Score.RIGHT))])
def test_it_survives_json(anatomy: Anatomy) -> None:
    data = json.loads(json.dumps(anatomy.to_json()))
    assert Anatomy.from_json(data) == anatomy


def test_json_holds_plain_strings() -> None:
    data = FULL.to_json()
    assert type(data["base"]["score"]) is str
    assert type(data["attribution"]) is str


def test_keys_of_newer_schemas_are_ignored() -> None:
    data = FULL.to_json() | {"later": 1}
    data["invocation"]["later"] = data["base"]["later"] = 1
    assert Anatomy.from_json(data) == FULL


@pytest.mark.parametrize(
    ("static", "observed", "invoked"),
    [
        (True, False, False),
        (False, True, True),
        (True, None, True),
        (None, None, None),
    ],
)
def test_what_was_observed_counts(
    static: bool | None, observed: bool | None, invoked: bool | None
) -> None:
    assert Invocation(static=static, observed=observed).invoked is invoked
