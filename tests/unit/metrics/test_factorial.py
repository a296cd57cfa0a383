from __future__ import annotations

import random
import runpy
from collections.abc import Callable
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.factorial import ALL, Contrast, Study, study
from pytest_selfinvoke.metrics.factors import Factors
from pytest_selfinvoke.metrics.outcomes import CONTROL, Outcomes, Samples
from pytest_selfinvoke.metrics.pairing import Arm

N = 20
PROBLEMS = [f"p{i:02d}" for i in range(N)]
A, B = Variant(attack="docstring.a", seed=0), Variant(attack="syntax.b")
REPEAT = Variant(attack=CONTROL, seed=0)
LEVELS = [(a, al) for a in ("dense", "moe") for al in ("base", "rlhf")]


def column(solved: int) -> dict[str, Samples]:
    """The first so many problems are solved."""
    return {p: (i < solved,) for i, p in enumerate(PROBLEMS)}


def arm(
    architecture: str, alignment: str, solved: dict[Variant, Any], **fields: Any
) -> Arm:
    return Arm(
        factors=Factors(
            model=f"{architecture}-{alignment}",
            architecture=architecture,
            alignment=alignment,
            family="f",
        ),
        style=fields.pop("style", "chat"),
        outcomes=Outcomes(solved=solved),
        **fields,
    )


def four(*under_a: int, repeat: int | None = None) -> list[Arm]:
    """All solve 16 clean, and so many under A (dense base and rlhf, moe base and rlhf);
    B breaks nothing."""
    return [
        arm(
            *level,
            {CLEAN: column(16), A: column(solved), B: column(16)}
            | ({} if repeat is None else {REPEAT: column(repeat)}),
        )
        for level, solved in zip(LEVELS, under_a, strict=True)
    ]


def found(arms: list[Arm]) -> Study:
    return study("b", arms, resamples=200)


def one(study: Study, kind: str, group: str = ALL) -> Contrast:
    [contrast] = study.of(kind, group)
    return contrast


def test_effects_by_hand() -> None:
    study = found(four(12, 10, 14, 6))
    interaction = one(study, "interaction")
    assert interaction.drop.estimate.value == pytest.approx((10 - 2 - 6 + 4) / N)
    assert interaction.robust.estimate.value == pytest.approx((6 - 14 - 10 + 12) / N)
    odds = {s: log((s + 0.5) / (N - s + 0.5)) for s in (6, 10, 12, 14)}
    expected = odds[6] - odds[14] - odds[10] + odds[12]
    assert interaction.log_odds.value == pytest.approx(expected)
    dense, moe = study.of("alignment")
    assert dense.drop.estimate.value == pytest.approx(2 / N)
    assert moe.drop.estimate.value == pytest.approx(8 / N)
    assert dense.comparison.name == "rlhf against base, dense"
    assert [c.drop.estimate.value for c in study.of("architecture")] == [
        pytest.approx(-2 / N),
        pytest.approx(4 / N),
    ]


def test_pairs_of_models_have_mcnemars_test() -> None:
    _, moe = found(four(12, 10, 14, 6)).of("alignment")
    assert moe.paired is not None
    assert (moe.paired.worse, moe.paired.better, moe.paired.n) == (8, 0, N)
    assert moe.paired.p == pytest.approx(2 / 2**8)
    assert one(found(four(12, 10, 14, 6)), "interaction").paired is None


def test_families_are_apart_and_corrected() -> None:
    study = found(four(12, 10, 14, 6))
    a, b = one(study, "interaction", "docstring"), one(study, "interaction", "syntax")
    assert a.drop.estimate.value == pytest.approx(6 / N)
    assert b.drop.estimate.value == 0
    assert b.drop.p == 1
    assert a.drop.p is not None
    assert a.drop.adjusted_p == pytest.approx(2 * a.drop.p)
    assert one(study, "interaction").drop.adjusted_p is None


def test_one_family_is_not_said_twice() -> None:
    arms = [arm(*level, {CLEAN: column(16), A: column(9)}) for level in LEVELS]
    assert {c.group for c in found(arms).contrasts} == {ALL}


def test_the_null_control_is_subtracted() -> None:
    arms = four(12, 10, 14, 6)
    noisy = {**arms[3].outcomes.solved, REPEAT: column(13)}
    calm = [
        arm(*level, {**a.outcomes.solved, REPEAT: column(16)})
        for level, a in zip(LEVELS, arms, strict=True)
    ]
    calm[3] = arm(*LEVELS[3], noisy)
    interaction = one(found(calm), "interaction")
    assert interaction.is_controlled
    assert interaction.drop.estimate.value == pytest.approx((7 - 2 - 6 + 4) / N)
    # Not of a model only: that would compare unlike things.
    arms[3] = arm(*LEVELS[3], noisy)
    interaction = one(found(arms), "interaction")
    assert not interaction.is_controlled
    assert interaction.drop.estimate.value == pytest.approx(6 / N)


def test_only_what_all_models_were_judged_on_counts() -> None:
    arms = four(12, 10, 14, 6)
    solved: dict[Variant, Any] = {
        CLEAN: column(16),
        A: {p: s for p, s in column(6).items() if p >= "p04"},
        B: {**column(16), "p19": (None,)},
    }
    arms[3] = arm(*LEVELS[3], solved)
    study = found(arms)
    a = one(study, "interaction", "docstring")
    # Without the first four problems, which all solve: the same sum of fewer.
    assert a.drop.estimate.value == pytest.approx(6 / 16)
    assert (a.drop.n, a.unpaired) == (16, 4)
    assert one(study, "interaction", "syntax").drop.n == 19
    assert one(study, "interaction").unpaired == 5


