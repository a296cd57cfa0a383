from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.metrics.routing import (
    aligned,
    concordance,
    divergence,
    evenness,
    jaccard,
    load_of,
    mean_load,
    overlap,
)

EXPERTS = 5
choices = st.lists(st.integers(0, EXPERTS - 1), max_size=30)
loads = st.lists(st.integers(0, 9), min_size=EXPERTS, max_size=EXPERTS).filter(any)
texts = st.lists(st.integers(0, 3), max_size=12)


def normed(counts: list[int]) -> list[float]:
    return [count / sum(counts) for count in counts]


@given(choices)
def test_load_is_the_share_of_choices(chosen: list[int]) -> None:
    found = load_of(chosen, EXPERTS)
    assert found == tuple(
        sum(c == expert for c in chosen) / max(1, len(chosen))
        for expert in range(EXPERTS)
    )


def test_prompts_have_the_same_weight_in_a_mean() -> None:
    assert mean_load([(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="no loads"):
        mean_load([])


@given(loads)
def test_evenness_is_the_entropy_over_its_maximum(counts: list[int]) -> None:
    load = normed(counts)
    entropy = sum(p * math.log2(1 / p) for p in load if p)
    assert evenness(load) == pytest.approx(entropy / math.log2(EXPERTS), abs=1e-12)


def test_evenness_of_all_and_of_one() -> None:
    assert evenness([0.25] * 4) == pytest.approx(1)
    assert evenness([0, 1, 0]) == 0
    assert evenness([1]) == evenness([]) == 0


@given(loads, loads)
def test_divergence_is_the_mean_kl_to_the_middle(a: list[int], b: list[int]) -> None:
    p, q = normed(a), normed(b)
    middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]

    def kl(one: list[float]) -> float:
        pairs = zip(one, middle, strict=True)
        return sum(x * (math.log2(x) - math.log2(m)) for x, m in pairs if x)

    found = divergence(p, q)
    assert found == pytest.approx((kl(p) + kl(q)) / 2, abs=1e-12)
    assert found == divergence(q, p)
    assert 0 <= found <= 1
    assert (found < 1e-12) == (p == pytest.approx(q))


def test_divergence_of_strangers_is_one_bit() -> None:
    assert divergence([1, 0, 0], [0, 0.5, 0.5]) == 1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [([1, 2], [2, 3], 1 / 3), ([1, 2], [2, 1], 1), ([1], [2], 0), ([], [], 1)],
)
def test_jaccard(one: list[int], other: list[int], expected: float) -> None:
    assert jaccard(one, other) == expected


@given(texts, texts)
def test_aligned_places_have_the_same_token_and_grow(
    one: list[int], other: list[int]
) -> None:
    pairs = aligned(one, other)
    assert all(one[i] == other[j] for i, j in pairs)
    assert all(a < b and c < d for (a, c), (b, d) in pairwise(pairs))
    first = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    assert all(i >= first and j >= first for i, j in pairs)


@given(texts, texts, texts)
def test_what_follows_a_change_is_aligned(
    before: list[int], after: list[int], new: list[int]
) -> None:
    """8 and 9 stand nowhere else, so the change is where it was made."""
    one, other = [*before, 8, *after], [*before, 9, *new, *after]
    pairs = aligned(one, other)
    assert len(pairs) >= len(after)
    ends = [(len(one) - i, len(other) - i) for i in range(len(after), 0, -1)]
    assert pairs[len(pairs) - len(after) :] == ends


def test_equal_prompts_have_nothing_that_could_differ() -> None:
    assert aligned([1, 2, 3], [1, 2, 3]) == []
    assert overlap([1, 2], [1, 2], [], 1) is None


@given(st.integers(0, 10**6), st.integers(1, 3))
def test_overlap_is_the_mean_over_aligned_tokens(seed: int, top_k: int) -> None:
    rng = random.Random(seed)
    one, other = ([rng.sample(range(EXPERTS), top_k) for _ in "123456"] for _ in "ab")
    pairs = [(rng.randrange(6), rng.randrange(6)) for _ in range(4)]
    flat = [[expert for token in side for expert in token] for side in (one, other)]
    expected = sum(
        len({*one[i]} & {*other[j]}) / len({*one[i]} | {*other[j]}) for i, j in pairs
    )
    assert overlap(*flat, pairs, top_k) == pytest.approx(expected / 4)


@given(st.lists(st.integers(0, 4), max_size=6), st.lists(st.integers(0, 4), max_size=6))
def test_concordance_counts_pairs(failed: list[int], solved: list[int]) -> None:
    found = concordance(failed, solved)
    larger = sum(1 for f in failed for s in solved if f > s)
    equal = sum(1 for f in failed for s in solved if f == s)
    assert found == larger + 0.5 * equal
    assert found + concordance(solved, failed) == len(failed) * len(solved)
