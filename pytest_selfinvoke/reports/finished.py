"""Gates over runs that have ended, and the cases that nobody could judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.gates import Gate, Rule, Ruling
from pytest_selfinvoke.reports.gate_scope import Scope
from pytest_selfinvoke.reports.gates import Figures, Measured, measure_all, nowhere
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.robustness import RobustnessBuilder
from pytest_selfinvoke.reports.summary import Cell, SummaryBuilder


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Cases that could not be judged.

    ``uncounted`` are those that no gate is about, of a model and benchmark that has
    gates: they are missing in no denominator that decides. All others are ``counted``,
    and the run has failed.
    """

    counted: int
    uncounted: int

    @classmethod
    def of(cls, cells: Iterable[Cell], measured: Iterable[Measured]) -> Lost:
        """What is lost of the cells, with these gates."""
        counted = uncounted = 0
        gates: dict[tuple[str, str], set[str]] = {}
        for one in measured:
            gates.setdefault((one.model, one.benchmark), set()).update(one.counted)
        for cell in cells:
            about = gates.get((cell.model, cell.benchmark), {cell.attack})
            if cell.attack in about:
                counted += cell.errors
            else:
                uncounted += cell.errors
        return cls(counted=counted, uncounted=uncounted)

    def describe(self) -> str:
        """What is to be said of them, if there are any."""
        if self.counted:
            return f"exit status 1: {self.counted} cases could not be judged"
        if self.uncounted:
            return f"{self.uncounted} cases that no gate is about could not be judged"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What became of gates over finished runs."""

    measured: tuple[Measured, ...]
    lost: Lost

    def passes(self, *, skip_undecided: bool = False) -> bool:
        """Whether all is well; what could not be measured soundly never is.

        :param skip_undecided: whether a run that is too small to tell may pass.
        """
        return not self.lost.counted and all(
            one.ruling is Ruling.PASSED
            or (one.ruling is Ruling.UNDECIDED and skip_undecided and not one.blocked)
            for one in self.measured
        )


def judge_runs(runs: Sequence[Run], gates: Sequence[Gate], rule: Rule) -> Judged:
    """Judge gates over all records of the runs, as if they were of one.

    :raises UserError: if a gate is about nothing in the runs.
    :raises DataError: if records are broken, or the runs contradict each other.
    """
    _check_benchmarks(runs)
    summary, robustness, samples = SummaryBuilder(), RobustnessBuilder(), 1
    for record in _records(runs):
        summary.add(record)
        robustness.add(record)
        samples = max(samples, int(record.case.get("sample") or 0) + 1)
    cells = summary.cells()
    Scope(
        models=frozenset(cell.model for cell in cells),
        benchmarks=frozenset(cell.benchmark for cell in cells),
        attacks=frozenset(cell.attack for cell in cells),
        samples=samples,
    ).check(gates)
    nominal = {name: before for run in runs for name, before in run.nominal.items()}
    figures = Figures(
        summary=summary, cells=cells, robustness=robustness, nominal=nominal
    )
    measured = _measured(figures, gates, rule)
    if any(run.is_cut_off for run in runs):
        measured = tuple(map(_blocked, measured))
    return Judged(measured=measured, lost=Lost.of(cells, measured))


def _measured(
    figures: Figures, gates: Sequence[Gate], rule: Rule
) -> tuple[Measured, ...]:
    wanted = [
        (gate, rule, *pair)
        for pair in figures.pairs()
        for gate in gates
        if gate.applies_to(*pair)
    ]
    used = {gate for gate, *_ in wanted}
    left = tuple(nowhere(gate, rule) for gate in gates if gate not in used)
    return measure_all(figures, wanted) + left


def _blocked(one: Measured) -> Measured:
    why = "the run was cut off before its end"
    return replace(one, ruling=Ruling.UNDECIDED, reason=why, blocked=True)


def _records(runs: Iterable[Run]) -> Iterator[Record]:
    """All records; a case that several runs have is taken once if they agree."""
    found: dict[str, str] = {}
    for run in runs:
        for record in run.records():
            verdict = record.failure_kind or record.status.value
            known = found.get(record.id)
            if known is None:
                found[record.id] = verdict
                yield record
            elif known != verdict:
                raise DataError(
                    run.file,
                    f"{record.id} is {verdict} here and {known} in the runs before it: "
                    "gates are over parts of one run, or runs of other models",
                )


def _check_benchmarks(runs: Iterable[Run]) -> None:
    known: dict[str, str] = {}
    for run in runs:
        for name, digest in run.benchmarks.items():
            if known.setdefault(name, digest) != digest:
                raise DataError(run.file, f"another {name} than in the runs before it")