def test_a_missing_cell_is_said() -> None:
    arms = four(12, 10, 14, 6)
    arms[3] = arm(*LEVELS[3], {CLEAN: column(16), B: column(16)})
    study = found(arms)
    assert not study.of("interaction", "docstring")
    assert len(study.of("interaction", "syntax")) == 1
    # Once, though it is missing in three contrasts.
    assert study.notes == ("docstring: no problem was judged in moe-rlhf",)
    missing = found(four(12, 10, 14, 6)[:3])
    assert "no model is rlhf and moe" in missing.notes
    assert not missing.of("interaction")
    assert len(missing.of("alignment")) == 1


def test_models_that_share_no_problem_are_said() -> None:
    arms = four(12, 10, 14, 6)
    other = {f"other {p}": samples for p, samples in column(16).items()}
    arms[3] = arm(*LEVELS[3], {CLEAN: other, A: other, B: other})
    names = "moe-rlhf, moe-base, dense-rlhf, dense-base"
    assert f"docstring: no problem was judged in all of {names}" in found(arms).notes


def test_styles_are_held_fixed() -> None:
    arms = four(12, 10, 14, 6)
    solved = {CLEAN: column(16), A: column(4), B: column(16)}
    crossed = [*arms, *(arm(*level, solved, style="completion") for level in LEVELS)]
    by_style = {c.styles: c for c in found(crossed).of("interaction")}
    assert by_style["chat",].drop.estimate.value == pytest.approx(6 / N)
    assert by_style["completion",].drop.estimate.value == 0
    assert not by_style["chat",].confounded


def test_a_style_that_differs_is_a_confounder() -> None:
    arms = four(12, 10, 14, 6)
    base = {CLEAN: column(16), A: column(14), B: column(16)}
    arms[2] = arm(*LEVELS[2], base, style="completion")
    study = found(arms)
    assert (
        one(study, "interaction").confounded
        == "prompt styles differ: chat and completion"
    )
    dense, moe = study.of("alignment")
    assert not dense.confounded
    assert moe.confounded


def test_other_prompts_are_a_confounder() -> None:
    arms = [
        arm(
            *level,
            {CLEAN: column(16), A: column(12)},
            prompts={
                (variant, p): f"{p}{level[0] if variant == A else ''}"
                for variant in (CLEAN, A)
                for p in PROBLEMS
            },
        )
        for level in LEVELS
    ]
    study = found(arms)
    assert one(study, "interaction").confounded == f"{N} of {2 * N} prompts differ"
    assert not any(c.confounded for c in study.of("alignment"))


def test_few_problems_have_no_interval() -> None:
    few = [arm(*level, {CLEAN: {"p": (True,)}, A: {"p": (False,)}}) for level in LEVELS]
    drop = one(found(few), "interaction").drop
    assert (drop.estimate.value, drop.estimate.low, drop.p) == (0, None, None)
    assert drop.detectable is drop.problems_for(0.03) is None


@pytest.fixture(scope="module")
def program() -> dict[str, Any]:
    root = Path(__file__).parents[3]
    return runpy.run_path(str(root / "benchmarks" / "factorial.py"))


def test_planted_interactions_are_covered(program: dict[str, Any]) -> None:
    scenario: Callable[..., dict[str, tuple[float, float]]] = program["scenario"]
    none = program["no_interaction"]()
    assert program["truth"](none).drop == pytest.approx(0)
    for planted, false in ((none, True), (0.6, False)):
        shares = scenario(planted, problems=30, simulations=30, resamples=150, seed=1)
        for holds, leaves in shares.values():
            # 30 intervals at 95 %: fewer than 25 have a chance below 1 in 300.
            assert holds >= 25 / 30
            assert (leaves <= 5 / 30) if false else (leaves >= 15 / 30)


def test_planted_probabilities_are_what_simulations_show(
    program: dict[str, Any],
) -> None:
    rng = random.Random(3)
    interaction = program["interaction_of"](rng, 1000, 0.3, 20)
    truth = program["truth"](0.3)
    assert interaction.drop.estimate.value == pytest.approx(truth.drop, abs=0.05)
    assert interaction.robust.estimate.value == pytest.approx(truth.robust, abs=0.05)


def test_a_family_with_its_own_nominal_prompt_is_controlled_by_the_clean_one() -> None:
    half = Variant(attack="clean.half")
    solved = {CLEAN: column(16), REPEAT: column(15), half: column(10), B: column(7)}
    arms = [
        arm(*level, {**solved, B: column(5)} if level == LEVELS[3] else solved)
        for level in LEVELS
    ]
    arms = [
        replace(a, outcomes=replace(a.outcomes, nominal={B.attack: half.attack}))
        for a in arms
    ]
    study = found(arms)
    first = study.levels[0]
    assert (first.clean.value, first.robust.value) == (10 / N, 7 / N)
    assert first.control is not None
    assert first.control.value == pytest.approx(1 / N)
    assert first.drop.estimate.value == pytest.approx((10 - 7 - 1) / N)
    assert one(study, "interaction").drop.estimate.value == pytest.approx(2 / N)
