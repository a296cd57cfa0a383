"""Summary, views and cases -> one page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any
from urllib.parse import urlencode

from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.anatomy_sheets import overview, sheets
from pytest_selfinvoke.reports.contents import Contents, GateRow, Row
from pytest_selfinvoke.reports.highlights import COUNT, weakest_problems, worst_attacks
from pytest_selfinvoke.reports.html.cases import CaseList
from pytest_selfinvoke.reports.html.frame import mark
from pytest_selfinvoke.reports.html.plots import panels
from pytest_selfinvoke.reports.html.svg import SERIES
from pytest_selfinvoke.reports.published import PUBLISHED_HEADINGS, beside_table
from pytest_selfinvoke.reports.robustness import Assessed
from pytest_selfinvoke.reports.sound import SOUND_HEADINGS, sound_table
from pytest_selfinvoke.reports.summary import Cell

EXTRA = "html"
#: The plotting library's markers as characters, in the order of the series.
MARKS = "●■◆▲▼✚✖★"


def render(contents: Contents, cases: CaseList) -> bytes:
    """The page as a file's bytes."""
    jinja2 = require("jinja2", extra=EXTRA)
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(_file("page.html.j2"))
    markup = require("markupsafe", extra=EXTRA).Markup
    style, script = _file("page.css"), _file("page.js")
    text: str = template.render(
        **_context(contents, markup),
        style=markup(style),
        style_hash=_source_hash(style),
        script=markup(script),
        script_hash=_source_hash(script),
        index=cases.finish(contents.views.effects),
        chunks=cases.chunks,
    )
    # A name may hold half of a surrogate pair, which no file can.
    return text.encode("utf-8", "replace")


def _context(contents: Contents, markup: Any) -> dict[str, Any]:
    found = panels(contents)
    # The only markup that is not the template's own; labels in it were escaped as XML.
    drawings = {
        plot.id: markup(plot.drawing)
        for panel in found
        for plot in (*panel.left, *panel.right)
    }
    models = dict.fromkeys(row.model for row in contents.rows)
    return {
        "title": contents.title,
        "facts": contents.facts,
        "warnings": contents.warnings,
        "footer": contents.footer,
        "gates": [_gate(gate) for gate in contents.gates],
        "sound": sound_table(contents.cells, contents.sound),
        "sound_headings": [name.capitalize() for name in SOUND_HEADINGS],
        "published": beside_table(contents.published),
        "published_headings": [name.capitalize() for name in PUBLISHED_HEADINGS],
        "models": [_model(row) for row in contents.rows],
        "compared": bool(contents.assessed),
        "hurting": list(_hurting(contents.assessed)),
        "fragile": list(_fragile(contents.assessed)),
        "failures": _failures(contents.cells),
        "cells": _cells(contents.cells),
        "study": contents.study,
        "anatomy": [
            {"name": f"{one.model} on {one.benchmark}", "sheets": list(sheets(one))}
            for one in contents.anatomy
        ],
        "anatomy_overview": overview(contents.anatomy),
        "panels": found,
        "drawings": drawings,
        "marks": {
            model: {"colour": index % SERIES, "character": MARKS[mark(index)]}
            for index, model in enumerate(models)
        },
    }


def _model(row: Row) -> dict[str, str]:
    found = None if row.assessed is None else row.assessed.assessment
    families = () if found is None else found.families
    hardest = max(families, key=lambda family: family.rd.value or 0, default=None)
    hurts = hardest is not None and (hardest.rd.value or 0) > 0
    return {
        "model": row.model,
        "benchmark": row.benchmark,
        "clean": wording.share(row.rate),
        "clean_interval": wording.share_interval(row.rate),
        "robust": wording.share(row.robust),
        "robust_interval": wording.share_interval(row.robust),
        "drop": wording.share(row.drop),
        "drop_interval": wording.share_interval(row.drop),
        "control": wording.share(row.control),
        "hardest": f"{hardest.name}, {wording.share(hardest.rd)}"
        if hardest is not None and hurts
        else "–",
    }


def _gate(gate: GateRow) -> tuple[str, ...]:
    value, interval = (
        wording.share(gate.estimate),
        wording.share_interval(gate.estimate),
    )
    return gate.gate, gate.on, gate.ruling, gate.reason or "–", value, interval


def _hurting(assessed: Sequence[Assessed]) -> Iterator[dict[str, str]]:
    for hurt in worst_attacks(assessed)[:COUNT]:
        wanted = {"attack": hurt.attack.name, "verdict": "broken"}
        yield {
            "attack": hurt.attack.name,
            "on": hurt.on,
            "drop": wording.share(hurt.attack.rd),
            "interval": wording.share_interval(hurt.attack.rd),
            "link": _link(wanted),
        }


def _fragile(assessed: Sequence[Assessed]) -> Iterator[dict[str, Any]]:
    for one, fragile in weakest_problems(assessed)[:COUNT]:
        wanted = {
            "model": one.model,
            "benchmark": one.benchmark,
            "verdict": "broken",
            "text": f"::{fragile.problem}::",
        }
        yield {
            "name": fragile.problem,
            "on": f"{one.model} on {one.benchmark}",
            "breaking": len(fragile.broken_by),
            "attacks": fragile.attacks,
            "link": _link(wanted),
        }


def _link(wanted: Mapping[str, str]) -> str:
    """A link to the list of cases with these filters."""
    return f"#cases?{urlencode(wanted, errors='replace')}"


def _failures(cells: Sequence[Cell]) -> dict[str, Any] | None:
    models = list(dict.fromkeys(cell.model for cell in cells))
    counts: dict[str, dict[str, int]] = {}
    left_out: set[str] = set()
    for cell in cells:
        kinds = {**cell.failures, "not judged": cell.errors, **cell.skipped}
        left_out |= {"not judged", *cell.skipped}
        for kind, count in kinds.items():
            row = counts.setdefault(kind.replace("_", " "), dict.fromkeys(models, 0))
            row[cell.model] += count
    totals = {kind: sum(row.values()) for kind, row in counts.items()}
    order = [kind for kind, total in totals.items() if total]
    if not order:
        return None
    order.sort(key=lambda kind: (kind in left_out, -totals[kind]))
    rows = [(kind, *counts[kind].values()) for kind in order]
    return {"headings": ("Kind", *models), "rows": rows}


def _cells(cells: Sequence[Cell]) -> dict[str, Any]:
    beside = ["Beside the score"] if any(cell.remarks() for cell in cells) else []
    return {
        "headings": (
            *("Model", "Benchmark", "Attack", "Judged", "Solved", "pass@1"),
            *("95 % interval", "Not judged", "Skipped", *beside),
        ),
        "rows": [
            (
                cell.model,
                cell.benchmark,
                cell.attack,
                cell.judged,
                cell.solved,
                wording.percent(cell.pass_at_1),
                wording.interval(cell.interval),
                cell.errors,
                sum(cell.skipped.values()),
                *([", ".join(cell.remarks())] if beside else []),
            )
            for cell in cells
        ],
    }


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _source_hash(source: str) -> str:
    """What a content security policy names an inline script or style by."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
