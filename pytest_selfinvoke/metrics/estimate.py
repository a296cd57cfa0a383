"""A number with its interval; or that there is too little to give one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from pytest_selfinvoke.metrics.intervals import wilson
from pytest_selfinvoke.metrics.student import normal_cdf, student_975

#: With fewer problems than this, no interval is given: too few to say.
MINIMUM = 10
#: Resamples of the bootstrap.
RESAMPLES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with a 95 % interval.

    ``value`` is ``None`` where nothing can be computed: no problem was judged, or a
    ratio has nothing below its line. ``low`` and ``high`` are ``None`` with fewer than
    :data:`MINIMUM` problems. ``n`` counts the problems that the value is about.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether there is an interval."""
        return self.low is not None

    def complement(self) -> Estimate:
        """One minus this."""
        return Estimate(
            value=None if self.value is None else 1 - self.value,
            low=None if self.high is None else 1 - self.high,
            high=None if self.low is None else 1 - self.low,
            n=self.n,
        )

    def __str__(self) -> str:
        if self.value is None:
            return f"not defined (n={self.n})"
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (too few to say, n={self.n})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"


class Bootstrap:
    """Percentile intervals by resampling problems (Efron 1979, Ann. Statist. 7:1-26).

    A problem is drawn with all its variants and samples, for they are not independent
    of each other. Every statistic is a ratio of sums over problems. All statistics of
    one number of problems see the same resamples.

    :param seed: of the resampling; the same seed gives the same intervals.
    """

    def __init__(self, *, seed: int = 0, resamples: int = RESAMPLES) -> None:
        self._seed, self._resamples = seed, resamples
        self._drawn: dict[int, list[list[int]]] = {}
        self._sums: dict[tuple[float, ...], list[float]] = {}

    def ratio(
        self,
        above: Sequence[float],
        below: Sequence[float],
        *,
        minus: tuple[Sequence[float], Sequence[float]] | None = None,
        bounds: tuple[float, float] = (0.0, 1.0),
    ) -> Estimate:
        """``sum(above) / sum(below)`` with one entry each per problem, ``n`` of them.

        Where all resamples agree (no problem flipped, or all did) the percentiles would
        claim certainty; then the interval is the value, widened to both sides by what
        Wilson's interval allows for an event that was never seen in ``sum(below)``
        trials, within ``bounds``.

        :param minus: the two sides of another ratio, which is subtracted.
        """
        n, ratios = len(above), [(above, below), *([minus] if minus else [])]
        trials = min(sum(under) for _, under in ratios)
        if n == 0 or trials <= 0:
            return Estimate(value=None, n=n)
        value = _difference([sum(over) / sum(under) for over, under in ratios])
        if n < MINIMUM:
            return Estimate(value=value, n=n)
        drawn = sorted(self._resampled(ratios))
        low, high = _quantile(drawn, 0.025), _quantile(drawn, 0.975)
        if high - low < 1e-12:
            width = wilson(0.0, trials).high
            low, high = max(bounds[0], value - width), min(bounds[1], value + width)
        return Estimate(value=value, low=low, high=high, n=n)

    def statistic(
        self,
        columns: Sequence[Sequence[float]],
        of_sums: Callable[..., float],
    ) -> Estimate:
        """A statistic of the columns' sums; each column has one entry per problem.

        Percentiles of a bootstrap are too narrow where problems are few: by the factor
        ``sqrt(1 - 1/n)``, and by the normal's quantile in place of Student's. Both are
        made up for by taking percentiles further out (Hesterberg 2015, Am. Stat.
        69:371-386, "expanded percentile"). Without spread there is no interval.
        """
        n = len(columns[0])
        if n == 0:
            return Estimate(value=None)
        value = of_sums(*map(sum, columns))
        if n < MINIMUM:
            return Estimate(value=value, n=n)
        sums = [self._summed(column) for column in columns]
        drawn = sorted(of_sums(*each) for each in zip(*sums, strict=True))
        tail = normal_cdf(-sqrt(n / (n - 1)) * student_975(n - 1))
        low, high = _quantile(drawn, tail), _quantile(drawn, 1 - tail)
        if high - low < 1e-12:
            return Estimate(value=value, n=n)
        return Estimate(value=value, low=low, high=high, n=n)

    def mean(
        self, values: Sequence[float], *, bounds: tuple[float, float] = (0.0, 1.0)
    ) -> Estimate:
        """The mean over problems."""
        return self.ratio(values, [1.0] * len(values), bounds=bounds)

    def _resampled(
        self, ratios: Sequence[tuple[Sequence[float], Sequence[float]]]
    ) -> Iterator[float]:
        columns = [(self._summed(over), self._summed(under)) for over, under in ratios]
        for i in range(self._resamples):
            # A resample may hold nothing below the line: it says nothing then.
            if all(under[i] > 0 for _, under in columns):
                yield _difference([over[i] / under[i] for over, under in columns])

    def _summed(self, values: Sequence[float]) -> list[float]:
        """The sum of a column in each resample; many statistics share columns."""
        column = tuple(values)
        if column not in self._sums:
            n = len(column)
            if n not in self._drawn:
                rng = random.Random(self._seed)
                draws = range(self._resamples)
                self._drawn[n] = [rng.choices(range(n), k=n) for _ in draws]
            value_of = column.__getitem__
            self._sums[column] = [sum(map(value_of, drawn)) for drawn in self._drawn[n]]
        return self._sums[column]


def _difference(values: Sequence[float]) -> float:
    first, *rest = values
    return first - sum(rest)


def _quantile(ordered: Sequence[float], q: float) -> float:
    """Linear between the two nearest (Hyndman and Fan 1996, type 7)."""
    place = q * (len(ordered) - 1)
    left = int(place)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (place - left) * (ordered[right] - ordered[left])
