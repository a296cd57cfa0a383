"""pass@k."""

from __future__ import annotations

from math import comb


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate of pass@k for one problem.

    ``1 - C(n - c, k) / C(n, k)`` (Chen et al., arXiv 2107.03374, equation 1).

    :param n: samples drawn, at least ``k``.
    :param c: samples that solved the problem.
    :param k: samples that a user would look at, at least 1.
    :raises ValueError: if the estimate is not defined for these numbers.
    """
    if not 1 <= k <= n or not 0 <= c <= n:
        raise ValueError(f"pass@{k} is not defined for {c} solved of {n} samples")
    return 1.0 - comb(n - c, k) / comb(n, k)
