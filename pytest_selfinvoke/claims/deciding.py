"""Decide a claim: its effect, the effect's interval, and what follows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.claims.claim import Claim, Rows
from pytest_selfinvoke.claims.evidence import Evidence, Figure, NoDataError
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.metrics.claims import (
    ClaimVerdict,
    Effect,
    newcombe,
    signed_rank,
    within,
)
from pytest_selfinvoke.metrics.estimate import Bootstrap
from pytest_selfinvoke.metrics.intervals import wilson

_ALL = (-100.0, 100.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a claim, and the rows that decided it."""

    claim: Claim
    verdict: ClaimVerdict
    reason: str
    effect: Effect | None = None
    rows: tuple[str, ...] = ()


def decide(
    claim: Claim,
    evidence: Evidence | None,
    problems: Mapping[str, Sequence[Problem]] | None = None,
) -> Decision:
    """Decide one claim.

    :param evidence: of the claim's source; ``None`` if nothing was given.
    :param problems: of the benchmarks at hand, by name.
    :raises UserError: if the claim names a column, model or group that is not there.
    """
    try:
        if claim.kind == "statement":
            raise NoDataError("no figure and no case can show it")
        if claim.kind == "tasks":
            return _tasks(claim, problems or {})
        if evidence is None:
            raise NoDataError(f"there are no {_GIVEN[claim.where]}")
        return _KINDS[claim.kind](claim, evidence)
    except NoDataError as error:
        return Decision(claim=claim, verdict=ClaimVerdict.NO_DATA, reason=str(error))


_GIVEN = {
    "published": "published results: name a file with --published=FILE",
    "runs": "runs: name them in the file, runs = [RUN_DIR, ...]",
}


def _value(claim: Claim, evidence: Evidence) -> Decision:
    """A published figure is what it is; a rate of cases is decided by its interval."""
    figure = evidence.figure(claim.of)
    if figure.by_problem:
        effect = _mean(figure.by_problem)
        return _decided(claim, effect, within(effect, claim.low, claim.high), figure)
    # Two figures with one place each: what is left over is the machine's rounding.
    holds = claim.low - 1e-9 <= figure.value <= claim.high + 1e-9
    verdict = ClaimVerdict.SUPPORTED if holds else ClaimVerdict.REFUTED
    effect = Effect(value=figure.value, n=figure.n or 0)
    if figure.n:
        rate = wilson(figure.value / 100, figure.n)
        low, high = 100 * rate.low, 100 * rate.high
        effect = Effect(value=figure.value, low=low, high=high, n=figure.n)
    return _decided(claim, effect, verdict, figure)


def _order(claim: Claim, evidence: Evidence) -> Decision:
    one, two = evidence.figure(claim.of), evidence.figure(claim.than)
    effect = Effect(value=one.value - two.value)
    if one.by_problem:
        effect = _mean(_subtracted(one, two))
    elif one.n and two.n:
        low, high = newcombe(one.value / 100, one.n, two.value / 100, two.n)
        n = min(one.n, two.n)
        effect = Effect(value=effect.value, low=100 * low, high=100 * high, n=n)
    verdict = within(effect, claim.low, claim.high)
    return _decided(claim, effect, verdict, one, two)


def _difference(claim: Claim, evidence: Evidence) -> Decision:
    return _paired(claim, evidence, [(claim.of, 1)])


def _interaction(claim: Claim, evidence: Evidence) -> Decision:
    return _paired(claim, evidence, [(claim.of, 1), (claim.against, -1)])


def _paired(
    claim: Claim, evidence: Evidence, sides: Sequence[tuple[Rows, int]]
) -> Decision:
    """The mean over pairs of (with - without), with signs over sides.

    The units are pairs where only figures are at hand: their mean is of those pairs,
    and the interval is one of Wilcoxon's test. With cases, the units are problems.
    """
    figures: list[Figure] = []
    values: list[float] = []
    by_problem: list[Mapping[str, float]] = []
    left: list[str] = []
    for without, with_ in claim.pairs:
        signed: list[tuple[Figure, int]] = []
        try:
            for rows, sign in sides:
                signed += [
                    (evidence.figure({**rows, "model": with_}), sign),
                    (evidence.figure({**rows, "model": without}), -sign),
                ]
        except NoDataError as error:
            left.append(str(error))
            continue
        figures += [figure for figure, _ in signed]
        values.append(sum(sign * figure.value for figure, sign in signed))
        by_problem.append(_contrast(signed))
    if not values:
        raise NoDataError(left[0] if left else "the claim names no pairs")
    if any(by_problem):
        effect = _mean(_averaged(by_problem))
    else:
        mean, n = sum(values) / len(values), len(values)
        low, high = signed_rank(values) or (None, None)
        effect = Effect(value=mean, low=low, high=high, n=n, unit="pairs")
    verdict = within(effect, claim.low, claim.high)
    return _decided(claim, effect, verdict, *figures, left=left)


