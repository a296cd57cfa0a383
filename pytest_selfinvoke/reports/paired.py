"""The interval of a drop: two rates over the same problems."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean

from pytest_selfinvoke.metrics.intervals import Interval, clustered_wilson


def difference(first: Sequence[float], second: Sequence[float]) -> Interval:
    """95 % interval of the difference of two means over the same problems.

    The two means' own intervals are recovered into one, with the correlation between
    problems (Newcombe 1998, Statistics in Medicine 17:2635-2650, method 10 without its
    continuity correction; Zou and Donner 2008, ibid. 27:1693-1702).

    :param first: one rate per problem.
    :param second: the same problems' other rates, in the same order.
    """
    a, b = clustered_wilson(first), clustered_wilson(second)
    p, q = fmean(first), fmean(second)
    r = _correlation(first, second)

    def reach(x: float, y: float) -> float:
        return sqrt(max(0.0, x * x + y * y - 2 * r * x * y))

    low = p - q - reach(p - a.low, b.high - q)
    high = p - q + reach(a.high - p, q - b.low)
    return Interval(low=max(-1.0, low), high=min(1.0, high))


def _correlation(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = fmean(x), fmean(y)
    xy = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    xx = sum((a - mean_x) ** 2 for a in x)
    yy = sum((b - mean_y) ** 2 for b in y)
    return xy / sqrt(xx * yy) if xx > 0 and yy > 0 else 0.0
