"""Alignment x architecture x attack family: effects, and how they interact.

Everything is in shares of problems and paired: a contrast counts only problems and
variants that were judged in all of its models. On each problem the sum of the models'
numbers with their signs is one value; the effect is its mean. For the interaction that
is the difference in differences.

``drop`` is what the attack takes away beyond the null control: nominal minus robust
pass@1, minus what as many repetitions of the clean prompt take away. Without
repetitions it is nominal minus robust pass@1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.effects import Effect, effect
from pytest_selfinvoke.metrics.estimate import RESAMPLES, Bootstrap, Estimate
from pytest_selfinvoke.metrics.factors import Comparison, Factors, design
from pytest_selfinvoke.metrics.logistic import Logistic, logistic
from pytest_selfinvoke.metrics.outcomes import CONTROL
from pytest_selfinvoke.metrics.pairing import (
    Arm,
    Term,
    differing_prompts,
    paired,
    samples_of,
    terms,
    unpaired,
)
from pytest_selfinvoke.metrics.significance import (
    Paired,
    benjamini_hochberg,
    mcnemar_exact,
)

#: The group of all attacks: a problem is robust if no variant of any breaks it.
ALL = "all attacks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One model in one style under all attacks, on the problems that it has.

    ``control`` is what repetitions of the clean prompt take away, and ``drop`` is net
    of it if there is one.
    """

    factors: Factors
    style: str
    clean: Estimate
    robust: Estimate
    control: Estimate | None
    drop: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A comparison under a group of attacks.

    ``drop`` and ``robust`` are effects on the drop and on robust pass@1, ``log_odds``
    that on the log-odds of robust pass@1 (each with 0.5 added to solved and to unsolved
    problems, Haldane 1956, Ann. Hum. Genet. 20:309-311). ``paired`` counts problems
    with a lower and a higher robust pass@1 in the first model, for two models only.
    ``logistic`` is a model of single answers, where it was asked for. ``unpaired``
    counts problems under a variant that were judged in some models only.

    ``is_controlled`` says that the drop is net of the null control, and ``repeats`` of
    how many repetitions: fewer than ``variants`` are too few, for the worst of few is
    better than the worst of many. ``confounded``
    says what else differs between the models; it is empty if nothing is known to.
    """

    comparison: Comparison
    styles: tuple[str, ...]
    group: str
    variants: int
    drop: Effect
    robust: Effect
    log_odds: Estimate
    paired: Paired | None
    is_controlled: bool
    repeats: int = 0
    logistic: Logistic | None = None
    unpaired: int = 0
    confounded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What one benchmark says; ``notes`` are what it cannot say, and why."""

    benchmark: str
    levels: tuple[Level, ...]
    contrasts: tuple[Contrast, ...]
    notes: tuple[str, ...]

    def of(self, kind: str, group: str = ALL) -> tuple[Contrast, ...]:
        """The contrasts of a kind under a group of attacks."""
        return tuple(
            c for c in self.contrasts if (c.comparison.kind, c.group) == (kind, group)
        )


def study(
    benchmark: str,
    arms: Iterable[Arm],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    with_logistic: bool = False,
) -> Study:
    """Compute everything.

    :param arms: of the benchmark; one per model and prompt style.
    :param seed: of the bootstrap.
    :param with_logistic: fit the logistic models too.
    :raises MissingExtraError: if they are wanted without statsmodels.
    """
    bootstrap = Bootstrap(seed=seed, resamples=resamples)
    return _Studier(list(arms), bootstrap, with_logistic).study(benchmark)


