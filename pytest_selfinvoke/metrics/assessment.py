"""All robustness numbers of one model on one benchmark: per attack, family, and all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.estimate import RESAMPLES, Bootstrap, Estimate
from pytest_selfinvoke.metrics.outcomes import CONTROL, Outcomes
from pytest_selfinvoke.metrics.robustness import Score, scores
from pytest_selfinvoke.metrics.significance import (
    Paired,
    benjamini_hochberg,
    compare,
)

#: RP may be above pass@k: a drop may be negative.
_SHARE = (0.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """The numbers of a group of variants; see :mod:`.robustness` for RP, RD and RR.

    ``nominal`` is pass@k of the nominal prompt. ``success`` is the attack success rate:
    of what is solved nominally, the share that some variant breaks. ``broken`` and
    ``repaired`` are flips from right to wrong and back. ``variants`` is the largest
    ``s`` of a problem.

    ``control`` is RD of as many repetitions of the clean prompt (``clean.repeat``), and
    ``control_flips`` their RR, over the problems of this group; ``net_drop`` is RD
    minus ``control``. They are ``None`` without repetitions. ``repeats`` is their
    largest number: with fewer than ``variants`` the control is too small, for the
    worst of few is better than the worst of many.

    ``paired`` is the exact test of one variant per problem, for single attacks only,
    and ``adjusted_p`` its p-value corrected over all attacks.
    """

    name: str
    variants: int
    nominal: Estimate
    rp: Estimate
    rd: Estimate
    rr: Estimate
    success: Estimate
    broken: Estimate
    repaired: Estimate
    repeats: int = 0
    control: Estimate | None = None
    control_flips: Estimate | None = None
    net_drop: Estimate | None = None
    paired: Paired | None = None
    adjusted_p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """Per attack, per family, and the worst case over all families.

    ``control`` is the null control as if it were an attack, if it was run.
    """

    k: int
    mode: str
    attacks: tuple[Robustness, ...]
    families: tuple[Robustness, ...]
    worst: Robustness | None
    control: Robustness | None


def assess(
    outcomes: Outcomes,
    *,
    k: int = 1,
    mode: str = "independent",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Assessment:
    """Compute everything.

    A family is all variants of its attacks, the worst case those of all attacks. Where
    their nominal variants differ, they are compared with ``clean``.

    :param seed: of the bootstrap.
    """
    group = _Groups(outcomes, k, mode, Bootstrap(seed=seed, resamples=resamples))
    names = outcomes.attacks
    attacks = [group.robustness(name, [name]) for name in names]
    tests = [
        compare(outcomes, outcomes.nominal_of([name]), outcomes.variants([name]))
        for name in names
    ]
    adjusted = benjamini_hochberg([test.p for test in tests])
    return Assessment(
        k=k,
        mode=mode,
        attacks=tuple(
            replace(attack, paired=test, adjusted_p=p)
            for attack, test, p in zip(attacks, tests, adjusted, strict=True)
        ),
        families=tuple(
            group.robustness(
                family,
                [name for name in names if Variant(attack=name).family == family],
            )
            for family in outcomes.families
        ),
        worst=group.robustness("all", names) if names else None,
        control=group.robustness(CONTROL, [CONTROL]) if group.repeats else None,
    )


class _Groups:
    def __init__(
        self, outcomes: Outcomes, k: int, mode: str, bootstrap: Bootstrap
    ) -> None:
        self.outcomes, self.k, self.mode = outcomes, k, mode
        self.bootstrap = bootstrap
        self.repeats = outcomes.variants([CONTROL])

    def robustness(self, name: str, attacks: Sequence[str]) -> Robustness:
        """The numbers of all variants of some attacks."""
        variants = self.outcomes.variants(attacks)
        found = self._scores(self.outcomes.nominal_of(attacks), variants)
        result = self._numbers(name, found)
        return result if name == CONTROL else self._controlled(result, found)

    def _scores(
        self, nominal: Variant, variants: Sequence[Variant]
    ) -> tuple[Score, ...]:
        return scores(self.outcomes, nominal, variants, k=self.k, mode=self.mode)

    def _numbers(self, name: str, found: Sequence[Score]) -> Robustness:
        mean, ratio = self.bootstrap.mean, self.bootstrap.ratio
        nominal = [s.nominal for s in found]
        robust = [s.robust for s in found]
        broken = [s.broken for s in found]
        top = 2.0 if self.mode == "recode" and self.k > 1 else 1.0
        return Robustness(
            name=name,
            variants=max((s.variants for s in found), default=0),
            nominal=mean(nominal),
            rp=mean(robust),
            rd=ratio(robust, nominal, bounds=_SHARE).complement(),
            rr=mean([s.relative for s in found], bounds=(0.0, top)),
            success=ratio(broken, nominal),
            broken=mean(broken),
            repaired=mean([s.repaired for s in found]),
        )

    def _controlled(self, result: Robustness, found: Sequence[Score]) -> Robustness:
        repeats = self.repeats[: max(result.variants, 1)]
        clean = self.outcomes.nominal_of([CONTROL])
        control = {s.problem: s for s in self._scores(clean, repeats)}
        both = [(s, control[s.problem]) for s in found if s.problem in control]
        if not both:
            return result
        below = [c.nominal for _, c in both]
        kept = [c.robust for _, c in both]
        ratio = self.bootstrap.ratio
        return replace(
            result,
            repeats=max(c.variants for _, c in both),
            control=ratio(kept, below, bounds=_SHARE).complement(),
            control_flips=self.bootstrap.mean([c.relative for _, c in both]),
            # What the control keeps, minus what the attack leaves: RD minus control.
            net_drop=ratio(
                kept,
                below,
                minus=([s.robust for s, _ in both], [s.nominal for s, _ in both]),
                bounds=(-2.0, 2.0),
            ),
        )
