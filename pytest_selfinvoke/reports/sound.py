"""Every score beside the one without unsound problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.summary import Cell, SummaryBuilder

#: Of :func:`sound_table`.
SOUND_HEADINGS = (
    *("model", "benchmark", "attack", "problems", "pass@1"),
    *("sound problems", "pass@1 of these", "95 % interval"),
)


class SoundBuilder:
    """Takes records one by one and counts those of sound problems.

    :param unsound: benchmark -> ids of its unsound problems.
    """

    def __init__(self, unsound: Mapping[str, Sequence[str]]) -> None:
        self._unsound = {name: frozenset(ids) for name, ids in unsound.items()}
        self._summary = SummaryBuilder()

    def add(self, record: Record) -> None:
        """Count one record, unless its problem is unsound."""
        case = record.case
        if case["problem"] not in self._unsound.get(case["benchmark"], ()):
            self._summary.add(record)

    def cells(self) -> tuple[Cell, ...]:
        """As those of the whole run, of sound problems."""
        return self._summary.cells()


def sound_pairs(
    cells: Sequence[Cell], sound: Sequence[Cell]
) -> Iterator[tuple[Cell, Cell]]:
    """(all, sound) of every cell in which a problem was left out and some remain."""
    of = {(cell.model, cell.benchmark, cell.attack): cell for cell in sound}
    for cell in cells:
        left = of.get((cell.model, cell.benchmark, cell.attack))
        if left is not None and left.problems < cell.problems:
            yield cell, left


def sound_lines(
    cells: Sequence[Cell], sound: Sequence[Cell], source: str
) -> Iterator[str]:
    """For the terminal.

    :param source: the quarantine list's file.
    """
    pairs = list(sound_pairs(cells, sound))
    yield f"pass@1 without the problems of {source}"
    if not pairs:
        yield "  none of them was judged in this run"
    for cell, left in pairs:
        yield (
            f"  {cell.model} on {cell.benchmark}, {cell.attack}: "
            f"{wording.percent(left.pass_at_1)} ({wording.interval(left.interval)}) of "
            f"{left.problems} problems, {wording.percent(cell.pass_at_1)} of all "
            f"{cell.problems}"
        )


def sound_table(cells: Sequence[Cell], sound: Sequence[Cell]) -> list[tuple[str, ...]]:
    """The same as texts, below :data:`SOUND_HEADINGS`."""
    return [
        (
            *(cell.model, cell.benchmark, cell.attack, str(cell.problems)),
            wording.percent(cell.pass_at_1),
            str(left.problems),
            wording.percent(left.pass_at_1),
            wording.interval(left.interval),
        )
        for cell, left in sound_pairs(cells, sound)
    ]
