"""Summary -> lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_selfinvoke.reports.summary import Cell

HEADINGS = ("model", "benchmark", "variant", "n", "solved", "pass@1", "95 % interval")


def table(cells: Sequence[Cell]) -> list[str]:
    """The results table; each row is followed by its failure kinds if there are any."""
    if not cells:
        return []
    rows = [_row(cell) for cell in cells]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    lines = [_aligned(HEADINGS, widths)]
    for cell, row in zip(cells, rows, strict=True):
        lines.append(_aligned(row, widths))
        kinds = _kinds(cell)
        if kinds:
            lines.append(f"    {kinds}")
    return lines


def judges(counts: Mapping[str, int]) -> list[str]:
    """How programs were judged, unless all were judged apart from their tests."""
    if not counts.get("inline"):
        return []
    weak = f" ({counts['weak']} with too few controls)" if counts.get("weak") else ""
    return [
        f"judge: {counts.get('apart', 0)} programs apart from their tests, "
        f"{counts['inline']} beside them{weak}"
    ]


def _row(cell: Cell) -> tuple[str, ...]:
    rate = "-" if cell.pass_at_1 is None else f"{100 * cell.pass_at_1:.1f} %"
    interval = "-"
    if cell.interval is not None:
        interval = f"{100 * cell.interval.low:.1f} - {100 * cell.interval.high:.1f} %"
    names = (cell.model, cell.benchmark, cell.attack)
    return (*names, str(cell.judged), str(cell.solved), rate, interval)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    # Names stand left, numbers right.
    cells = [
        text.ljust(width) if index < 3 else text.rjust(width)
        for index, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _kinds(cell: Cell) -> str:
    parts = [f"{kind} {count}" for kind, count in cell.failures.items()]
    if cell.errors:
        parts.append(f"not judged {cell.errors}")
    parts += [f"{why} {count}" for why, count in cell.skipped.items()]
    return ", ".join(parts)
