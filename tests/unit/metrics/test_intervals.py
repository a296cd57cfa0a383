from __future__ import annotations

import random
from math import comb

import pytest

from pytest_selfinvoke.metrics.intervals import clustered_wilson, wilson


def test_the_published_example() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857-872, table I: 81 of 263.
    interval = wilson(81 / 263, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)


def test_never_leaves_the_unit_interval_and_never_collapses() -> None:
    for solved in (0, 5):
        interval = wilson(solved / 5, 5)
        assert 0 <= interval.low < interval.high <= 1


def test_covers_a_binomial_rate_about_as_often_as_it_says() -> None:
    n, rate = 50, 0.3
    covered = sum(
        comb(n, c) * rate**c * (1 - rate) ** (n - c)
        for c in range(n + 1)
        if wilson(c / n, n).low <= rate <= wilson(c / n, n).high
    )
    assert 0.93 <= covered <= 0.97


def test_one_sample_each_is_the_plain_interval() -> None:
    assert clustered_wilson([1.0, 0.0, 0.0, 1.0, 1.0]) == wilson(3 / 5, 5)


def test_samples_of_one_problem_do_not_count_as_independent() -> None:
    # Ten problems, always or never solved: a hundred samples each say nothing new.
    assert clustered_wilson([1.0] * 4 + [0.0] * 6) == wilson(0.4, 10)


def test_problems_that_all_behave_alike_narrow_the_interval() -> None:
    rng = random.Random(1)
    rates = [sum(rng.random() < 0.5 for _ in range(20)) / 20 for _ in range(30)]
    narrow, wide = clustered_wilson(rates), wilson(sum(rates) / 30, 30)
    assert narrow.high - narrow.low < (wide.high - wide.low) / 2


@pytest.mark.parametrize("rates", [[0.0] * 7, [1.0] * 7])
def test_all_or_nothing_keeps_a_width(rates: list[float]) -> None:
    interval = clustered_wilson(rates)
    assert interval.high - interval.low > 0.3


def test_nothing_has_no_interval() -> None:
    with pytest.raises(ValueError, match="at least one"):
        clustered_wilson([])
