from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.metrics.estimate import MINIMUM, Bootstrap, Estimate
from pytest_selfinvoke.metrics.intervals import wilson


def test_nothing_judged_has_no_value() -> None:
    found = Bootstrap().mean([])
    assert found == Estimate(value=None, n=0)
    assert str(found) == "not defined (n=0)"


def test_a_ratio_over_nothing_has_no_value_but_its_n() -> None:
    assert Bootstrap().ratio([0.0] * 20, [0.0] * 20) == Estimate(value=None, n=20)


def test_too_few_to_say_is_said_with_n() -> None:
    found = Bootstrap().mean([1.0, 0.0])
    assert not found.is_enough
    assert str(found) == "0.500 (too few to say, n=2)"
    enough = Bootstrap(resamples=50).mean([1.0, 0.0] * (MINIMUM // 2))
    assert enough.is_enough
    assert str(enough).startswith("0.500 [")
    assert str(enough).endswith(f"n={MINIMUM}")


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = random.Random(1)
    values = [rng.random() for _ in range(30)]
    assert Bootstrap(resamples=99).mean(values) == Bootstrap(resamples=99).mean(values)
    other = Bootstrap(resamples=99, seed=1).mean(values)
    assert other != Bootstrap(resamples=99).mean(values)


def test_the_interval_of_a_mean_is_about_the_normal_one() -> None:
    rng = random.Random(2)
    values = [float(rng.random() < 0.3) for _ in range(400)]
    found = Bootstrap().mean(values)
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    half = 1.96 * (found.value * (1 - found.value) / 400) ** 0.5
    assert found.low == pytest.approx(found.value - half, abs=0.01)
    assert found.high == pytest.approx(found.value + half, abs=0.01)


def test_problems_are_drawn_whole() -> None:
    # Above and below move together: their ratio is certain although both vary, and
    # only the rule for unseen events leaves it room.
    below = [float(i % 3) for i in range(60)]
    found = Bootstrap(resamples=200).ratio([b / 2 for b in below], below)
    width = wilson(0.0, sum(below)).high
    assert found.value == 0.5
    assert found.low == pytest.approx(0.5 - width)
    assert found.high == pytest.approx(0.5 + width)


@pytest.mark.parametrize(("values", "low", "high"), [(0.0, 0, 0.071), (1.0, 0.929, 1)])
def test_what_never_happened_is_not_certain(
    values: float, low: float, high: float
) -> None:
    found = Bootstrap(resamples=50).mean([values] * 50)
    assert found.low == pytest.approx(low, abs=1e-3)
    assert found.high == pytest.approx(high, abs=1e-3)


def test_a_difference_of_ratios_uses_the_same_problems() -> None:
    column = [float(i % 2) for i in range(40)]
    ones = [1.0] * 40
    found = Bootstrap(resamples=200).ratio(
        column, ones, minus=(column, ones), bounds=(-1.0, 1.0)
    )
    assert found.value == 0
    assert found.high == pytest.approx(wilson(0.0, 40).high)
    assert found.low == pytest.approx(-wilson(0.0, 40).high)


@given(st.lists(st.floats(0, 1), min_size=MINIMUM, max_size=30))
def test_an_interval_lies_among_the_values(values: list[float]) -> None:
    found = Bootstrap(resamples=40).mean(values)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.high <= 1 + 1e-9


def test_the_complement_turns_the_interval_round() -> None:
    estimate = Estimate(value=0.25, low=0.125, high=0.5, n=9)
    assert estimate.complement() == Estimate(value=0.75, low=0.5, high=0.875, n=9)
    assert Estimate(value=None, n=3).complement() == Estimate(value=None, n=3)


def test_a_statistic_of_sums_has_a_wider_interval_than_a_mean() -> None:
    values = [1.0] * 6 + [0.0] * 6
    plain = Bootstrap().mean(values)
    wide = Bootstrap().statistic([values], lambda total: total / 12)
    assert wide.value == plain.value == 0.5
    assert plain.low is not None
    assert wide.low is not None
    assert wide.low < plain.low
    # Student's interval is 0.5 -+ 2.201 * sqrt(3 / 11 / 12) = 0.5 -+ 0.332.
    assert wide.low == pytest.approx(0.168, abs=0.05)


def test_a_statistic_without_spread_has_no_interval() -> None:
    same = Bootstrap().statistic([[1.0] * 12], lambda total: total)
    assert (same.value, same.low) == (12.0, None)
    assert Bootstrap().statistic([[]], lambda total: total).value is None
    assert not Bootstrap().statistic([[1.0, 0.0]], lambda total: total).is_enough
