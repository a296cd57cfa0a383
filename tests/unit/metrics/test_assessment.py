from __future__ import annotations

import pytest

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.assessment import Robustness, assess
from pytest_selfinvoke.metrics.outcomes import Outcomes, Samples

N = 20
PROBLEMS = [f"p{i:02d}" for i in range(N)]


def column(solved: int) -> dict[str, Samples]:
    """The first so many problems are solved."""
    return {p: (i < solved,) for i, p in enumerate(PROBLEMS)}


def table(**extra: dict[str, Samples]) -> Outcomes:
    solved = {
        CLEAN: column(16),
        Variant(attack="docstring.a", seed=0): column(12),
        Variant(attack="docstring.a", seed=1): column(8),
        Variant(attack="docstring.b"): column(18),
        Variant(attack="syntax.c"): column(10),
        Variant(attack="clean.half"): column(20),
    }
    solved |= {
        Variant(attack="clean.repeat", seed=int(k[1:])): v for k, v in extra.items()
    }
    return Outcomes(solved=solved, nominal={"syntax.c": "clean.half"})


def of(name: str, outcomes: Outcomes) -> Robustness:
    found = assess(outcomes, resamples=100)
    every = (*found.attacks, *found.families, found.worst)
    return next(one for one in every if one is not None and one.name == name)


def test_an_attack_by_hand() -> None:
    found = of("docstring.a", table())
    assert found.variants == 2
    assert found.nominal.value == 16 / 20
    assert found.rp.value == 8 / 20
    assert found.rd.value == pytest.approx(0.5)
    assert found.success.value == pytest.approx(0.5)
    assert found.rr.value == pytest.approx(8 / 20)
    assert found.broken.value == pytest.approx(8 / 20)
    assert found.repaired.value == 0
    assert found.rp.n == N


def test_flips_are_seen_in_both_directions() -> None:
    found = of("docstring.b", table())
    assert found.rd.value == pytest.approx(-2 / 16)
    assert found.success.value == 0
    assert found.broken.value == 0
    assert found.repaired.value == pytest.approx(2 / 20)


def test_an_attack_is_compared_with_its_own_nominal_variant() -> None:
    found = of("syntax.c", table())
    assert found.nominal.value == 1
    assert found.rd.value == pytest.approx(0.5)


def test_a_family_is_all_its_variants() -> None:
    found = of("docstring", table())
    assert found.variants == 3
    assert found.rp.value == 8 / 20
    assert found.rr.value == pytest.approx(10 / 20)


def test_the_worst_case_is_over_all_families() -> None:
    found = of("all", table())
    assert found.variants == 4
    assert found.nominal.value == 16 / 20
    assert found.rp.value == 8 / 20


def test_without_repetitions_nothing_is_said_of_the_control() -> None:
    found = of("docstring.a", table())
    assert found.control is None
    assert found.net_drop is None
    assert assess(table(), resamples=10).control is None


def test_the_null_control_is_subtracted() -> None:
    outcomes = table(s0=column(16), s1=column(12))
    found = of("docstring.a", outcomes)
    assert found.repeats == 2
    assert found.control is not None
    assert found.control.value == pytest.approx(0.25)
    assert found.control_flips is not None
    assert found.control_flips.value == pytest.approx(4 / 20)
    assert found.net_drop is not None
    assert found.net_drop.value == pytest.approx(0.25)
    # An attack of one variant has a control of one repetition.
    single = of("docstring.b", outcomes)
    assert single.repeats == 1
    assert single.control is not None
    assert single.control.value == 0
    control = assess(outcomes, resamples=10).control
    assert control is not None
    assert control.rd.value == pytest.approx(0.25)


def test_single_attacks_are_tested_and_corrected() -> None:
    found = assess(table(), resamples=10)
    by_name = {one.name: one for one in found.attacks}
    first = by_name["docstring.a"]
    assert first.paired is not None
    assert (first.paired.worse, first.paired.better) == (4, 0)
    assert first.paired.p == pytest.approx(0.125)
    # Three tests with p = 0.125, 0.5 and 1/512.
    assert first.adjusted_p == pytest.approx(0.1875)
    assert by_name["syntax.c"].adjusted_p == pytest.approx(3 / 512)
    assert found.families[0].paired is None


def test_problems_without_a_judged_variant_are_not_counted() -> None:
    outcomes = Outcomes(
        solved={
            CLEAN: column(16),
            Variant(attack="docstring.a"): {
                **column(4),
                **dict.fromkeys(PROBLEMS[:2], ()),
            },
        }
    )
    assert of("docstring.a", outcomes).rp.n == N - 2


def test_nothing_attacked_is_an_empty_assessment() -> None:
    found = assess(Outcomes(solved={CLEAN: column(3)}))
    assert found.attacks == ()
    assert found.worst is None


def test_recode_mode_reaches_the_scores() -> None:
    flipped = dict.fromkeys(PROBLEMS, (False, True))
    outcomes = Outcomes(
        solved={
            CLEAN: dict.fromkeys(PROBLEMS, (True, False)),
            Variant(attack="docstring.a"): flipped,
        }
    )
    paired = assess(outcomes, mode="recode", resamples=10).attacks[0]
    free = assess(outcomes, resamples=10).attacks[0]
    assert (paired.rr.value, free.rr.value) == (1, 0.5)
