from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.outcomes import Outcomes
from pytest_selfinvoke.metrics.significance import (
    Paired,
    benjamini_hochberg,
    compare,
    mcnemar_exact,
)

FIRST = Variant(attack="family.attack", seed=0)
SECOND = Variant(attack="family.attack", seed=1)


@pytest.mark.parametrize(
    ("worse", "better", "p"),
    [(0, 0, 1.0), (5, 0, 0.0625), (1, 9, 22 / 1024), (3, 3, 1.0), (6, 0, 0.03125)],
)
def test_known_values(worse: int, better: int, p: float) -> None:
    assert mcnemar_exact(worse, better) == pytest.approx(p)


@given(st.integers(0, 8), st.integers(0, 8))
def test_mcnemar_counts_the_outcomes_that_are_as_extreme(a: int, b: int) -> None:
    n = a + b
    outcomes = [sum(signs) for signs in product((0, 1), repeat=n)]
    as_extreme = [o for o in outcomes if abs(o - n / 2) >= abs(a - n / 2)]
    assert mcnemar_exact(a, b) == pytest.approx(len(as_extreme) / len(outcomes))


def test_benjamini_and_hochbergs_own_example() -> None:
    # Their table of 15 p-values: four are rejected at a false discovery rate of 0.05.
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    assert sum(q <= 0.05 for q in benjamini_hochberg(p)) == 4


@given(st.lists(st.floats(0, 1), max_size=8), st.sampled_from([0.01, 0.05, 0.2]))
def test_adjusted_p_values_reject_what_the_step_up_procedure_does(
    p: list[float], q: float
) -> None:
    ordered = sorted(p)
    passing = [i for i in range(len(p)) if ordered[i] * len(p) / (i + 1) <= q]
    rejected = ordered[max(passing)] if passing else -1.0
    adjusted = benjamini_hochberg(p)
    assert [a <= q for a in adjusted] == [value <= rejected for value in p]


def test_one_variant_of_each_problem_is_compared() -> None:
    outcomes = Outcomes(
        solved={
            CLEAN: {
                "broken": (True,),
                "same": (True,),
                "late": (False,),
                "unjudged": (True,),
            },
            FIRST: {"broken": (False,), "same": (True,), "late": (None,)},
            SECOND: {"broken": (True,), "same": (False,), "late": (True,)},
        }
    )
    found = compare(outcomes, CLEAN, [FIRST, SECOND])
    assert found == Paired(worse=1, better=1, n=3, p=1.0)


def test_only_samples_judged_in_both_count() -> None:
    outcomes = Outcomes(
        solved={CLEAN: {"p": (True, True, None)}, FIRST: {"p": (True, None, True)}}
    )
    assert compare(outcomes, CLEAN, [FIRST]) == Paired(worse=0, better=0, n=1, p=1.0)
