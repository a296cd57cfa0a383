from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.budget import (
    Bounds,
    Budget,
    Decision,
    Strength,
    attack_order,
    robust_pass_bounds,
    strengths,
)
from pytest_selfinvoke.metrics.outcomes import Outcomes, Samples


def variants(s: int) -> list[Variant]:
    return [Variant(attack="family.attack", seed=seed) for seed in range(s)]


@pytest.mark.parametrize(
    ("results", "decision"),
    [
        ([], Decision.CONTINUE),
        ([(True,)], Decision.CONTINUE),
        ([(True,), (True,)], Decision.SPENT),
        ([(True,), (False,)], Decision.BROKEN),
        ([(True,), (None,)], Decision.CONTINUE),
        ([(False, True)], Decision.CONTINUE),
        ([(None, False)], Decision.BROKEN),
    ],
)
def test_decisions(results: list[Samples], decision: Decision) -> None:
    assert Budget(variants=2).decide(results) is decision


def test_strength_counts_what_was_solved_and_is_not() -> None:
    first, second = variants(2)
    outcomes = Outcomes(
        solved={
            CLEAN: {"a": (True,), "b": (True, False), "c": (False,), "d": (None,)},
            first: {"a": (False,), "b": (False, False), "c": (True,), "d": (False,)},
            second: {"a": (True,), "b": (None,)},
        }
    )
    assert strengths(outcomes) == {"family.attack": Strength(tried=2.5, broken=1.5)}


def test_the_strongest_comes_first() -> None:
    own = {
        "weak": Strength(tried=50, broken=1),
        "strong": Strength(tried=50, broken=30),
    }
    assert attack_order(["weak", "strong"], own=own) == ("strong", "weak")


def test_without_history_the_given_order_stays() -> None:
    assert attack_order(["b", "a", "c"]) == ("b", "a", "c")


def test_other_models_decide_until_this_one_has_shown_otherwise() -> None:
    others = [
        {"a": Strength(tried=100, broken=10), "b": Strength(tried=100, broken=40)}
    ]
    assert attack_order(["a", "b"], others=others) == ("b", "a")
    hint = {"a": Strength(tried=1, broken=1)}
    assert attack_order(["a", "b"], own=hint, others=others) == ("b", "a")
    own = {"a": Strength(tried=40, broken=35), "b": Strength(tried=40, broken=2)}
    assert attack_order(["a", "b"], own=own, others=others) == ("a", "b")


def test_an_attack_nobody_tried_stands_in_the_middle() -> None:
    others = [{"a": Strength(tried=90, broken=0), "b": Strength(tried=90, broken=80)}]
    assert attack_order(["a", "new", "b"], others=others) == ("b", "new", "a")


def test_bounds_by_hand() -> None:
    first, second = variants(2)
    outcomes = Outcomes(
        solved={
            first: {
                "broken": (False,),
                "open": (True,),
                "full": (True,),
                "no": (None,),
            },
            second: {"full": (True,), "inapplicable": (None,)},
        }
    )
    names = ["broken", "open", "full", "no", "inapplicable"]
    assert robust_pass_bounds(outcomes, [first, second], names) == Bounds(
        low=1 / 3, high=2 / 3, open=1, n=3
    )


def test_a_variant_that_does_not_apply_is_not_missing() -> None:
    first, second = variants(2)
    outcomes = Outcomes(solved={first: {"p": (True,)}, second: {"p": (None,)}})
    assert robust_pass_bounds(outcomes, [first, second], ["p"]).open == 0


def test_no_problem_judged_has_no_bounds() -> None:
    found = robust_pass_bounds(Outcomes(solved={}), variants(1), ["p"])
    assert found == Bounds(low=None, high=None, open=0, n=0)


cell = st.sampled_from([True, False, None])


@given(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=4))
def test_the_bounds_are_those_of_all_ways_to_fill_the_gaps(
    table: list[list[bool | None]],
) -> None:
    chosen = variants(3)
    solved: dict[Variant, dict[str, Samples]] = {v: {} for v in chosen}
    rows = [row for row in table if any(value is not None for value in row)]
    for i, row in enumerate(rows):
        for variant, value in zip(chosen, row, strict=True):
            if value is not None:
                solved[variant][f"p{i}"] = (value,)
    names = [f"p{i}" for i in range(len(rows))]
    found = robust_pass_bounds(Outcomes(solved=solved), chosen, names)
    ways = [
        [
            all(filled)
            for filled in product(
                *((v,) if v is not None else (True, False) for v in row)
            )
        ]
        for row in rows
    ]
    if not rows:
        assert found.n == 0
        return
    assert found.low == pytest.approx(sum(min(way) for way in ways) / len(rows))
    assert found.high == pytest.approx(sum(max(way) for way in ways) / len(rows))
