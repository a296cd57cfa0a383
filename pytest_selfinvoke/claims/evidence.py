"""The rows that a claim is about, as figures with what their interval needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_selfinvoke.claims.claim import Rows
from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.results.published import Cell
from pytest_selfinvoke.results.runs import Run, Seen

#: What can be asked of each source.
PUBLISHED_COLUMNS = ("model", "params", "tuning", "benchmark", "shots")
RUN_COLUMNS = ("run", "model", "benchmark", "attack", "family")


class NoDataError(Exception):
    """There is nothing that the claim could be decided by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A pass rate in percent.

    ``n`` counts its problems, ``None`` if that is not known; ``by_problem`` has the
    rate of each, where cases are at hand. ``rows`` names what was used.
    """

    value: float
    n: int | None = None
    by_problem: Mapping[str, float] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


class Evidence(Protocol):
    """Where figures come from."""

    def figure(self, rows: Rows) -> Figure:
        """The one figure of these rows.

        :raises NoDataError: if there are no such rows.
        :raises UserError: for a column or value that does not exist at all.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFigures:
    """Cells of a table; ``problems`` has the number of problems by benchmark."""

    cells: Sequence[Cell]
    problems: Mapping[str, int]

    def figure(self, rows: Rows) -> Figure:
        """The cell with these values; one alone, or the request is not clear."""
        known = {
            name: {cell.column(name) for cell in self.cells}
            for name in PUBLISHED_COLUMNS
        }
        _check(rows, known)
        found = [
            cell
            for cell in self.cells
            if all(cell.column(name) == value for name, value in rows.items())
        ]
        if not found:
            raise NoDataError(f"no published figure of {_words(rows)}")
        if len(found) > 1:
            more = [
                name
                for name in PUBLISHED_COLUMNS
                if len({cell.column(name) for cell in found}) > 1
            ]
            raise UserError(
                f"{len(found)} published figures of {_words(rows)}: "
                f"name {' or '.join(more)} too"
            )
        [cell] = found
        name = f"line {cell.line}: {cell.model}, {cell.benchmark}, {cell.shots}-shot"
        return Figure(
            value=cell.value,
            n=self.problems.get(cell.benchmark),
            rows=(f"{name}: {cell.value:g}",),
        )


class RunFigures:
    """Cases of runs; without a word of attacks, the clean prompts'."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._cases = [(run.name, case) for run in runs for case in run.cases]
        self._known = {
            name: {_column(run, case, name) for run, case in self._cases}
            for name in RUN_COLUMNS
        }

    def figure(self, rows: Rows) -> Figure:
        """The mean over problems of the share of solved samples and variants."""
        _check(rows, self._known)
        if not {"attack", "family"} & {*rows}:
            rows = {**rows, "attack": "clean"}
        cases = [
            (run, case)
            for run, case in self._cases
            if all(_column(run, case, name) == value for name, value in rows.items())
        ]
        for name in ("model", "benchmark"):
            if len(several := {_column(run, case, name) for run, case in cases}) > 1:
                raise UserError(
                    f"cases of {_words(rows)} are of several {name}s: name one of "
                    f"{', '.join(sorted(several))}"
                )
        solved: dict[str, list[bool]] = defaultdict(list)
        for _, case in cases:
            if case.solved is not None:
                solved[case.problem].append(case.solved)
        if not solved:
            raise NoDataError(f"no judged case of {_words(rows)}")
        rates = {name: 100 * sum(of) / len(of) for name, of in solved.items()}
        value = sum(rates.values()) / len(rates)
        used = sum(map(len, solved.values()))
        return Figure(
            value=value,
            n=len(rates),
            by_problem=rates,
            rows=(f"{_words(rows)}: {value:.1f} ({used} cases)",),
        )


def _column(run: str, case: Seen, name: str) -> str:
    return run if name == "run" else str(getattr(case, name))


def _check(rows: Rows, known: Mapping[str, Iterable[str]]) -> None:
    for name, value in rows.items():
        if name not in known:
            raise UnknownNameError("column", name, known)
        if value not in known[name]:
            raise UnknownNameError(name, value, known[name])


def _words(rows: Rows) -> str:
    return ", ".join(f"{name} {value}" for name, value in rows.items())
