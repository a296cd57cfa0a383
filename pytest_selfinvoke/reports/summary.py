"""Every number that any report prints, computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.estimate import Bootstrap, Estimate
from pytest_selfinvoke.metrics.intervals import Interval, clustered_wilson
from pytest_selfinvoke.metrics.outcomes import NOT_RUN
from pytest_selfinvoke.metrics.passk import pass_at_k


@dataclass(slots=True)
class Covered:
    """Statements and branches of the solved programs of a cell, and those reached.

    ``whole`` of ``programs`` have no statement that was not reached.
    """

    programs: int = 0
    whole: int = 0
    lines: int = 0
    lines_reached: int = 0
    branches: int = 0
    branches_reached: int = 0

    def add(self, coverage: Mapping[str, Any]) -> None:
        """Count one program."""
        self.programs += 1
        self.whole += coverage["lines"] == coverage["lines_reached"]
        for name in ("lines", "lines_reached", "branches", "branches_reached"):
            setattr(self, name, getattr(self, name) + coverage[name])

    def describe(self) -> str:
        """One clause for people."""
        text = f"tests reach {_share(self.lines_reached, self.lines)} of lines"
        if self.branches:
            share = _share(self.branches_reached, self.branches)
            text += f" and {share} of branches"
        return f"{text} of what is solved, all lines in {self.whole} of {self.programs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Loss of the reference answers of a cell, in nats per token: means over problems.

    ``before`` and after their prompts' embeddings moved; ``gain`` is the difference.
    """

    before: float
    gain: Estimate

    def describe(self) -> str:
        """One clause for people."""
        gain = self.gain
        assert gain.value is not None
        text = f"loss of the reference {self.before:.3f} {gain.value:+.3f}"
        if gain.low is not None and gain.high is not None:
            text += f" [{gain.low:+.3f}, {gain.high:+.3f}]"
        return f"{text} nats a token"


