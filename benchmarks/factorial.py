"""Does the study's interval hold what it promises? Simulated runs with planted effects.

Four models (dense and moe, base and aligned) answer the same problems, clean, repeated
and under three attacks. A problem's difficulty, and how easily it breaks, are
shared by all models; a repetition of the moe models flips on its own (the noise floor
that the null control is for). What the interaction of the net drop, and of robust
pass@1, should be follows from the planted probabilities.

Printed per scenario: the share of 95 % intervals that hold the true interaction, and
the share that leave out zero (without an effect: false positives; with one: power),
both with the share's own 95 % interval. Run it by hand::

    python benchmarks/factorial.py [--simulations 600] [--problems 164 60]
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.factorial import ALL, Contrast, study
from pytest_selfinvoke.metrics.factors import Factors
from pytest_selfinvoke.metrics.intervals import wilson
from pytest_selfinvoke.metrics.outcomes import CONTROL, Outcomes, Samples
from pytest_selfinvoke.metrics.pairing import Arm

ATTACKS = (
    Variant(attack="docstring.a"),
    Variant(attack="docstring.b"),
    Variant(attack="docstring.c"),
)
REPEATS = tuple(Variant(attack=CONTROL, seed=seed) for seed in range(len(ATTACKS)))
#: Clean pass@1 of a problem is drawn evenly from here, its fragility from -W to W.
SOLVED, FRAGILE = (0.4, 0.95), 0.08
#: Chance that attacks break what is solved, without effects; effects on it.
BREAK, ALIGNED, MOE = 0.2, 0.05, 0.08
#: Chance that one more answer of a moe model to any prompt fails on its own.
FLIP = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The interaction, in shares of problems."""

    drop: float
    robust: float


def truth(interaction: float) -> Truth:
    """What follows from the planted probabilities."""
    solved, kept = sum(SOLVED) / 2, (1 - FLIP) ** len(ATTACKS)
    drop = solved * (kept * (ALIGNED + interaction) - ALIGNED)
    return Truth(drop=drop, robust=-drop)


def no_interaction() -> float:
    """The planted value with which the net drop does not interact."""
    return ALIGNED / (1 - FLIP) ** len(ATTACKS) - ALIGNED


def arms(
    rng: random.Random, problems: int, interaction: float, samples: int = 1
) -> Iterator[Arm]:
    """One simulated study."""
    shared = [
        (rng.uniform(*SOLVED), rng.uniform(-FRAGILE, FRAGILE)) for _ in range(problems)
    ]
    for architecture in ("dense", "moe"):
        for alignment in ("base", "rlhf"):
            aligned, moe = alignment == "rlhf", architecture == "moe"
            breaks = BREAK + ALIGNED * aligned + MOE * moe
            breaks += interaction * (aligned and moe)
            yield Arm(
                factors=Factors(
                    model=f"{architecture}-{alignment}",
                    alignment=alignment,
                    architecture=architecture,
                    family="simulated",
                ),
                style="chat",
                outcomes=_outcomes(rng, shared, breaks, FLIP * moe, samples),
            )


def _outcomes(
    rng: random.Random,
    shared: list[tuple[float, float]],
    breaks: float,
    flip: float,
    samples: int,
) -> Outcomes:
    solved: dict[Variant, dict[str, Samples]] = {
        variant: {} for variant in (CLEAN, *REPEATS, *ATTACKS)
    }
    for number, (rate, fragile) in enumerate(shared):
        answers = [_answers(rng, rate, breaks + fragile, flip) for _ in range(samples)]
        for variant, column in solved.items():
            column[f"p{number:03d}"] = tuple(answer[variant] for answer in answers)
    return Outcomes(solved=solved)


def _answers(
    rng: random.Random, rate: float, breaks: float, flip: float
) -> dict[Variant, bool]:
    """Attacks break what is solved together, by one of them."""
    clean = rng.random() < rate
    breaker = rng.choice(ATTACKS) if rng.random() < breaks else None
    found = {CLEAN: clean}
    for variant in (*REPEATS, *ATTACKS):
        found[variant] = clean and variant != breaker and rng.random() >= flip
    return found


def interaction_of(
    rng: random.Random, problems: int, interaction: float, resamples: int
) -> Contrast:
    """The interaction that one simulated study finds."""
    [found] = study(
        "simulated",
        arms(rng, problems, interaction),
        seed=rng.randrange(2**32),
        resamples=resamples,
    ).of("interaction", ALL)
    return found


def scenario(
    interaction: float, *, problems: int, simulations: int, resamples: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Measure -> share of intervals that hold the truth, and that leave out zero."""
    rng, true = random.Random(seed), truth(interaction)
    holds, leaves = (
        dict.fromkeys(("drop", "robust"), 0),
        dict.fromkeys(("drop", "robust"), 0),
    )
    for _ in range(simulations):
        found = interaction_of(rng, problems, interaction, resamples)
        for measure in holds:
            effect = getattr(found, measure)
            low, high = effect.estimate.low, effect.estimate.high
            holds[measure] += low <= getattr(true, measure) <= high
            leaves[measure] += effect.is_decided
    return {m: (holds[m] / simulations, leaves[m] / simulations) for m in holds}


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--simulations", type=int, default=600)
    parser.add_argument("--problems", type=int, nargs="+", default=[164, 60])
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for problems in options.problems:
        for planted in (no_interaction(), 0.15, 0.3):
            found = scenario(
                planted,
                problems=problems,
                simulations=options.simulations,
                resamples=options.resamples,
                seed=options.seed,
            )
            for measure, shares in found.items():
                true = getattr(truth(planted), measure)
                holds, leaves = (
                    f"{100 * share:.1f} % "
                    f"[{100 * around.low:.1f}, {100 * around.high:.1f}]"
                    for share in shares
                    for around in [wilson(share, options.simulations)]
                )
                print(
                    f"{problems} problems, {measure} interaction {100 * true:+.1f}"
                    f" points: {holds} of intervals hold it, {leaves} leave out zero",
                    flush=True,
                )


if __name__ == "__main__":
    main()
