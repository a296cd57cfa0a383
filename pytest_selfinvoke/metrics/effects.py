"""A difference in points: its interval, and what it would take to decide one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from pytest_selfinvoke.metrics.estimate import MINIMUM, Bootstrap, Estimate
from pytest_selfinvoke.metrics.intervals import Z95, wilson
from pytest_selfinvoke.metrics.student import student_p

#: A test at level 0.05 sees an effect of so many standard errors with power 0.8
#: (Cohen 1988, Statistical Power Analysis for the Behavioral Sciences).
REACH = Z95 + 0.8416212335729143
#: With fewer problems on which models differ, not even an exact test can say anything
#: at level 0.05: five of one direction come by chance in 1 of 16.
DIFFERING = 6
#: More samples of one prompt than this are no advice.
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A mean over problems of a difference between models, as a share of 1.

    ``estimate`` has the bootstrap interval over problems, ``p`` is of the paired t-test
    over problems and ``adjusted_p`` corrected over attack families; both are ``None``
    without an interval. ``differing`` counts the problems whose difference is not zero.

    ``spread`` is the variance of the difference between problems, and ``noise`` the
    part of it that comes from drawing ``samples`` completions per prompt; ``noise`` is
    ``None`` with one, which cannot be told apart.
    """

    estimate: Estimate
    differing: int = 0
    spread: float = 0.0
    noise: float | None = None
    samples: int = 1
    p: float | None = None
    adjusted_p: float | None = None

    @property
    def n(self) -> int:
        """Problems."""
        return self.estimate.n

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval leaves out zero."""
        low, high = self.estimate.low, self.estimate.high
        return low is not None and high is not None and (low > 0 or high < 0)

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves out zero, on enough problems that differ."""
        return self.excludes_zero and self.differing >= DIFFERING

    @property
    def detectable(self) -> float | None:
        """The least effect that so many problems see with power 0.8, at level 0.05."""
        if self.estimate.low is None or not self.spread:
            return None
        return REACH * sqrt(self.spread / self.n)

    def problems_for(self, share: float) -> int | None:
        """How many problems like these see an effect of ``share`` with power 0.8."""
        if self.estimate.low is None or not self.spread:
            return None
        return max(2, ceil(self.spread * (REACH / share) ** 2))

    def samples_for(self, share: float) -> int | None:
        """How many samples per prompt would do so on these problems.

        ``None`` where none up to :data:`MOST` does, or where one sample was drawn.
        """
        if self.noise is None or self.estimate.low is None:
            return None
        between = max(self.spread - self.noise, 0.0)
        left = self.n * (share / REACH) ** 2 - between
        drawn = self.noise * self.samples
        return None if left * MOST < drawn else max(1, ceil(drawn / left))


def effect(
    values: Sequence[float],
    bootstrap: Bootstrap,
    *,
    noise: float | None = None,
    samples: int = 1,
    bound: float = 2.0,
) -> Effect:
    """The effect whose difference on each problem is given.

    Where no problem differs from another, an interval of no width would claim
    certainty: then it is what Wilson's allows for an event that was never seen.

    :param noise: mean over problems of the difference's variance by sampling.
    :param bound: the largest difference that there can be.
    """
    n = len(values)
    middle = sum(values) / n if n else None
    if middle is None or n < MINIMUM:
        return Effect(estimate=Estimate(value=middle, n=n))
    differing = sum(abs(value) > 1e-12 for value in values)
    spread = sum((value - middle) ** 2 for value in values) / (n - 1)
    estimate = bootstrap.statistic([values], lambda total: total / n)
    if not estimate.is_enough:
        width = wilson(0.0, n).high
        low, high = max(-bound, middle - width), min(bound, middle + width)
        estimate = Estimate(value=middle, low=low, high=high, n=n)
        return Effect(
            estimate=estimate, differing=differing, noise=noise, samples=samples, p=1.0
        )
    t = middle / sqrt(spread / n)
    return Effect(
        estimate=estimate,
        differing=differing,
        spread=spread,
        noise=noise,
        samples=samples,
        p=student_p(t, n - 1),
    )
