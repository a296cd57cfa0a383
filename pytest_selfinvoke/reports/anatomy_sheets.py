"""What self-invoking cases fail at, as tables of text for HTML and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.core.anatomy import Attribution
from pytest_selfinvoke.core.records import CLEAN
from pytest_selfinvoke.metrics.anatomy import (
    ARITY,
    INLINED,
    INVOKED,
    NOT_INVOKED,
    UNREACHED,
    UNTRACED,
    WITHOUT,
    AnatomyCounts,
)
from pytest_selfinvoke.metrics.taxonomy import CLASSES
from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.anatomy import Dissected

#: Heading -> what is counted under it.
_BLAMED = {
    "Base function": Attribution.BASE,
    "Invoking function": Attribution.INVOCATION,
    "Both": Attribution.BOTH,
    "Their combination": Attribution.COMBINATION,
    "No code": Attribution.NO_CODE,
    "Not known": Attribution.UNKNOWN,
}
_CALLS = {
    "Called": INVOKED,
    "Not called": NOT_INVOKED,
    "Not known": UNTRACED,
    "Solved without it": WITHOUT,
    "Written out again": INLINED,
    "Wrong number of arguments": ARITY,
    "Named, but not reached": UNREACHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table whose first column is a name, and whose others are numbers."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sheets(dissected: Dissected) -> Iterator[Sheet]:
    """The tables of one model on one benchmark; those without a number are left out."""
    attacks = dissected.attacks
    if any(counts.confusion.total for counts in attacks.values()):
        yield _rates(attacks)
        yield _confusion(attacks)
    counted = {name: counts.attribution for name, counts in attacks.items()}
    yield from _counts("What is to blame, in unsolved cases", _BLAMED, counted)
    counted = {name: counts.invocation for name, counts in attacks.items()}
    yield from _counts("Is the base function called, in cases", _CALLS, counted)
    classes = {kind: kind for kind in CLASSES}
    counted = {name: counts.failures for name, counts in attacks.items()}
    yield from _counts("How whole problems fail, in cases", classes, counted)
    counted = {name: counts.base_failures for name, counts in attacks.items()}
    yield from _counts("How base functions fail, in cases", classes, counted)


def overview(dissected: Sequence[Dissected]) -> Sheet | None:
    """The rates of all models side by side, under the clean prompt.

    ``None`` where there are not two of them.
    """
    found = {
        f"{one.model} on {one.benchmark}": counts
        for one in dissected
        if (counts := one.attacks.get(CLEAN.attack)) and counts.confusion.total
    }
    return _rates(found, "Model") if len(found) > 1 else None


def _rates(attacks: Mapping[str, AnatomyCounts], what: str = "Attack") -> Sheet:
    rows = [
        (
            name,
            wording.percent(counts.base),
            wording.interval(counts.base_interval),
            wording.percent(counts.pro),
            wording.interval(counts.pro_interval),
            wording.points(counts.gap),
            wording.percent(counts.confusion.solved_given_right),
            wording.interval(counts.given_interval),
        )
        for name, counts in attacks.items()
    ]
    return Sheet(
        caption="pass@1 of the base function and of the whole problem (Pro), and the "
        "share of cases solved where the base function is right (Pro | base)",
        headings=(
            *(what, "Base", "95 % interval", "Pro", "95 % interval", "Gap"),
            *("Pro | base", "95 % interval"),
        ),
        rows=tuple(rows),
    )


def _confusion(attacks: Mapping[str, AnatomyCounts]) -> Sheet:
    rows = []
    for name, counts in attacks.items():
        four = counts.confusion
        numbers = (
            *(four.right_solved, four.right_unsolved),
            *(four.wrong_solved, four.wrong_unsolved, counts.unscored),
        )
        rows.append((name, *map(str, numbers)))
    return Sheet(
        caption="Base function and whole problem, in cases",
        headings=(
            *("Attack", "Base right, solved", "Base right, unsolved"),
            *("Base wrong, solved", "Base wrong, unsolved", "Base not scored"),
        ),
        rows=tuple(rows),
    )


def _counts(
    caption: str,
    columns: Mapping[str, str],
    attacks: Mapping[str, Mapping[str, int]],
) -> Iterator[Sheet]:
    """Counts by attack; columns of zeros are left out."""
    used = {
        heading: name
        for heading, name in columns.items()
        if any(row.get(name) for row in attacks.values())
    }
    if used:
        yield Sheet(
            caption=caption,
            headings=("Attack", *used),
            rows=tuple(_row(name, row, used) for name, row in attacks.items()),
        )


def _row(name: str, row: Mapping[str, int], used: Mapping[str, str]) -> tuple[str, ...]:
    return (name, *(str(row.get(kind, 0)) for kind in used.values()))
