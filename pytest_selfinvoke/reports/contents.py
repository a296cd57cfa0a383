"""What every report of a finished run is made from, computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.summary import Cell, SummaryBuilder
from pytest_selfinvoke.reports.terminal import judges
from pytest_selfinvoke.reports.views import ViewBuilder, Views


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Numbers, and what is said about the run as a whole."""

    title: str
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    footer: str
    cells: tuple[Cell, ...]
    views: Views


def contents(run: Run, *takers: Callable[[Record], object]) -> Contents:
    """Read a run's records once.

    :param takers: are given each record on the way.
    :raises DataError: if the records cannot be read.
    """
    summary, views = SummaryBuilder(), ViewBuilder()
    count = 0
    for record in run.records():
        count += 1
        summary.add(record)
        views.add(record)
        for take in takers:
            take(record)
    cells = summary.cells()
    facts = [("Run", run.name), ("Cases", f"{count:,}")]
    facts += _facts(run.manifest)
    version = run.manifest.get("versions", {}).get("pytest-selfinvoke", "")
    return Contents(
        title=_title(cells),
        facts=tuple(facts),
        warnings=(*run.warnings, *judges(summary.judges)),
        footer=f"pytest-selfinvoke {version}".strip(),
        cells=cells,
        views=views.views(),
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
