"""The worst case within a budget: the strongest attacks first, and when to stop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.outcomes import Outcomes, Samples
from pytest_selfinvoke.metrics.robustness import rate

#: What is known of other models counts at most as much as so many problems.
PRIOR = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """Of ``tried`` problems solved nominally, an attack broke ``broken``."""

    tried: float = 0.0
    broken: float = 0.0

    def __add__(self, other: Strength) -> Strength:
        return Strength(
            tried=self.tried + other.tried, broken=self.broken + other.broken
        )


def strengths(outcomes: Outcomes) -> dict[str, Strength]:
    """How often one variant of each attack breaks what its nominal prompt solves.

    Every judged pair of nominal prompt and variant counts, with the fractions of their
    samples that are solved.
    """
    found = {}
    for attack in outcomes.attacks:
        nominal, strength = outcomes.nominal_of([attack]), Strength()
        for variant in outcomes.variants([attack]):
            for problem, samples in outcomes.solved[variant].items():
                before = outcomes.samples(nominal, problem)
                if _judged(before) and _judged(samples):
                    solved = rate(before)
                    broken = solved * (1 - rate(samples))
                    strength += Strength(tried=solved, broken=broken)
        found[attack] = strength
    return found


def attack_order(
    attacks: Sequence[str],
    *,
    own: Mapping[str, Strength] | None = None,
    others: Iterable[Mapping[str, Strength]] = (),
) -> tuple[str, ...]:
    """The attacks, the strongest first; equal ones in the order given.

    Strength is the share of solved problems that an attack breaks: of this model, drawn
    to that of other models (which counts as :data:`PRIOR` problems at most), and this
    to the mean of all attacks.

    :param own: from this model's results so far.
    :param others: from earlier results, one for each other model.
    """
    earlier: dict[str, Strength] = {}
    for one in others:
        for attack, strength in one.items():
            earlier[attack] = earlier.get(attack, Strength()) + strength
    mean = _share(sum(earlier.values(), Strength()), 0.5, 1.0)

    def strength_of(attack: str) -> float:
        guess = _share(earlier.get(attack, Strength()), mean, 1.0)
        return _share((own or {}).get(attack, Strength()), guess, PRIOR)

    return tuple(sorted(attacks, key=strength_of, reverse=True))


class Decision(StrEnum):
    """What to do next with a problem."""

    CONTINUE = "continue"
    BROKEN = "broken"
    SPENT = "spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most ``variants`` judged variants of each problem.

    What was not judged (skipped, error) is not taken from the budget.
    """

    variants: int

    def decide(self, results: Iterable[Samples]) -> Decision:
        """What to do after the results so far, one entry per variant that was run.

        A problem is broken when no sample solves it under one of them: then it adds
        nothing to RP, whatever the others would be.
        """
        judged = [samples for samples in results if _judged(samples)]
        if not all(any(samples) for samples in judged):
            return Decision.BROKEN
        if len(judged) >= self.variants:
            return Decision.SPENT
        return Decision.CONTINUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """RP between ``low`` and ``high`` over ``n`` problems.

    ``open`` counts the problems that were not settled: spent without being broken.
    """

    low: float | None
    high: float | None
    open: int
    n: int


def robust_pass_bounds(
    outcomes: Outcomes, variants: Sequence[Variant], problems: Iterable[str]
) -> Bounds:
    """Bounds on RP_s@1 where some variants were not run.

    A problem with a variant that no sample solves adds 0, one whose variants were all
    judged adds its product of pass rates: both are exact. For any other the variants
    that are missing may be solved never or always: it adds between 0 and the product so
    far. Missing is what has no entry in the table; a variant that does not apply has
    one. A problem of which nothing was judged is left out.

    :param variants: those that the problems were to be run under.
    """
    low = high = 0.0
    n = unsettled = 0
    for problem in problems:
        product, judged, missing = 1.0, 0, 0
        for variant in variants:
            per_problem = outcomes.solved.get(variant, {})
            if problem not in per_problem:
                missing += 1
            elif _judged(per_problem[problem]):
                judged += 1
                product *= rate(per_problem[problem])
        if not judged:
            continue
        n += 1
        high += product
        if missing and product > 0:
            unsettled += 1
        else:
            low += product
    if n == 0:
        return Bounds(low=None, high=None, open=0, n=0)
    return Bounds(low=low / n, high=high / n, open=unsettled, n=n)


def _share(strength: Strength, expected: float, weight: float) -> float:
    return (strength.broken + weight * expected) / (strength.tried + weight)


def _judged(samples: Samples) -> bool:
    return any(sample is not None for sample in samples)
