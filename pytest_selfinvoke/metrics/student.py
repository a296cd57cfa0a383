"""The normal and Student's distribution, without a library for it."""

from __future__ import annotations

from math import erfc, exp, log1p, sqrt

from pytest_selfinvoke.metrics.intervals import Z95


def normal_cdf(z: float) -> float:
    """The standard normal's distribution function."""
    return erfc(-z / sqrt(2)) / 2


def student_975(freedom: int) -> float:
    """The quantile of a two-sided 95 % interval, within 0.1 % from nine degrees on.

    By inverting the normal approximation of Wallace 1959 (Ann. Math. Stat.
    30:1124-1130).
    """
    z = Z95 / _shrinkage(freedom)
    return sqrt(freedom * (exp(z * z / freedom) - 1))


def student_p(t: float, freedom: int) -> float:
    """The two-sided p-value, by the same approximation."""
    z = sqrt(freedom * log1p(t * t / freedom)) * _shrinkage(freedom)
    return 2 * normal_cdf(-z)


def _shrinkage(freedom: int) -> float:
    return (8 * freedom + 1) / (8 * freedom + 3)
