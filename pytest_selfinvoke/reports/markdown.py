"""Contents -> Markdown, for pull requests and the summary page of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.anatomy import Dissected
from pytest_selfinvoke.reports.anatomy_sheets import Sheet, overview, sheets
from pytest_selfinvoke.reports.contents import Contents, GateRow, Row
from pytest_selfinvoke.reports.highlights import COUNT, weakest_problems, worst_attacks
from pytest_selfinvoke.reports.published import PUBLISHED_HEADINGS, beside_table
from pytest_selfinvoke.reports.routing import RoutingSummary
from pytest_selfinvoke.reports.routing_table import (
    KINDS,
    auc,
    cost,
    evenness_line,
    millibits,
    number,
)
from pytest_selfinvoke.reports.sound import SOUND_HEADINGS, sound_table
from pytest_selfinvoke.reports.study_text import Block
from pytest_selfinvoke.reports.summary import Cell

#: Everything that Markdown, or the HTML in it, could take for markup.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&@])")
_BLANKS = re.compile(r"\s+")
#: A longer table does not help on a summary page, which holds a megabyte at most.
_ROWS = 200


def markdown(contents: Contents) -> str:
    """The whole report."""
    facts = ", ".join(
        f"{name.lower()} {escape(value)}" for name, value in contents.facts
    )
    lines = [f"## {escape(contents.title)}", "", facts, ""]
    lines += [f"> {escape(warning)}\n" for warning in contents.warnings]
    lines += _gates(contents.gates)
    lines += _models(contents)
    lines += _sound(contents)
    lines += _published(contents)
    lines += study_markdown(contents.study)
    lines += _hurting(contents)
    lines += _fragile(contents)
    if (compared := overview(contents.anatomy)) is not None:
        lines += ["### Anatomy of self-invoking cases", "", *_sheet(compared)]
    for one in contents.anatomy:
        lines += _anatomy(one)
    for routed in contents.routing:
        lines += _routing(routed)
    lines += _cells(contents.cells)
    return "\n".join(lines).rstrip() + "\n"


def escape(text: str) -> str:
    """Text that reads the same in Markdown, in one line."""
    cleaned = _BLANKS.sub(" ", text).encode("utf-8", "replace").decode()
    return _SPECIAL.sub(r"\\\1", cleaned)


def _gates(gates: Sequence[GateRow]) -> list[str]:
    rows = [
        (
            escape(gate.gate),
            escape(gate.on),
            f"**{gate.ruling}**",
            _with_interval(gate.estimate),
            escape(gate.reason) or "–",
        )
        for gate in gates
    ]
    headings = ("gate", "on", "ruling", "value", "why")
    return ["### Gates", "", *_table(headings, rows, names=5)] if rows else []


def _models(contents: Contents) -> list[str]:
    rows = [
        (
            escape(row.model),
            escape(row.benchmark),
            f"{wording.share(row.rate)} ({wording.share_interval(row.rate)})",
            *(_with_interval(e) for e in _worst(row)),
        )
        for row in contents.rows
    ]
    headings = (
        "model",
        "benchmark",
        "clean pass@1",
        "robust pass@1",
        "drop",
        "net drop",
    )
    return _table(headings, rows, names=2) if rows else []


def _sound(contents: Contents) -> list[str]:
    table = sound_table(contents.cells, contents.sound)
    rows = [tuple(map(escape, row)) for row in table]
    title = ["### Without unsound problems", ""]
    return [*title, *_table(SOUND_HEADINGS, rows, names=3)] if rows else []


def _published(contents: Contents) -> list[str]:
    rows = [tuple(map(escape, row)) for row in beside_table(contents.published)]
    title = ["### Beside published scores", ""]
    return [*title, *_table(PUBLISHED_HEADINGS, rows, names=3)] if rows else []


def _worst(row: Row) -> tuple[Estimate | None, Estimate | None, Estimate | None]:
    worst = row.worst
    return (None, None, None) if worst is None else (worst.rp, worst.rd, worst.net_drop)


def _with_interval(found: Estimate | None) -> str:
    if found is None or found.value is None:
        return "–"
    return f"{wording.share(found)} ({wording.share_interval(found)})"


def study_markdown(blocks: Iterable[Block]) -> list[str]:
    """A study's sentences and tables."""
    lines: list[str] = []
    for block in blocks:
        lines += [f"### {escape(block.title)}", ""]
        lines += [f"- {escape(sentence)}" for sentence in block.sentences]
        lines += [""] if block.sentences else []
        if block.rows:
            rows = [[escape(cell) for cell in row] for row in block.rows]
            lines += _table(block.headings, rows, names=block.names)
    return lines


