"""Which function is wrong, and is the base function invoked: counts and tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.core.anatomy import Attribution
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.anatomy import (
    ARITY,
    INLINED,
    INVOKED,
    NOT_INVOKED,
    UNREACHED,
    UNTRACED,
    WITHOUT,
    AnatomyCounts,
    Tally,
)
from pytest_selfinvoke.metrics.intervals import Interval
from pytest_selfinvoke.metrics.taxonomy import CLASSES

_WIDTH = 80
_NAME = 31

#: Heading -> what is counted under it.
_BLAMED = {
    "base": Attribution.BASE,
    "invoking": Attribution.INVOCATION,
    "both": Attribution.BOTH,
    "together": Attribution.COMBINATION,
    "no code": Attribution.NO_CODE,
    "unknown": Attribution.UNKNOWN,
}
_CALLS = {
    "yes": INVOKED,
    "no": NOT_INVOKED,
    "unknown": UNTRACED,
    "without": WITHOUT,
    "inlined": INLINED,
    "arity": ARITY,
    "unrun": UNREACHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dissected:
    """One model on one benchmark: counts by attack, clean first."""

    model: str
    benchmark: str
    attacks: Mapping[str, AnatomyCounts]


class AnatomyBuilder:
    """Takes records one by one and keeps counts only."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], dict[str, Tally]] = {}

    def add(self, record: Record) -> None:
        """Count one record."""
        case = record.case
        key = (str(case["model"]), str(case["benchmark"]))
        tallies = self._tallies.setdefault(key, {})
        tallies.setdefault(str(case["attack"]), Tally()).add(record)

    def dissected(self) -> tuple[Dissected, ...]:
        """All models and benchmarks with self-invoking cases that were judged."""
        found = []
        for (model, benchmark), tallies in sorted(self._tallies.items()):
            # Not by arrival: with workers that changes from run to run.
            names = sorted(tallies, key=lambda name: (name != "clean", name))
            attacks = {n: tallies[n].counts() for n in names if tallies[n].cases}
            if attacks:
                found.append(
                    Dissected(model=model, benchmark=benchmark, attacks=attacks)
                )
        return tuple(found)


def anatomy_tables(dissected: Dissected, *, verbose: bool) -> Iterator[str]:
    """The tables of one model on one benchmark, at most 80 characters wide.

    :param verbose: all of them; else pass@1, who is to blame, and what is not as it
        should be with calls of the base function, of the attacks where there is some.
    """
    yield from _cut(f"anatomy of {dissected.model} on {dissected.benchmark}")
    attacks = dissected.attacks
    scored = {n: c for n, c in attacks.items() if c.confusion.total}
    if scored:
        yield from _scores(scored)
        if verbose:
            yield from _confusion(scored)
    unscored = sum(counts.unscored for counts in attacks.values())
    if unscored:
        yield f"base function not scored, for want of tests that suit it: {unscored}"
    blamed = {name: counts.attribution for name, counts in attacks.items()}
    calls = {name: counts.invocation for name, counts in attacks.items()}
    if not verbose:
        blamed = {name: row for name, row in blamed.items() if any(row.values())}
        calls = {n: row for n, row in calls.items() if row.keys() - {INVOKED}}
    yield from _table("to blame", _BLAMED, blamed)
    yield from _table("base function called", _CALLS, calls)
    if not verbose:
        return
    yield from _failures("failures", {n: c.failures for n, c in attacks.items()})
    base = {name: counts.base_failures for name, counts in attacks.items()}
    yield from _failures("failures of the base function", base)


def _scores(attacks: Mapping[str, AnatomyCounts]) -> Iterator[str]:
    yield _row("in %", ("n", 5), ("base", 6), ("Pro", 6), ("gap", 6), ("Pro|base", 9))
    for name, counts in attacks.items():
        given = counts.confusion.solved_given_right
        numbers = [counts.base, counts.pro, counts.gap, given]
        widths = (6, 6, 6, 9)
        cells = [(_percent(v), w) for v, w in zip(numbers, widths, strict=True)]
        yield _row(name, (str(counts.confusion.total), 5), *cells)
        if name == next(iter(attacks)):
            intervals = (counts.base_interval, counts.pro_interval)
            shown = [_interval(one) for one in (*intervals, counts.given_interval)]
            yield f"  95 %: base {shown[0]}, Pro {shown[1]}, Pro|base {shown[2]}"


def _confusion(attacks: Mapping[str, AnatomyCounts]) -> Iterator[str]:
    # The four counts are read as two words: base function, whole problem.
    yield _row("base/Pro", ("+/+", 8), ("+/-", 8), ("-/+", 8), ("-/-", 8))
    for name, counts in attacks.items():
        one = counts.confusion
        four = (
            one.right_solved,
            one.right_unsolved,
            one.wrong_solved,
            one.wrong_unsolved,
        )
        yield _row(name, *((str(number), 8) for number in four))


def _table(
    title: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    """Counts by attack; nothing if all are zero. Columns of zeros are left out."""
    used = {
        heading: name
        for heading, name in columns.items()
        if any(row.get(name) for row in rows.values())
    }
    if not used:
        return
    widths = [max(5, len(heading)) + 1 for heading in used]
    yield _row(title, *zip(used, widths, strict=True))
    for attack, row in rows.items():
        numbers = [str(row.get(name, 0)) for name in used.values()]
        yield _row(attack, *zip(numbers, widths, strict=True))


def _failures(title: str, rows: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Classes of failures by attack; nothing if there are none."""
    if not any(rows.values()):
        return
    yield title
    for attack, row in rows.items():
        kinds = [f"{kind} {row[kind]}" for kind in CLASSES if row.get(kind)]
        yield from _cut(f"  {attack}: {', '.join(kinds) or '-'}")


def _row(name: str, *cells: tuple[str, int]) -> str:
    if len(name) > _NAME:
        name = f"{name[: _NAME - 3]}..."
    return f"{name:<{_NAME}}{''.join(text.rjust(width) for text, width in cells)}"


def _cut(text: str) -> Sequence[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="    ")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{100 * interval.low:.1f} - {100 * interval.high:.1f}"
