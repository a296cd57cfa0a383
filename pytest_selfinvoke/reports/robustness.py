"""How much each attack costs a model: computed once from records, and as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.assessment import Assessment, Robustness, assess
from pytest_selfinvoke.metrics.budget import Bounds, robust_pass_bounds
from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.metrics.outcomes import NOT_RUN, Outcomes
from pytest_selfinvoke.metrics.robustness import scores

_COLUMNS = ("benchmark", "model", "problem", "attack", "attack_seed", "sample")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragile:
    """A problem that is solved nominally, and the attacks that break it.

    ``attacks`` counts those that the problem was judged under.
    """

    problem: str
    broken_by: tuple[str, ...]
    attacks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """One model on one benchmark. ``bounds`` are those of RP under a budget.

    ``fragile`` has all problems that some attack breaks; those that most attacks break
    come first.
    """

    model: str
    benchmark: str
    assessment: Assessment
    bounds: Bounds | None = None
    fragile: tuple[Fragile, ...] = ()


class RobustnessBuilder:
    """Takes records one by one and keeps what robustness is computed from."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[Record]] = {}
        self._found: dict[tuple[str, str, int], Assessed] = {}

    def add(self, record: Record) -> None:
        """Keep what counts of a record."""
        self._found.clear()
        case = record.case
        key = (str(case["model"]), str(case["benchmark"]))
        self._records.setdefault(key, []).append(without_texts(record))

    def assessed(self, nominal: Mapping[str, str]) -> tuple[Assessed, ...]:
        """All models and benchmarks on which there was an attack, in order.

        :param nominal: attack -> the attack name of its nominal variant; attacks come
            in its order.
        """
        found = (self.of(*key, nominal) for key in sorted(self._records))
        # An attack of which nothing was judged stands in the table of counts alone.
        return tuple(
            replace(one, assessment=replace(one.assessment, attacks=attacks))
            for one in found
            if (attacks := _judged(one.assessment))
        )

    def of(
        self, model: str, benchmark: str, nominal: Mapping[str, str], k: int = 1
    ) -> Assessed:
        """One model on one benchmark, computed once for the records so far."""
        key = (model, benchmark, k)
        if key not in self._found:
            records = self._records.get((model, benchmark), [])
            self._found[key] = _assessed(model, benchmark, records, nominal, k)
        return self._found[key]


def without_texts(record: Record) -> Record:
    """A record's columns and verdict: what :func:`outcomes_of` reads."""
    return Record(
        case={name: record.case[name] for name in _COLUMNS},
        status=record.status,
        verdict=record.verdict,
        detail=NOT_RUN if record.detail.startswith(NOT_RUN) else "",
    )


def outcomes_of(records: list[Record], nominal: Mapping[str, str]) -> Outcomes:
    """The table of one model on one benchmark; sorts the records.

    :param nominal: attack -> the attack name of its nominal variant.
    """
    names = {str(record.case["attack"]) for record in records}
    known = {name: nominal[name] for name in names if name in nominal}
    # Not by arrival: with workers that changes from run to run.
    order = {name: number for number, name in enumerate(nominal)}
    last = len(order)
    records.sort(key=lambda record: order.get(str(record.case["attack"]), last))
    return Outcomes.from_records(records, nominal=known)


def _judged(assessment: Assessment) -> tuple[Robustness, ...]:
    return tuple(one for one in assessment.attacks if one.rp.value is not None)


def _assessed(
    model: str,
    benchmark: str,
    records: list[Record],
    nominal: Mapping[str, str],
    k: int,
) -> Assessed:
    outcomes = outcomes_of(records, nominal)
    bounds = None
    if any(record.detail == NOT_RUN for record in records):
        problems = sorted({str(record.case["problem"]) for record in records})
        variants = outcomes.variants(outcomes.attacks)
        bounds = robust_pass_bounds(outcomes, variants, problems)
    return Assessed(
        model=model,
        benchmark=benchmark,
        assessment=assess(outcomes, k=k),
        bounds=bounds,
        fragile=_fragile(outcomes),
    )


def _fragile(outcomes: Outcomes) -> tuple[Fragile, ...]:
    judged: Counter[str] = Counter()
    broken: dict[str, list[str]] = {}
    for attack in outcomes.attacks:
        nominal, variants = outcomes.nominal_of([attack]), outcomes.variants([attack])
        for score in scores(outcomes, nominal, variants):
            judged[score.problem] += 1
            if score.broken > 0:
                broken.setdefault(score.problem, []).append(attack)
    return tuple(
        Fragile(problem=problem, broken_by=tuple(by), attacks=judged[problem])
        for problem, by in sorted(broken.items(), key=lambda one: (-len(one[1]), one))
    )


def robustness_table(assessed: Assessed) -> Iterator[str]:
    """The table of one model on one benchmark, at most 80 characters wide."""
    found = assessed.assessment
    yield f"robustness of {assessed.model} on {assessed.benchmark}, in %"
    yield (
        f"{'attack':<33} {'RP':>5} {'drop [95 % interval]':>20} {'net':>6}"
        f" {'-/+':>6} {'p':>5}"
    )
    families: dict[str, list[Robustness]] = {}
    for attack in found.attacks:
        families.setdefault(Variant(attack=attack.name).family, []).append(attack)
    totals = {family.name: family for family in found.families}
    for name, attacks in families.items():
        yield from map(_row, attacks)
        if len(attacks) > 1 and name in totals and len(families) > 1:
            yield _row(totals[name], f"{name}: any of them")
    if found.worst is not None and len(found.attacks) > 1:
        yield _row(found.worst, "any attack")
    if found.control is not None:
        yield _row(found.control)
    if assessed.bounds is not None and assessed.bounds.low is not None:
        low, high = assessed.bounds.low, assessed.bounds.high or 0.0
        yield (
            f"RP under all attacks lies between {100 * low:.1f} and {100 * high:.1f} %:"
            f" the budget left {assessed.bounds.open} problems open"
        )


def _row(one: Robustness, name: str = "") -> str:
    name = name or one.name
    flips = f"{_share(one.broken)}/{_share(one.repaired)}"
    p = "-" if one.adjusted_p is None else f"{one.adjusted_p:.3f}"
    net = "-" if one.net_drop is None else _number(one.net_drop)
    return (
        f"{name if len(name) <= 33 else name[:30] + '...':<33} {_number(one.rp):>5}"
        f" {with_interval(one.rd):>20} {net:>6} {flips:>6} {p:>5}"
    )


def _number(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{100 * estimate.value:.1f}"


def _share(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{100 * estimate.value:.0f}"


def with_interval(estimate: Estimate) -> str:
    """An estimate in percent, for tables."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{_number(estimate)} (too few: {estimate.n})"
    return f"{_number(estimate)} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
