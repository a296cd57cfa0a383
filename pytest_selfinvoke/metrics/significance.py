"""Exact tests of clean against attacked, and their correction for many attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.outcomes import Outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """A paired comparison of problems under two prompts.

    ``worse`` and ``better`` count the problems with fewer and with more samples solved
    under attack, ``n`` all that were compared; ``p`` is two-sided.
    """

    worse: int
    better: int
    n: int
    p: float


def mcnemar_exact(worse: int, better: int) -> float:
    """The two-sided exact p-value (McNemar 1947, Psychometrika 12:153-157).

    Without an effect, pairs that differ are as likely to differ one way as the other:
    ``worse`` is binomial with probability 1/2. The p-value is twice the smaller tail,
    at most 1.
    """
    n = worse + better
    tail = sum(comb(n, i) for i in range(min(worse, better) + 1))
    return min(1.0, 2 * tail / (1 << n))


def compare(
    outcomes: Outcomes, nominal: Variant, variants: Sequence[Variant]
) -> Paired:
    """Compare each problem's nominal prompt with one variant of it.

    Only one, the first that was judged: the worst of several would be worse than the
    nominal prompt by chance alone, and several variants of one problem are no
    independent pairs. Of both, those sample indices count that were judged in both.
    With one sample this is McNemar's test, with several the sign test on the numbers of
    solved samples.
    """
    worse = better = n = 0
    for problem in outcomes.solved.get(nominal, {}):
        before = outcomes.samples(nominal, problem)
        for variant in variants:
            after = outcomes.samples(variant, problem)
            pairs = [
                (b, a)
                for b, a in zip(before, after, strict=False)
                if b is not None and a is not None
            ]
            if pairs:
                gained = sum(a for _, a in pairs) - sum(b for b, _ in pairs)
                n, worse, better = n + 1, worse + (gained < 0), better + (gained > 0)
                break
    return Paired(worse=worse, better=better, n=n, p=mcnemar_exact(worse, better))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given.

    Those at most ``q`` are what the step-up procedure rejects at false discovery rate
    ``q`` (Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289-300).
    """
    n = len(p_values)
    order = sorted(range(n), key=lambda i: p_values[i], reverse=True)
    adjusted, least = [0.0] * n, 1.0
    for rank, index in zip(range(n, 0, -1), order, strict=True):
        least = min(least, p_values[index] * n / rank)
        adjusted[index] = least
    return adjusted
