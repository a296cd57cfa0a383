"""Several models on the same problems and variants: what can be subtracted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.factors import Factors
from pytest_selfinvoke.metrics.outcomes import CONTROL, Outcomes, Samples
from pytest_selfinvoke.metrics.robustness import rate, scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One model in one prompt style on one benchmark.

    ``prompts`` are hashes of what the model was sent.
    """

    factors: Factors
    style: str
    outcomes: Outcomes
    prompts: Mapping[tuple[Variant, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One problem under one model.

    ``clean`` and ``robust`` are pass@1 of the nominal prompt and of the worst variant
    (see :mod:`.robustness`); ``control`` is what as many repetitions of the clean
    prompt take away, ``None`` without. ``noise_robust`` and ``noise_drop`` are the
    variances of ``robust`` and of ``drop`` by sampling, ``None`` with a single sample.
    """

    clean: float
    robust: float
    control: float | None
    noise_robust: float | None
    noise_drop: float | None

    def drop(self, *, is_controlled: bool) -> float:
        """What the attack takes away, net of the control or not."""
        control = self.control if is_controlled else None
        return self.clean - self.robust - (control or 0.0)


def paired(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms with the variants and problems only that were judged in all of them."""
    common: dict[Variant, list[str]] = {}
    for variant, problems in arms[0].outcomes.solved.items():
        common[variant] = [
            problem
            for problem in problems
            if all(_is_judged(arm.outcomes.samples(variant, problem)) for arm in arms)
        ]
    return tuple(
        replace(
            arm,
            outcomes=replace(
                arm.outcomes,
                solved={
                    variant: {p: arm.outcomes.samples(variant, p) for p in problems}
                    for variant, problems in common.items()
                    if problems
                },
            ),
        )
        for arm in arms
    )


def unpaired(arms: Sequence[Arm], attacks: Sequence[str]) -> int:
    """How many problems under variants of attacks were judged in some arms only."""
    counts: Counter[tuple[Variant, str]] = Counter()
    for arm in arms:
        for variant in arm.outcomes.variants(attacks):
            for problem, samples in arm.outcomes.solved[variant].items():
                counts[variant, problem] += _is_judged(samples)
    return sum(0 < count < len(arms) for count in counts.values())


def differing_prompts(arms: Sequence[Arm]) -> tuple[int, int]:
    """How many prompts of paired arms differ in text, and of how many it is known."""
    differ = known = 0
    for variant, problems in arms[0].outcomes.solved.items():
        for problem in problems:
            hashes = [arm.prompts.get((variant, problem), "") for arm in arms]
            known += all(hashes)
            differ += all(hashes) and len(set(hashes)) > 1
    return differ, known


def terms(arm: Arm, attacks: Sequence[str]) -> dict[str, Term]:
    """Problem -> term, under all variants of some attacks."""
    outcomes = arm.outcomes
    variants = outcomes.variants(attacks)
    nominal, clean = outcomes.nominal_of(attacks), outcomes.nominal_of([CONTROL])
    found = scores(outcomes, nominal, variants)
    repeats = outcomes.variants([CONTROL])[
        : max((s.variants for s in found), default=0)
    ]
    control = {s.problem: s for s in scores(outcomes, clean, repeats)}
    made = {}
    for score in found:
        again = control.get(score.problem)
        # Clean cancels out of clean minus robust, minus clean minus repeated.
        parts: list[Sequence[Variant]] = (
            [variants, [nominal]] if again is None else [variants, repeats]
        )
        if again is not None and nominal != clean:
            parts += [[nominal], [clean]]
        noise = [_noise(outcomes, part, score.problem) for part in parts]
        known = [one for one in noise if one is not None]
        made[score.problem] = Term(
            clean=score.nominal,
            robust=score.robust,
            control=None if again is None else again.nominal - again.robust,
            noise_robust=noise[0],
            noise_drop=sum(known) if len(known) == len(noise) else None,
        )
    return made


def samples_of(arm: Arm) -> int:
    """The least number of judged samples of a prompt."""
    counts = [
        sum(sample is not None for sample in samples)
        for problems in arm.outcomes.solved.values()
        for samples in problems.values()
    ]
    return min(counts, default=0)


def _is_judged(samples: Samples) -> bool:
    return any(sample is not None for sample in samples)


def _noise(
    outcomes: Outcomes, variants: Sequence[Variant], problem: str
) -> float | None:
    """The variance of a product of rates, without bias (Goodman 1960, JASA 55:708-713).

    ``None`` where a rate comes from one sample.
    """
    squares, less = [], []
    for variant in variants:
        samples = outcomes.samples(variant, problem)
        count = sum(sample is not None for sample in samples)
        if count == 0:
            continue
        if count == 1:
            return None
        q = rate(samples)
        squares.append(q * q)
        less.append(q * q - q * (1 - q) / (count - 1))
    return prod(squares) - prod(less)