class _Studier:
    def __init__(
        self, arms: Sequence[Arm], bootstrap: Bootstrap, with_logistic: bool
    ) -> None:
        self.arms, self.bootstrap = arms, bootstrap
        self.with_logistic = with_logistic
        self.notes: list[str] = []
        #: Group -> models of which it has nothing.
        self.lacking: dict[str, dict[str, None]] = {}
        names = dict.fromkeys(a for arm in arms for a in arm.outcomes.attacks)
        self.groups: dict[str, list[str]] = {ALL: list(names)}
        for name in names:
            self.groups.setdefault(Variant(attack=name).family, []).append(name)
        if len(self.groups) == 2:
            # One family is all attacks.
            self.groups = {ALL: list(names)}

    def study(self, benchmark: str) -> Study:
        planned = design({arm.factors.model: arm.factors for arm in self.arms}.values())
        contrasts = [
            contrast
            for comparison in planned.comparisons
            for arms in self.fixed(comparison)
            for contrast in self.corrected(comparison, arms)
        ]
        lacking = [
            f"{group}: no problem was judged in {', '.join(models)}"
            for group, models in self.lacking.items()
        ]
        return Study(
            benchmark=benchmark,
            levels=tuple(self.levels()),
            contrasts=tuple(contrasts),
            notes=tuple(dict.fromkeys((*planned.notes, *lacking, *self.notes))),
        )

    def levels(self) -> Iterator[Level]:
        for arm in self.arms:
            found = terms(arm, self.groups[ALL])
            if not found:
                continue
            drops, controlled = _drops([found])
            mean = self.bootstrap.mean
            controls = [t.control for t in found.values() if t.control is not None]
            yield Level(
                factors=arm.factors,
                style=arm.style,
                clean=mean([t.clean for t in found.values()]),
                robust=mean([t.robust for t in found.values()]),
                control=mean(controls, bounds=(-1.0, 1.0)) if controlled else None,
                drop=effect([d[0] for d in drops], self.bootstrap, bound=1.0),
            )

    def fixed(self, comparison: Comparison) -> Iterator[list[tuple[int, Arm]]]:
        """Arms for a comparison in each style that all models have.

        Without one, each model's first: then the style is confounded.
        """
        by_style = [
            {a.style: a for a in self.arms if a.factors.model == factors.model}
            for _, factors in comparison.terms
        ]
        signs = [sign for sign, _ in comparison.terms]
        common = [s for s in by_style[0] if all(s in styles for styles in by_style)]
        for style in common:
            yield [(s, arms[style]) for s, arms in zip(signs, by_style, strict=True)]
        if not common:
            firsts = [next(iter(arms.values())) for arms in by_style]
            yield list(zip(signs, firsts, strict=True))

    def corrected(
        self, comparison: Comparison, arms: Sequence[tuple[int, Arm]]
    ) -> Iterator[Contrast]:
        """All groups; p-values of families are corrected for their number."""
        signs, every = [sign for sign, _ in arms], [arm for _, arm in arms]
        common = paired(every)
        reason = _confounded(common)
        found = [
            replace(contrast, confounded=reason, unpaired=unpaired(every, attacks))
            for group, attacks in self.groups.items()
            if (contrast := self.contrast(comparison, signs, common, group)) is not None
        ]
        yield from (contrast for contrast in found if contrast.group == ALL)
        families = [contrast for contrast in found if contrast.group != ALL]
        drops = _adjusted([contrast.drop for contrast in families])
        robust = _adjusted([contrast.robust for contrast in families])
        for contrast, drop, rest in zip(families, drops, robust, strict=True):
            yield replace(contrast, drop=drop, robust=rest)

    def _note(self, group: str, models: Sequence[str]) -> None:
        """Say once which models have nothing; else that they share nothing."""
        lacking = [
            arm.factors.model
            for arm in self.arms
            if arm.factors.model in models and not terms(arm, self.groups[group])
        ]
        if lacking:
            self.lacking.setdefault(group, {}).update(dict.fromkeys(lacking))
        else:
            names = ", ".join(models)
            self.notes.append(f"{group}: no problem was judged in all of {names}")

    def contrast(
        self,
        comparison: Comparison,
        signs: Sequence[int],
        arms: Sequence[Arm],
        group: str,
    ) -> Contrast | None:
        """One group; ``None`` and a note where the models share no problem."""
        attacks = self.groups[group]
        by_arm = [terms(arm, attacks) for arm in arms]
        problems = sorted(by_arm[0])
        if not problems:
            self._note(group, [arm.factors.model for arm in arms])
            return None
        columns = [[found[p].robust for p in problems] for found in by_arm]
        drops, controlled = _drops(by_arm)
        every = [found[p] for found in by_arm for p in problems]
        samples = min(map(samples_of, arms))
        robust = effect(
            _signed(signs, zip(*columns, strict=True)),
            self.bootstrap,
            noise=_noise((t.noise_robust for t in every), len(problems)),
            samples=samples,
            bound=float(len(arms)) / 2,
        )
        return Contrast(
            comparison=comparison,
            styles=tuple(dict.fromkeys(arm.style for arm in arms)),
            group=group,
            variants=len(arms[0].outcomes.variants(attacks)),
            drop=effect(
                _signed(signs, drops),
                self.bootstrap,
                noise=_noise((t.noise_drop for t in every), len(problems)),
                samples=samples,
                bound=float(len(arms)),
            ),
            robust=robust,
            log_odds=self.log_odds(signs, columns),
            paired=_flips(columns) if len(columns) == 2 else None,
            is_controlled=controlled,
            repeats=len(arms[0].outcomes.variants([CONTROL])),
            logistic=logistic(arms, attacks) if self.with_logistic else None,
        )

    def log_odds(self, signs: Sequence[int], columns: list[list[float]]) -> Estimate:
        n = len(columns[0])

        def contrast(*solved: float) -> float:
            odds = (log((s + 0.5) / (n - s + 0.5)) for s in solved)
            return sum(sign * one for sign, one in zip(signs, odds, strict=True))

        return self.bootstrap.statistic(columns, contrast)


