"""Confidence intervals for a pass rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

#: Standard normal quantile of a two-sided 95 % interval.
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A closed interval of rates."""

    low: float
    high: float


def wilson(rate: float, n: float, *, z: float = Z95) -> Interval:
    """Wilson's score interval (Wilson 1927, JASA 22:209-212).

    :param rate: observed rate, between 0 and 1.
    :param n: number of independent trials; may be an effective, fractional number.
    :raises ValueError: if there are no trials.
    """
    if n <= 0:
        raise ValueError("an interval needs at least one trial")
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


def clustered_wilson(rates: Sequence[float], *, z: float = Z95) -> Interval:
    """Wilson's interval for the mean of per-problem pass rates.

    Samples of one problem are not independent, so the number of trials is the effective
    sample size ``p (1 - p) / Var(mean)`` with the variance taken between problems (Korn
    and Graubard 1998, Survey Methodology 24:193-201), and never fewer than the number
    of problems. With one sample each it is the plain Wilson interval.

    :param rates: one pass rate per problem.
    """
    if not rates:
        raise ValueError("an interval needs at least one problem")
    return wilson(sum(rates) / len(rates), effective_size(rates), z=z)


def effective_size(rates: Sequence[float]) -> float:
    """The number of independent trials that tell as much, see above."""
    n = len(rates)
    mean = sum(rates) / n
    between = sum((rate - mean) ** 2 for rate in rates) / n
    return max(n, n * mean * (1 - mean) / between) if between > 0 else n