def _contrast(signed: Sequence[tuple[Figure, int]]) -> dict[str, float]:
    """The signed sum for each problem that all figures have."""
    common = set.intersection(*(set(figure.by_problem) for figure, _ in signed))
    return {
        name: sum(sign * figure.by_problem[name] for figure, sign in signed)
        for name in sorted(common)
    }


def _subtracted(one: Figure, two: Figure) -> dict[str, float]:
    return _contrast([(one, 1), (two, -1)])


def _averaged(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean over pairs of models, for each problem that all pairs have."""
    common = set.intersection(*map(set, tables))
    return {
        name: sum(table[name] for table in tables) / len(tables)
        for name in sorted(common)
    }


def _mean(by_problem: Mapping[str, float]) -> Effect:
    if not by_problem:
        raise NoDataError("no problem was judged on all sides")
    found = Bootstrap().mean(list(by_problem.values()), bounds=_ALL)
    assert found.value is not None
    return Effect(value=found.value, low=found.low, high=found.high, n=found.n)


def _decided(
    claim: Claim,
    effect: Effect,
    verdict: ClaimVerdict,
    *figures: Figure,
    left: Sequence[str] = (),
) -> Decision:
    wanted = _wanted(claim)
    reason = f"{verdict.value}: {effect}; claimed is {wanted}"
    rows = [row for figure in figures for row in figure.rows]
    return Decision(
        claim=claim,
        verdict=verdict,
        reason=reason,
        effect=effect,
        rows=(*dict.fromkeys(rows), *(f"left out: {text}" for text in left)),
    )


def _wanted(claim: Claim) -> str:
    if claim.low == float("-inf"):
        return f"below {claim.high:g}"
    if claim.high == float("inf"):
        return f"above {claim.low:g}"
    if claim.kind == "value":
        centre, width = (claim.low + claim.high) / 2, (claim.high - claim.low) / 2
        return f"{centre:.4g} within {width:.4g}"
    return f"from {claim.low:g} to {claim.high:g}"


def _tasks(claim: Claim, problems: Mapping[str, Sequence[Problem]]) -> Decision:
    """Whether every problem of a benchmark has what is claimed."""
    if claim.benchmark not in problems:
        what = f"benchmark {claim.benchmark} is not at hand: give --benchmark"
        raise NoDataError(f"{what}={claim.benchmark}=FILE")
    of = problems[claim.benchmark]
    without = {
        part: [problem.id for problem in of if not _PARTS[part](problem)]
        for part in claim.have
    }
    rows = tuple(
        f"{claim.benchmark}: {len(of) - len(ids)} of {len(of)} have a {part}"
        + (f"; not {', '.join(ids[:5])}" if ids else "")
        for part, ids in without.items()
    )
    bad = {problem for ids in without.values() for problem in ids}
    verdict = ClaimVerdict.REFUTED if bad else ClaimVerdict.SUPPORTED
    share = 100 * (len(of) - len(bad)) / len(of)
    return Decision(
        claim=claim,
        verdict=verdict,
        reason=f"{verdict.value}: {len(of) - len(bad)} of {len(of)} problems have "
        f"{' and '.join(claim.have)}",
        effect=Effect(value=share, low=share, high=share, n=len(of)),
        rows=rows,
    )


def _has_function(problem: Problem) -> bool:
    """Whether the prompt begins the function that is asked for."""
    return f"def {problem.target.entry_point}" in problem.target.prompt


def _has_tests(problem: Problem) -> bool:
    tree = ast.parse(problem.target.tests)
    return any(isinstance(node, ast.Assert) for node in ast.walk(tree))


_PARTS: dict[str, Callable[[Problem], bool]] = {
    "function": _has_function,
    "tests": _has_tests,
    "base function": lambda problem: problem.base is not None,
}

_KINDS: dict[str, Callable[[Claim, Evidence], Decision]] = {
    "value": _value,
    "order": _order,
    "difference": _difference,
    "interaction": _interaction,
}