def _drops(
    by_arm: Sequence[Mapping[str, Term]],
) -> tuple[list[tuple[float, ...]], bool]:
    """Per problem each arm's drop; net of the control where all arms have one.

    Problems without a control are left out then.
    """
    rows = [[found[p] for found in by_arm] for p in sorted(by_arm[0])]
    controlled = [row for row in rows if all(t.control is not None for t in row)]
    has_control = bool(controlled)
    return [
        tuple(term.drop(is_controlled=has_control) for term in row)
        for row in controlled or rows
    ], has_control


def _signed(signs: Sequence[int], rows: Iterable[Sequence[float]]) -> list[float]:
    return [sum(s * x for s, x in zip(signs, row, strict=True)) for row in rows]


def _noise(variances: Iterable[float | None], problems: int) -> float | None:
    """The mean variance of a contrast by sampling: signs do not matter."""
    every = list(variances)
    known = [one for one in every if one is not None]
    return sum(known) / problems if len(known) == len(every) else None


def _flips(columns: Sequence[Sequence[float]]) -> Paired:
    first, second = columns
    pairs = list(zip(first, second, strict=True))
    worse, better = sum(a < b for a, b in pairs), sum(a > b for a, b in pairs)
    p = mcnemar_exact(worse, better)
    return Paired(worse=worse, better=better, n=len(pairs), p=p)


def _confounded(arms: Sequence[Arm]) -> str:
    styles = list(dict.fromkeys(arm.style for arm in arms))
    if len(styles) > 1:
        return f"prompt styles differ: {' and '.join(styles)}"
    differ, known = differing_prompts(arms)
    return f"{differ} of {known} prompts differ" if differ else ""


def _adjusted(effects: Sequence[Effect]) -> list[Effect]:
    tested = [one.p for one in effects if one.p is not None]
    adjusted = iter(benjamini_hochberg(tested))
    return [
        one if one.p is None else replace(one, adjusted_p=next(adjusted))
        for one in effects
    ]
