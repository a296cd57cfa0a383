from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.core.minimizing import minimize

Breaks = Callable[[tuple[int, ...]], bool]


def needs(*wanted: int) -> Breaks:
    return lambda chosen: set(wanted) <= set(chosen)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [(8, (3,)), (8, (0, 7)), (7, (1, 2, 5)), (2, (0, 1)), (1, (0,)), (13, range(13))],
)
def test_what_is_needed_is_left_and_nothing_else(
    changes: int, wanted: Sequence[int]
) -> None:
    found = minimize(range(changes), needs(*wanted), probes=1000)
    assert found.kept == tuple(wanted)
    assert found.is_minimal


def test_the_example_of_the_paper() -> None:
    # Changes 1, 7 and 8 together fail (Zeller & Hildebrandt 2002, sec. 3.3).
    found = minimize(range(1, 9), needs(1, 7, 8), probes=1000)
    assert found.kept == (1, 7, 8)


def test_nothing_is_asked_twice_and_changes_come_in_order() -> None:
    asked = []

    def breaks(chosen: tuple[int, ...]) -> bool:
        asked.append(chosen)
        return {2, 9, 11} <= set(chosen)

    found = minimize(range(12), breaks, probes=1000)
    assert len(asked) == len(set(asked)) == found.probes
    assert all(list(chosen) == sorted(chosen) for chosen in asked)
    # All together and none are known.
    assert () not in asked
    assert tuple(range(12)) not in asked


def test_probes_are_bounded_and_what_was_found_is_kept() -> None:
    found = minimize(range(64), needs(5), probes=4)
    assert (found.probes, found.is_minimal) == (4, False)
    assert 5 in found.kept
    assert len(found.kept) < 64


def test_a_single_change_needs_no_probe() -> None:
    found = minimize(["x"], lambda _: False, probes=0)
    assert (found.kept, found.probes, found.is_minimal) == (("x",), 0, True)


def test_no_change_stays_none() -> None:
    assert minimize([], lambda _: True, probes=5).kept == ()


@given(
    size=st.integers(1, 24),
    causes=st.lists(st.sets(st.integers(0, 23), min_size=1), min_size=1, max_size=3),
    probes=st.integers(0, 60),
)
def test_the_result_breaks_and_is_minimal_where_it_says_so(
    size: int, causes: list[set[int]], probes: int
) -> None:
    def breaks(chosen: tuple[int, ...]) -> bool:
        everything = len(chosen) == size
        return everything or any(cause <= set(chosen) for cause in causes)

    found = minimize(range(size), breaks, probes=probes)
    assert breaks(found.kept)
    assert found.probes <= probes
    if found.is_minimal and len(found.kept) > 1:
        for change in found.kept:
            assert not breaks(tuple(c for c in found.kept if c != change))


@given(size=st.integers(1, 30), cause=st.integers(0, 29))
def test_a_single_cause_is_found_in_logarithmic_time(size: int, cause: int) -> None:
    found = minimize(range(size), needs(cause % size), probes=1000)
    assert found.kept == (cause % size,)
    assert found.probes <= 2 * size.bit_length()
