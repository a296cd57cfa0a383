"""Summary -> lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from pytest_selfinvoke.reports.summary import Cell

HEADINGS = ("model", "benchmark", "variant", "n", "solved", "pass@1", "95 % interval")


#: Names of models and benchmarks may be cut to this, and then all names to that.
_SHORT, _LEAST = 12, 8


def table(cells: Sequence[Cell], width: int | None = None) -> list[str]:
    """The results table; each row is followed by its failure kinds if there are any.

    :param width: the most characters of a line; long names lose their middle.
    """
    if not cells:
        return []
    rows = [_row(cell) for cell in cells]
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    while width is not None and sum(widths) + 2 * len(widths) - 2 > width:
        long = [i for i in (0, 1) if widths[i] > _SHORT]
        long = long or [i for i in (0, 1, 2) if widths[i] > _LEAST]
        if not long:
            break
        widths[max(long, key=widths.__getitem__)] -= 1
    lines = [_aligned(HEADINGS, widths)]
    for cell, row in zip(cells, rows, strict=True):
        lines.append(_aligned(row, widths))
        kinds = _kinds(cell)
        if kinds:
            lines += wrapped(kinds, width)
    return lines


def wrapped(text: str, width: int | None) -> list[str]:
    """Indented lines of a list."""
    indent = " " * 4
    if width is None:
        return [indent + text]
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)


def shortened(name: str, width: int) -> str:
    """The name without as much of its middle as there is no room for."""
    if len(name) <= width:
        return name
    end = (width - 2) // 2
    return f"{name[: width - 2 - end]}..{name[-end:]}"


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


def _end(attack: str, width: int) -> str:
    """The last words, which tell attacks of a family apart."""
    return attack if len(attack) <= width else f"..{attack[2 - width :]}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    # Names stand left, numbers right.
    cells = [
        (_end(text, width) if index == 2 else shortened(text, width)).ljust(width)
        if index < 3
        else text.rjust(width)
        for index, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _kinds(cell: Cell) -> str:
    parts = cell.remarks()
    parts += [f"{kind} {count}" for kind, count in cell.failures.items()]
    if cell.errors:
        parts.append(f"not judged {cell.errors}")
    parts += [f"{why} {count}" for why, count in cell.skipped.items()]
    return ", ".join(parts)
