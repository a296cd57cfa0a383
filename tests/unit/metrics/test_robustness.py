from __future__ import annotations

from itertools import combinations, product
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.outcomes import Outcomes, Samples
from pytest_selfinvoke.metrics.robustness import Score, rate, scores


def variants(s: int) -> tuple[Variant, ...]:
    return tuple(Variant(attack="family.attack", seed=seed) for seed in range(s))


def score(
    nominal: Samples, under: list[Samples], *, k: int = 1, mode: str = "independent"
) -> Score:
    chosen = variants(len(under))
    solved = {CLEAN: {"p": nominal}}
    solved |= {v: {"p": samples} for v, samples in zip(chosen, under, strict=True)}
    (one,) = scores(Outcomes(solved=solved), CLEAN, chosen, k=k, mode=mode)
    return one


def chosen_solve(samples: Samples, k: int) -> list[bool]:
    """For every way to look at k of the samples: is one of them right."""
    return [any(chosen) for chosen in combinations(samples, k)]


def mean(values: list[bool]) -> float:
    return sum(values) / len(values)


samples_of = st.integers(1, 4).flatmap(
    lambda n: st.lists(
        st.tuples(*[st.booleans()] * n), min_size=2, max_size=4
    )  # nominal first
)


@given(table=samples_of, data=st.data())
@settings(max_examples=150, deadline=None)
def test_independent_is_what_counting_all_choices_gives(
    table: list[Samples], data: st.DataObject
) -> None:
    nominal, *under = table
    k = data.draw(st.integers(1, len(nominal)))
    found = score(nominal, under, k=k)
    # A choice of k samples for the nominal prompt and for each variant, all alike.
    worlds = list(product(*(chosen_solve(samples, k) for samples in table)))
    robust = [all(after) for _, *after in worlds]
    broken = [before and not all(after) for before, *after in worlds]
    repaired = [any(after) and not before for before, *after in worlds]
    differs = [any(a != before for a in after) for before, *after in worlds]
    assert found.robust == pytest.approx(mean(robust))
    assert found.broken == pytest.approx(mean(broken))
    assert found.repaired == pytest.approx(mean(repaired))
    assert found.relative == pytest.approx(mean(differs))
    assert found.nominal == pytest.approx(mean(chosen_solve(nominal, k)))


@given(table=samples_of, data=st.data())
@settings(max_examples=150, deadline=None)
def test_recode_is_its_code_read_line_by_line(
    table: list[Samples], data: st.DataObject
) -> None:
    nominal, *under = table
    n = len(nominal)
    k = data.draw(st.integers(1, n))
    worst = [True] * n
    best = [False] * n
    for after in under:
        for i in range(n):
            worst[i] = worst[i] and bool(after[i])
            best[i] = best[i] or bool(after[i])
    negative = positive = 0
    for i in range(n):
        if worst[i] != nominal[i]:
            negative += 1
        elif best[i] != nominal[i]:
            positive += 1

    def estimator(c: int) -> float:
        return 1.0 if n - c < k else 1 - comb(n - c, k) / comb(n, k)

    found = score(nominal, under, k=k, mode="recode")
    assert found.robust == pytest.approx(estimator(sum(worst)))
    assert found.relative == pytest.approx(estimator(negative) + estimator(positive))


@given(
    table=st.lists(st.tuples(st.booleans()), min_size=2, max_size=6),
)
def test_with_greedy_decoding_both_modes_agree(table: list[Samples]) -> None:
    nominal, *under = table
    assert score(nominal, under) == score(nominal, under, mode="recode")


def test_by_hand_with_one_sample() -> None:
    # ReCode's greedy reading: worst = and, best = or, over the variants.
    found = score((True,), [(True,), (False,)])
    assert (found.robust, found.broken, found.repaired) == (0, 1, 0)
    found = score((False,), [(True,), (True,)])
    assert (found.robust, found.broken, found.repaired) == (1, 0, 1)


def test_by_hand_with_two_samples() -> None:
    # pass@1 is 1/2 for all three: 1/2 * 1/2 survive, 1/2 * 3/4 are broken.
    half = (True, False)
    found = score(half, [half, half])
    assert (found.robust, found.broken, found.repaired) == (0.25, 0.375, 0.375)
    # Paired by index nothing changes at all: the index is what is arbitrary.
    found = score(half, [half, half], mode="recode")
    assert (found.robust, found.relative) == (0.5, 0)
    found = score(half, [(False, True), half], mode="recode")
    assert (found.robust, found.relative) == (0, 1)


def test_best_cases_are_merged_by_or() -> None:
    # Right under the first transformation only: ReCode's sampling branch, which merges
    # by ``and``, would count nothing.
    assert score((False,), [(True,), (False,)], mode="recode").relative == 1


def test_recode_can_exceed_one_and_independent_cannot() -> None:
    nominal, under = (True, False), [(False, False), (True, True)]
    assert score(nominal, under, k=2, mode="recode").relative == 2
    assert score(nominal, under, k=2).relative <= 1


def test_what_was_not_judged_is_left_out() -> None:
    judged = score((True, None, True), [(True, False, None), (None, None)])
    assert judged.variants == 1
    assert judged.robust == 0.5
    table = Outcomes(
        solved={
            CLEAN: {"few": (True,), "unjudged": (None, None), "fine": (True, False)},
            variants(1)[0]: dict.fromkeys(("few", "unjudged", "fine"), (True, True)),
        }
    )
    found = scores(table, CLEAN, variants(1), k=2)
    assert [one.problem for one in found] == ["fine"]


def test_recode_counts_only_complete_indices() -> None:
    found = score((True, True, None), [(True, None, True)], mode="recode")
    assert (found.nominal, found.robust) == (1, 1)
    table = Outcomes(
        solved={CLEAN: {"p": (None, True)}, variants(1)[0]: {"p": (True, None)}}
    )
    assert scores(table, CLEAN, variants(1), mode="recode") == ()


def test_rate_is_pass_at_k_of_what_was_judged() -> None:
    assert rate((True, None, False)) == 0.5
    with pytest.raises(ValueError, match="pass@2"):
        rate((True, None), 2)


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ValueError, match="recode"):
        scores(Outcomes(solved={}), CLEAN, (), mode="paired")