def _hurting(contents: Contents) -> list[str]:
    rows = [
        (
            escape(hurt.attack.name),
            escape(hurt.on),
            wording.share(hurt.attack.rd),
            wording.share_interval(hurt.attack.rd),
        )
        for hurt in worst_attacks(contents.assessed)[:COUNT]
    ]
    headings = ("attack", "on", "drop", "95 % interval")
    return (
        ["### Attacks that hurt most", "", *_table(headings, rows, names=2)]
        if rows
        else []
    )


def _fragile(contents: Contents) -> list[str]:
    rows = [
        (
            escape(fragile.problem),
            escape(f"{one.model} on {one.benchmark}"),
            f"{len(fragile.broken_by)} of {fragile.attacks}",
        )
        for one, fragile in weakest_problems(contents.assessed)[:COUNT]
    ]
    headings = ("problem", "on", "attacks that broke it")
    title = ["### Problems that most attacks break", ""]
    return [*title, *_table(headings, rows, names=2)] if rows else []


def _anatomy(one: Dissected) -> list[str]:
    name = escape(f"{one.model} on {one.benchmark}")
    lines = [f"<details><summary>Anatomy of {name}</summary>", ""]
    for sheet in sheets(one):
        lines += _sheet(sheet)
    return [*lines, "</details>", ""]


def _sheet(sheet: Sheet) -> list[str]:
    rows = [(escape(name), *numbers) for name, *numbers in sheet.rows[:_ROWS]]
    headings = [escape(heading) for heading in sheet.headings]
    return [f"{escape(sheet.caption)}:", "", *_table(headings, rows, names=1)]


def _routing(found: RoutingSummary) -> list[str]:
    on = escape(f"{found.model} on {found.benchmark}")
    rows = [
        (
            escape(attack.attack),
            str(attack.variants),
            millibits(attack.divergence),
            number(attack.overlap),
        )
        for attack in found.attacks
    ]
    headings = ("attack", "variants", "divergence of the load", "overlap of experts")
    predicts = [
        f"- Drift predicts failure, by {KINDS[kind]}: {auc(estimate)}"
        for kind, estimate in found.predicts.items()
    ]
    return [
        f"### Routing of {on}",
        "",
        f"Read: {cost(found)}; {evenness_line(found.layers)}.",
        "",
        *(_table(headings, rows, names=1) if rows else []),
        *predicts,
        "",
    ]


def _cells(cells: Sequence[Cell]) -> list[str]:
    rows = [
        (
            escape(cell.model),
            escape(cell.benchmark),
            escape(cell.attack),
            str(cell.judged),
            str(cell.solved),
            wording.percent(cell.pass_at_1),
            wording.interval(cell.interval),
            ", ".join((*cell.remarks(), *(f"{escape(k)} {n}" for k, n in _kinds(cell))))
            or "–",
        )
        for cell in cells[:_ROWS]
    ]
    headings = (
        *("model", "benchmark", "attack", "judged", "solved", "pass@1"),
        *("95 % interval", "not solved"),
    )
    title = f"<details><summary>All results ({len(cells)} rows)</summary>"
    more = [f"{len(cells) - _ROWS} more rows are left out.", ""]
    left_out = more if len(cells) > _ROWS else []
    return [title, "", *_table(headings, rows, names=3), *left_out, "</details>"]


def _kinds(cell: Cell) -> Iterable[tuple[str, int]]:
    kinds = {**cell.failures, "not judged": cell.errors, **cell.skipped}
    return [(kind, count) for kind, count in kinds.items() if count]


def _table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, names: int
) -> list[str]:
    """A table whose first ``names`` columns stand left and the others right."""
    rule = ["---" if i < names else "---:" for i in range(len(headings))]
    return [f"| {' | '.join(row)} |" for row in (headings, rule, *rows)] + [""]
