from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.metrics.claims import (
    ClaimVerdict,
    Effect,
    newcombe,
    signed_rank,
    within,
)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.0, 2.0, ClaimVerdict.SUPPORTED),
        (0.0, 2.0, ClaimVerdict.SUPPORTED),
        (-1.0, 2.0, ClaimVerdict.UNDECIDED),
        (-2.0, -1.0, ClaimVerdict.REFUTED),
        (None, None, ClaimVerdict.UNDECIDED),
    ],
)
def test_a_side_is_decided_by_the_interval(
    low: float | None, high: float | None, verdict: ClaimVerdict
) -> None:
    effect = Effect(value=0.0, low=low, high=high)
    assert within(effect, 0.0, float("inf")) is verdict


def test_the_published_example_of_newcombe() -> None:
    # Newcombe 1998, table II: 56/70 against 48/80, method 10.
    low, high = newcombe(56 / 70, 70, 48 / 80, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def rank_sums(values: list[float], centre: float) -> float:
    """The two-sided p-value of Wilcoxon's test, by all signs."""
    left = [value - centre for value in values]
    order = sorted(range(len(left)), key=lambda i: abs(left[i]))
    ranks = {i: rank for rank, i in enumerate(order, 1)}
    seen = sum(ranks[i] for i, value in enumerate(left) if value > 0)
    sums = [
        sum(rank for rank, sign in enumerate(signs, 1) if sign)
        for signs in product((0, 1), repeat=len(left))
    ]
    tail = min(sum(s <= seen for s in sums), sum(s >= seen for s in sums))
    return min(1.0, 2 * tail / len(sums))


@given(
    st.lists(
        st.integers(-10_000, 10_000).map(lambda value: value / 7),
        min_size=6,
        max_size=8,
        unique_by=abs,
    )
)
def test_the_interval_is_what_wilcoxons_test_does_not_reject(
    values: list[float],
) -> None:
    found = signed_rank(values)
    assert found is not None
    low, high = found
    step = 1e-4
    assert rank_sums(values, low - step) <= 0.05 < rank_sums(values, low + step)
    assert rank_sums(values, high + step) <= 0.05 < rank_sums(values, high - step)


def test_five_values_are_too_few() -> None:
    assert signed_rank([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert signed_rank([]) is None
