from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.metrics.passk import pass_at_k


@given(
    st.integers(1, 9).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
    )
)
def test_equals_the_share_of_draws_that_hold_a_solution(
    numbers: tuple[int, int, int],
) -> None:
    n, c, k = numbers
    samples = [True] * c + [False] * (n - c)
    draws = list(combinations(samples, k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize(
    ("n", "c", "k"), [(0, 0, 1), (3, 4, 1), (3, -1, 1), (3, 1, 4), (3, 1, 0)]
)
def test_is_refused_where_it_is_not_defined(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="not defined"):
        pass_at_k(n, c, k)
