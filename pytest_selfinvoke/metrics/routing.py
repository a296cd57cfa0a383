"""How differently a router treats two prompts. Plain numbers in, plain numbers out.

A *load* is the share of all choices of a layer that went to each expert.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher


def load_of(chosen: Sequence[int], experts: int) -> tuple[float, ...]:
    """The load of one layer from its choices; all 0 if there are none."""
    counts = Counter(chosen)
    total = len(chosen) or 1
    return tuple(counts[expert] / total for expert in range(experts))


def mean_load(loads: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The mean over prompts, each with the same weight.

    :raises ValueError: if there are none.
    """
    if not loads:
        raise ValueError("no loads")
    return tuple(sum(column) / len(loads) for column in zip(*loads, strict=True))


def evenness(load: Sequence[float]) -> float:
    """Shannon's entropy of a load over its largest value: 1 is even, 0 one expert."""
    if len(load) < 2:
        return 0.0
    found = -sum(share * math.log(share) for share in load if share > 0)
    return min(1.0, max(0.0, found / math.log(len(load))))


def divergence(one: Sequence[float], other: Sequence[float]) -> float:
    """Jensen-Shannon divergence in bits (Lin 1991, IEEE Trans. Inf. Theory 37:145).

    0 for equal loads, 1 for loads without a common expert.
    """
    found = 0.0
    for p, q in zip(one, other, strict=True):
        middle = (p + q) / 2
        found += sum(x * math.log2(x / middle) for x in (p, q) if x > 0) / 2
    return min(1.0, max(0.0, found))


def jaccard(one: Iterable[int], other: Iterable[int]) -> float:
    """Common experts of two choices, over all of both; 1 if both are empty."""
    a, b = frozenset(one), frozenset(other)
    return len(a & b) / len(a | b) if a | b else 1.0


def aligned(one: Sequence[int], other: Sequence[int]) -> list[tuple[int, int]]:
    """Places of the same tokens in two prompts, after the first that differs.

    What comes before it is left out: a causal model cannot treat it differently. Places
    grow in both; which of several ways to align is taken is up to ``difflib``.
    """
    length = min(len(one), len(other))
    start = next((i for i in range(length) if one[i] != other[i]), length)
    a, b = list(one[start:]), list(other[start:])
    # The common end first: comparing the rest takes time as the square of its length.
    end = 0
    while end < min(len(a), len(b)) and a[-1 - end] == b[-1 - end]:
        end += 1
    matcher = SequenceMatcher(
        None, a[: len(a) - end], b[: len(b) - end], autojunk=False
    )
    pairs = [
        (start + block.a + i, start + block.b + i)
        for block in matcher.get_matching_blocks()
        for i in range(block.size)
    ]
    return pairs + [(len(one) - i, len(other) - i) for i in range(end, 0, -1)]


def overlap(
    one: Sequence[int],
    other: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    top_k: int,
) -> float | None:
    """The mean Jaccard overlap of the experts of aligned tokens, in one layer.

    :param one: the choices of a layer, ``top_k`` a token, in the order of the tokens.
    :param pairs: of :func:`aligned`; without any there is no overlap.
    """
    if not pairs:
        return None
    found = 0.0
    for i, j in pairs:
        a, b = one[i * top_k : (i + 1) * top_k], other[j * top_k : (j + 1) * top_k]
        found += jaccard(a, b)
    return found / len(pairs)


def concordance(failed: Sequence[float], solved: Sequence[float]) -> float:
    """In how many pairs what failed has the larger value; ties count half.

    Over all pairs this is the area under the ROC curve (Mann and Whitney 1947).
    """
    return sum((f > s) + (f == s) / 2 for f in failed for s in solved)
