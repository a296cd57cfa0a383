"""A finished run -> the files that a user asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.jsonio import write_atomically
from pytest_selfinvoke.reports.contents import (
    Contents,
    Tallies,
    contents,
    contents_of,
)
from pytest_selfinvoke.reports.destinations import Destinations
from pytest_selfinvoke.reports.html.cases import CaseList
from pytest_selfinvoke.reports.html.page import render
from pytest_selfinvoke.reports.markdown import markdown
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.results.exports import write_csv, write_parquet


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What :func:`write_reports` did. ``errors`` are lines for the user."""

    files: list[tuple[str, Path]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: tuple[str, ...] = ()


def write_reports(
    run: Run, wanted: Destinations, tallies: Tallies | None = None
) -> Written:
    """Write every file; one that fails does not keep the others from being written.

    :param tallies: what was counted of all its records, if that is known.
    :raises DataError: if the run cannot be read.
    """
    cases = CaseList()
    takers = [cases.add] if wanted.html is not None else []
    if tallies is None:
        found = contents(run, *takers)
    else:
        found = contents_of(run, tallies)
        for record in run.records() if takers else ():
            cases.add(record)
    written = Written(warnings=tuple(run.warnings))
    for name, path, write in _writers(run, wanted, found, cases):
        try:
            write(path)
        except OSError as error:
            written.errors.append(f"cannot write {path}: {error.strerror or error}")
        except SelfInvokeError as error:
            written.errors.append(f"cannot write {path}: {error}")
        else:
            written.files.append((name, path))
    return written


def write_after_run(
    path: Path, wanted: Destinations, tallies: Tallies | None = None
) -> Written:
    """The reports of a run that has just ended.

    Whatever goes wrong becomes a line: the session's own result must not be lost.

    :param tallies: as in :func:`write_reports`.
    """
    if not wanted:
        return Written()
    try:
        written = write_reports(Run(path), wanted, tallies)
    except KeyboardInterrupt:
        written = Written(errors=["Ctrl-C: a report was not written"])
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        written = Written(errors=[f"a report was not written: {reason}"])
    if written.errors:
        again = f"python -m pytest_selfinvoke report {path} --html FILE"
        written.errors.append(f"the records are kept, and {again} tries again")
    return written


def _writers(
    run: Run, wanted: Destinations, found: Contents, cases: CaseList
) -> Iterator[tuple[str, Path, Callable[[Path], object]]]:
    if wanted.html is not None:
        yield "html", wanted.html, lambda path: _replace(path, render(found, cases))
    if wanted.markdown is not None or wanted.step_summary is not None:
        text = markdown(found).encode()
        if wanted.markdown is not None:
            yield "markdown", wanted.markdown, lambda path: _replace(path, text)
        if wanted.step_summary is not None:
            yield "step summary", wanted.step_summary, lambda path: _append(path, text)
    if wanted.csv is not None:
        yield "csv", wanted.csv, lambda path: write_csv(run.records(), path)
    if wanted.parquet is not None:
        yield "parquet", wanted.parquet, lambda path: write_parquet(run.records(), path)


def _replace(path: Path, data: bytes) -> None:
    if path.exists() and not path.is_file():
        # A pipe or a device is written to, not replaced.
        path.write_bytes(data)
    else:
        write_atomically(path, data)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(data)
