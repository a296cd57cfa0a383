"""Whether an effect supports a claim: decided by its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from pytest_selfinvoke.metrics.intervals import wilson


class ClaimVerdict(StrEnum):
    """What the data say of a claim."""

    SUPPORTED = "supported"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NO_DATA = "no data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a claim is about, in percent or percentage points.

    ``low`` and ``high`` are ``None`` where there are too few units to say; ``unit`` is
    what ``n`` counts.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = "problems"

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.1f} (no interval; {self.n} {self.unit})"
        between = f"[{self.low:.1f}, {self.high:.1f}]"
        return f"{self.value:.1f} {between}, {self.n} {self.unit}"


def within(effect: Effect, low: float, high: float) -> ClaimVerdict:
    """Whether the effect lies in a range, both ends included.

    Supported if all of the interval does, refuted if none of it; without an interval
    undecided.
    """
    if effect.low is None or effect.high is None:
        return ClaimVerdict.UNDECIDED
    if low <= effect.low and effect.high <= high:
        return ClaimVerdict.SUPPORTED
    if effect.high < low or effect.low > high:
        return ClaimVerdict.REFUTED
    return ClaimVerdict.UNDECIDED


def newcombe(rate: float, n: int, other: float, m: int) -> tuple[float, float]:
    """95 % interval of ``rate - other``, two independent proportions.

    The hybrid score interval (Newcombe 1998, Statistics in Medicine 17:873-890,
    method 10).

    :param rate: from 0 to 1, of ``n`` problems; ``other`` of ``m``.
    """
    one, two = wilson(rate, n), wilson(other, m)
    below = sqrt((rate - one.low) ** 2 + (two.high - other) ** 2)
    above = sqrt((one.high - rate) ** 2 + (other - two.low) ** 2)
    return rate - other - below, rate - other + above


def signed_rank(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of the centre of differences; ``None`` with fewer than six.

    All values that Wilcoxon's signed-rank test does not reject: two ordered Walsh
    averages (Hodges and Lehmann 1963, Ann. Math. Statist. 34:598-611), by the exact
    distribution of the rank sum, so at least 95 %.
    """
    n = len(values)
    averages = sorted(
        (values[i] + values[j]) / 2 for i in range(n) for j in range(i, n)
    )
    # ways[s]: how many sets of ranks add up to s.
    ways = [1] + [0] * len(averages)
    for rank in range(1, n + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    cut, seen = 0, 0
    while (seen + ways[cut]) / 2**n <= 0.025:
        seen += ways[cut]
        cut += 1
    if cut == 0:
        return None
    return averages[cut - 1], averages[-cut]
