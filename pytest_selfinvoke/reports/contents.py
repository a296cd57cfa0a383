"""What every report of a finished run is made from, computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import CLEAN
from pytest_selfinvoke.metrics.assessment import Robustness
from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.reports.anatomy import AnatomyBuilder, Dissected
from pytest_selfinvoke.reports.published import Beside
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.robustness import Assessed, RobustnessBuilder
from pytest_selfinvoke.reports.routing import RoutingBuilder, RoutingSummary
from pytest_selfinvoke.reports.sound import SoundBuilder
from pytest_selfinvoke.reports.study_text import Block, blocks_of
from pytest_selfinvoke.reports.summary import Cell, SummaryBuilder
from pytest_selfinvoke.reports.terminal import judges
from pytest_selfinvoke.reports.views import ViewBuilder, Views
from pytest_selfinvoke.results.routing import has_routing


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model on one benchmark: under the clean prompt, and under attack."""

    model: str
    benchmark: str
    clean: Cell | None
    assessed: Assessed | None

    @property
    def rate(self) -> Estimate:
        """pass@1 of the clean prompt."""
        if self.clean is None or self.clean.pass_at_1 is None:
            return Estimate(value=None)
        interval = self.clean.interval
        return Estimate(
            value=self.clean.pass_at_1,
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            n=self.clean.problems,
        )

    @property
    def worst(self) -> Robustness | None:
        """The worst case over all attacks."""
        return None if self.assessed is None else self.assessed.assessment.worst

    @property
    def robust(self) -> Estimate | None:
        """Robust pass@1 over all attacks."""
        return None if self.worst is None else self.worst.rp

    @property
    def drop(self) -> Estimate | None:
        """The share of the nominal solutions that some attack takes away."""
        return None if self.worst is None else self.worst.rd

    @property
    def control(self) -> Estimate | None:
        """The share that repeating the clean prompt takes away."""
        return None if self.worst is None else self.worst.control


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    """What became of a gate on one model and benchmark."""

    gate: str
    on: str
    ruling: str
    estimate: Estimate
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Numbers, and what is said about the run as a whole."""

    title: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    footer: str
    cells: tuple[Cell, ...]
    rows: tuple[Row, ...]
    gates: tuple[GateRow, ...]
    anatomy: tuple[Dissected, ...]
    published: tuple[Beside, ...] = ()
    sound: tuple[Cell, ...] = ()
    views: Views
    study: tuple[Block, ...] = ()
    routing: tuple[RoutingSummary, ...] = ()

    @property
    def assessed(self) -> tuple[Assessed, ...]:
        """The rows' robustness, where there is any."""
        return tuple(row.assessed for row in self.rows if row.assessed is not None)


class Tallies:
    """Takes the records of a run one by one: what every report is counted from.

    :param unsound: benchmark -> problems of a quarantine list.
    :param routing: whether the run reads routers.
    """

    def __init__(
        self,
        unsound: Mapping[str, Sequence[str]] | None = None,
        *,
        routing: bool = False,
    ) -> None:
        self.sound = SoundBuilder(unsound or {})
        self.count = 0
        self.summary = SummaryBuilder()
        self.robustness = RobustnessBuilder()
        self.anatomy = AnatomyBuilder()
        self.views = ViewBuilder()
        self.routing = RoutingBuilder() if routing else None

    def add(self, record: Record) -> None:
        """Count one record."""
        self.count += 1
        self.summary.add(record)
        self.robustness.add(record)
        self.anatomy.add(record)
        self.views.add(record)
        if self.routing is not None:
            self.routing.add(record)
        self.sound.add(record)


def contents(run: Run, *takers: Callable[[Record], object]) -> Contents:
    """Read a run's records once.

    :param takers: are given each record on the way.
    :raises DataError: if the records cannot be read.
    """
    unsound = run.manifest.get("unsound", {})
    tallies = Tallies(unsound, routing=has_routing(run.path))
    for record in run.records():
        tallies.add(record)
        for take in takers:
            take(record)
    return contents_of(run, tallies)


def contents_of(run: Run, tallies: Tallies) -> Contents:
    """What was counted of a run's records."""
    cells = tallies.summary.cells()
    facts = [("Run", run.name), ("Cases", f"{tallies.count:,}")]
    facts += _facts(run.manifest)
    version = run.manifest.get("versions", {}).get("pytest-selfinvoke", "")
    return Contents(
        title=_title(cells),
        facts=tuple(facts),
        warnings=(*run.warnings, *judges(tallies.summary.judges)),
        footer=f"pytest-selfinvoke {version}".strip(),
        cells=cells,
        gates=tuple(_gate(gate) for gate in run.manifest.get("gates", ())),
        sound=tallies.sound.cells(),
        published=tuple(map(Beside.from_json, run.manifest.get("published", ()))),
        study=blocks_of(run),
        routing=()
        if tallies.routing is None
        else tallies.routing.summaries(run.path, run.nominal),
        rows=_rows(cells, tallies.robustness.assessed(run.nominal)),
        anatomy=tallies.anatomy.dissected(),
        views=tallies.views.views(run.nominal),
    )


def _rows(cells: Sequence[Cell], assessed: Iterable[Assessed]) -> tuple[Row, ...]:
    robust = {(one.model, one.benchmark): one for one in assessed}
    clean = {(c.model, c.benchmark): c for c in cells if c.attack == CLEAN.attack}
    keys = dict.fromkeys((c.model, c.benchmark) for c in cells if c.judged)
    return tuple(
        Row(
            model=model,
            benchmark=benchmark,
            clean=clean.get((model, benchmark)),
            assessed=robust.get((model, benchmark)),
        )
        for model, benchmark in keys
    )


def _gate(data: Mapping[str, Any]) -> GateRow:
    estimate = Estimate(
        value=data["value"], low=data["low"], high=data["high"], n=data["n"]
    )
    return GateRow(
        gate=data["gate"],
        on=" on ".join(name for name in (data["model"], data["benchmark"]) if name),
        ruling=data["ruling"],
        estimate=estimate,
        reason=data["reason"],
    )


def _title(cells: Iterable[Cell]) -> str:
    models = list(dict.fromkeys(cell.model for cell in cells))
    benchmarks = list(dict.fromkeys(cell.benchmark for cell in cells))
    if not models:
        return "A run without cases"
    who = models[0] if len(models) == 1 else f"{len(models)} models"
    return f"{who} on {', '.join(benchmarks)}"


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What matters of the manifest; one that was cut off has less."""
    plans = manifest.get("plans") or [{}]
    sampling = plans[0].get("sampling") or {}
    isolation = manifest.get("isolation") or {}
    found = {
        "Seed": plans[0].get("seed"),
        "Temperature": sampling.get("temperature"),
        "Sandbox": isolation.get("tier"),
        "Python": manifest.get("python"),
        "Arguments": " ".join(manifest.get("arguments", ())),
    }
    return [
        (name, str(value)) for name, value in found.items() if value not in (None, "")
    ]
