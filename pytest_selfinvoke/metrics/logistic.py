"""A logistic model beside the differences: the same contrast in log-odds of an answer.

Generalised estimating equations (Liang and Zeger 1986, Biometrika 73:13-22) with
problems as clusters, independence as working correlation, and the covariance corrected
for few clusters (Mancl and DeRouen 2001, Biometrics 57:126-134), as statsmodels has
them. Every answer is a row, repetitions of the clean prompt among those that are not
attacked: it is about the average variant, where robust pass@1 is about the worst.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite, prod

from pytest_selfinvoke.core.imports import check_installed, require
from pytest_selfinvoke.metrics.estimate import MINIMUM, Estimate
from pytest_selfinvoke.metrics.intervals import Z95
from pytest_selfinvoke.metrics.outcomes import CONTROL
from pytest_selfinvoke.metrics.pairing import Arm

EXTRA = "study"
#: The levels of two models (+, -), and of four (+, -, -, +), by position.
_LEVELS = {2: ((1,), (0,)), 4: ((1, 1), (0, 1), (1, 0), (0, 0))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """The product term of attack and factors, in log-odds of a right answer.

    Below zero the attack costs more. ``reason`` says why there is no estimate.
    """

    estimate: Estimate
    p: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    problem: str
    levels: tuple[int, ...]
    solved: bool


def logistic(arms: Sequence[Arm], attacks: Sequence[str]) -> Logistic:
    """Fit the model to paired arms, in the order of a comparison's terms.

    :raises MissingExtraError: without statsmodels.
    """
    check_installed("statsmodels", extra=EXTRA)
    rows = [
        row
        for levels, arm in zip(_LEVELS[len(arms)], arms, strict=True)
        for row in _rows(arm, levels, attacks)
    ]
    numbers = {p: i for i, p in enumerate(sorted({row.problem for row in rows}))}
    if reason := _obstacle(rows, len(numbers)):
        return Logistic(estimate=Estimate(value=None, n=len(numbers)), reason=reason)
    # A matrix in the order of problems, as the estimator wants clusters.
    rows.sort(key=lambda row: row.problem)
    with warnings.catch_warnings():
        # Of the libraries about each other, and of fits that the result tells of.
        warnings.simplefilter("ignore")
        numpy = require("numpy", extra=EXTRA)
        api = require("statsmodels.api", extra=EXTRA)
        fitted = api.GEE(
            numpy.array([float(row.solved) for row in rows]),
            numpy.array([list(_products(row.levels)) for row in rows]),
            groups=numpy.array([numbers[row.problem] for row in rows]),
            family=api.families.Binomial(),
            cov_struct=api.cov_struct.Independence(),
        ).fit(cov_type="bias_reduced")
        value, error = float(fitted.params[-1]), float(fitted.bse[-1])
    if not fitted.converged or not isfinite(error):
        reason = "the fit did not converge"
        return Logistic(estimate=Estimate(value=None, n=len(numbers)), reason=reason)
    return Logistic(
        estimate=Estimate(
            value=value,
            low=value - Z95 * error,
            high=value + Z95 * error,
            n=len(numbers),
        ),
        p=float(fitted.pvalues[-1]),
    )


def _rows(arm: Arm, levels: tuple[int, ...], attacks: Sequence[str]) -> Iterator[_Row]:
    outcomes = arm.outcomes
    attacked = outcomes.variants(attacks)
    problems = {p for variant in attacked for p in outcomes.solved[variant]}
    nominal = {outcomes.nominal_of([attack]) for attack in attacks}
    calm = [*sorted(nominal, key=lambda v: v.id), *outcomes.variants([CONTROL])]
    for is_attacked, variants in ((0, calm), (1, attacked)):
        for variant in variants:
            for problem in problems & outcomes.solved.get(variant, {}).keys():
                for solved in outcomes.samples(variant, problem):
                    if solved is not None:
                        yield _Row(
                            problem=problem,
                            levels=(is_attacked, *levels),
                            solved=solved,
                        )


def _obstacle(rows: Sequence[_Row], problems: int) -> str:
    if problems < MINIMUM:
        return f"too few problems: {problems}"
    seen: dict[tuple[int, ...], set[bool]] = defaultdict(set)
    for row in rows:
        seen[row.levels].add(row.solved)
    if len(seen) < 2 ** len(rows[0].levels):
        return "a model has no answers with, or without, attack"
    if any(len(both) < 2 for both in seen.values()):
        return "all answers of a model are right, or all wrong: the odds have no end"
    return ""


def _products(levels: tuple[int, ...]) -> Iterator[float]:
    """1, each level, and all their products; that of all of them comes last."""
    for size in range(len(levels) + 1):
        for chosen in combinations(levels, size):
            yield float(prod(chosen))
