"""Published results: a CSV of pass@1 figures, one cell of a table each."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pytest_selfinvoke.core.errors import DataError, UserError

#: Columns that every file has to have; others are read over.
COLUMNS = ("model", "params", "tuning", "benchmark", "shots", "pass@1", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One published figure.

    ``value`` is pass@1 in percent. ``params`` and ``tuning`` are as the source writes
    them; ``shots`` is the number of examples in the prompt, with ``+CoT`` where the
    model was asked to reason first.
    """

    model: str
    params: str
    tuning: str
    benchmark: str
    shots: str
    value: float
    source: str
    line: int

    def column(self, name: str) -> str:
        """What stands in a column, as text."""
        return str(getattr(self, name))


def read_published(path: Path) -> tuple[Cell, ...]:
    """All cells of a file.

    :raises UserError: if there is no such file.
    :raises DataError: if a column is missing, a field is empty, pass@1 is no number
        from 0 to 100, or two cells are of the same model, benchmark and shots.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return _cells(path, csv.DictReader(file, strict=True))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file of published results") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, f"cannot be read: {error}") from error


def _cells(path: Path, reader: csv.DictReader[str]) -> tuple[Cell, ...]:
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError(path, f"has no column {', '.join(missing)}", line=1)
    cells: dict[tuple[str, str, str], Cell] = {}
    for row in reader:
        line = reader.line_num
        for name in COLUMNS:
            if not (row[name] or "").strip():
                raise DataError(path, "is empty", line=line, field=name)
        cell = Cell(
            value=_percent(path, line, row["pass@1"]),
            line=line,
            **{name: row[name].strip() for name in COLUMNS if name != "pass@1"},
        )
        key = (cell.model, cell.benchmark, cell.shots)
        if key in cells:
            what = f"a second figure of {' '.join(key)}, after line {cells[key].line}"
            raise DataError(path, what, line=line)
        cells[key] = cell
    if not cells:
        raise DataError(path, "holds no figures")
    return tuple(cells.values())


def _percent(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        what = f"expected a number, got {text!r}"
        raise DataError(path, what, line=line, field="pass@1") from None
    if not 0 <= value <= 100:
        what = f"expected a percentage from 0 to 100, got {text}"
        raise DataError(path, what, line=line, field="pass@1")
    return value