def _share(reached: int, total: int) -> str:
    return f"{100 * reached / total:.1f} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One model on one benchmark under one attack.

    ``judged`` and ``solved`` count cases, ``problems`` counts problems with at least
    one judged case. ``pass_at_1`` is the mean over problems, ``None`` where there are
    none; not-judged cases (``errors``; ``skipped``, by reason) are in no denominator.
    ``raw_pass_at_1`` is that of answers as they stand, where those were judged too;
    ``loss`` is there where an attack moved embeddings.
    """

    model: str
    benchmark: str
    attack: str
    judged: int
    solved: int
    errors: int
    skipped: Mapping[str, int]
    problems: int
    pass_at_1: float | None
    interval: Interval | None
    failures: Mapping[str, int]
    raw_pass_at_1: float | None = None
    covered: Covered | None = None
    loss: Loss | None = None

    def remarks(self) -> list[str]:
        """What is known beside the score, in clauses."""
        raw = self.raw_pass_at_1
        found = [] if raw is None else [f"raw answers {100 * raw:.1f} %"]
        return [*found, *(x.describe() for x in (self.covered, self.loss) if x)]


@dataclass(slots=True)
class _Tally:
    """What is counted for one cell while records arrive."""

    per_problem: dict[str, list[int]] = field(default_factory=dict)
    raw: dict[str, list[int]] = field(default_factory=dict)
    covered: Covered = field(default_factory=Covered)
    losses: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


class SummaryBuilder:
    """Takes records one by one and keeps counts only."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str, str], _Tally] = {}
        #: How many programs were judged ``apart`` and ``inline``, and how many of the
        #: latter passed too few controls (``weak``).
        self.judges: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Count one record."""
        case = record.case
        if record.execution is not None:
            self.judges[str(record.execution.get("judge"))] += 1
            notes = record.execution.get("notes", ())
            self.judges["weak"] += any(note.startswith("weak") for note in notes)
        key = (str(case["model"]), str(case["benchmark"]), str(case["attack"]))
        tally = self._tallies.setdefault(key, _Tally())
        if record.judged:
            counts = tally.per_problem.setdefault(str(case["problem"]), [0, 0])
            counts[0] += 1
            counts[1] += record.solved
            if losses := (record.completion or {}).get("reference_loss"):
                tally.losses.setdefault(str(case["problem"]), []).append(losses)
            if record.coverage is not None and record.solved:
                tally.covered.add(record.coverage)
            if record.raw_verdict is not None:
                raw = tally.raw.setdefault(str(case["problem"]), [0, 0])
                raw[0] += 1
                raw[1] += record.raw_verdict is Verdict.SOLVED
            if not record.solved:
                tally.failures[record.failure_kind] += 1
        elif record.status.value == "skipped":
            tally.skipped[_why(record.detail)] += 1
        else:
            tally.errors += 1

    def cells(self) -> tuple[Cell, ...]:
        """The cells by model, benchmark and attack, clean first."""
        # Not by arrival: with workers that changes from run to run.
        ordered = sorted(
            self._tallies.items(),
            key=lambda item: (item[0][:2], item[0][2] != "clean", item[0][2]),
        )
        return tuple(_cell(key, tally) for key, tally in ordered)

    def counts(
        self, model: str, benchmark: str, attack: str
    ) -> tuple[tuple[int, int], ...]:
        """Judged and solved cases of each problem of a cell."""
        tally = self._tallies.get((model, benchmark, attack), _Tally())
        return tuple((n, c) for n, c in tally.per_problem.values())

    def pass_at(self, model: str, benchmark: str, attack: str, k: int) -> Estimate:
        """pass@k of a cell, over the problems with at least ``k`` judged cases."""
        return _pass_at(self.counts(model, benchmark, attack), k)


def _why(detail: str) -> str:
    """Why a case was skipped, in a word or two."""
    if detail.startswith(NOT_RUN):
        return "left out by the budget"
    if " gives no gradients: " in detail:
        return "no gradients"
    found = [why for why in ("inert", "broken") if detail.startswith(f"{why} variant")]
    return found[0] if found else "not applicable"


def summarise(records: Iterable[Record]) -> tuple[Cell, ...]:
    """The cells of a finished run."""
    builder = SummaryBuilder()
    for record in records:
        builder.add(record)
    return builder.cells()


def _cell(key: tuple[str, str, str], tally: _Tally) -> Cell:
    estimate = _pass_at(tally.per_problem.values(), 1)
    interval = None
    if estimate.low is not None and estimate.high is not None:
        interval = Interval(low=estimate.low, high=estimate.high)
    model, benchmark, attack = key
    return Cell(
        model=model,
        benchmark=benchmark,
        attack=attack,
        judged=sum(n for n, _ in tally.per_problem.values()),
        solved=sum(c for _, c in tally.per_problem.values()),
        errors=tally.errors,
        skipped=dict(tally.skipped),
        problems=estimate.n,
        pass_at_1=estimate.value,
        interval=interval,
        failures=dict(tally.failures.most_common()),
        raw_pass_at_1=_pass_at(tally.raw.values(), 1).value,
        covered=tally.covered if tally.covered.lines else None,
        loss=_loss(tally.losses.values()) if tally.losses else None,
    )


def _loss(problems: Iterable[Sequence[tuple[float, float]]]) -> Loss:
    means = [
        [fmean(column) for column in zip(*pairs, strict=True)] for pairs in problems
    ]
    gains = [after - before for before, after in means]
    bootstrap = Bootstrap().statistic([gains], lambda total: total / len(gains))
    return Loss(before=fmean(before for before, _ in means), gain=bootstrap)


def _pass_at(counts: Iterable[Sequence[int]], k: int) -> Estimate:
    rates = [pass_at_k(n, c, k) for n, c in counts if n >= k]
    if not rates:
        return Estimate(value=None)
    interval = clustered_wilson(rates)
    return Estimate(
        value=sum(rates) / len(rates),
        low=interval.low,
        high=interval.high,
        n=len(rates),
    )
