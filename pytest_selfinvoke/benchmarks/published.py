"""A published benchmark: a file that is found, or downloaded, and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_selfinvoke.benchmarks.base import BenchmarkInfo
from pytest_selfinvoke.benchmarks.download import CachedFile, HubSource
from pytest_selfinvoke.benchmarks.reading import (
    Row,
    find_file,
    first_file,
    read_rows,
)
from pytest_selfinvoke.core.cache import cache_dir
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedBenchmark:
    """Problems in a file with a form of its own.

    :param parse: the problem of one record; raises ``DataError``.
    :param forms: the fields of a record, one tuple for each form that is understood.
    :param files: what the file is called in a folder, the best name first.
    :param known_hash: :func:`problems_hash` of the version that this package was
        tested with.
    :param parent: the benchmark whose problems are the base functions;
        ``has_numbers_of_parent`` says that they have the same numbers.
    """

    info: BenchmarkInfo
    parse: Callable[[Row], Problem]
    forms: tuple[tuple[str, ...], ...]
    files: tuple[str, ...]
    source: HubSource
    known_hash: str
    parent: str = ""
    has_numbers_of_parent: bool = False
    # Environments hold secrets: not for tracebacks.
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def locate(self, location: Path | None, *, download: bool) -> Path:
        """The user's file, else one in ``$SELFINVOKE_DATA``, the cache or the hub.

        :raises UserError: if there is none, or the cached one is damaged.
        """
        name = self.info.name
        usage = f"use --benchmark {name}=PATH"
        if location is not None:
            return find_file(location, self.files, usage=usage)
        data = self.environ.get("SELFINVOKE_DATA")
        if data and (found := first_file(Path(data), self.files)):
            return found
        cached = CachedFile(
            folder=cache_dir(self.environ) / "benchmarks" / name, source=self.source
        )
        path = cached.use(name=name, download=download)
        if path is None:
            raise UserError(
                f"benchmark {name!r} is not here: no {self.files[0]} in "
                f"SELFINVOKE_DATA ({data or 'unset'}), nothing cached in "
                f"{cached.folder}: {usage}"
            )
        return path

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        """The problems, in the file's order.

        :raises DataError: naming file, line or record, and field.
        """
        path = self.locate(path, download=False)
        rows = read_rows(path, forms=self.forms, kind=self.info.name)
        return tuple(_parsed(rows, self.parse))

    def mismatch(self, problems: Sequence[Problem]) -> str | None:
        """A warning if these are not the problems of the known version, else ``None``.

        :param problems: all problems of a file, none left out.
        """
        found = problems_hash(problems)
        if found == self.known_hash:
            return None
        return (
            f"benchmark {self.info.name!r}: these {len(problems)} problems are not "
            f"version {self.info.version} (content hash {found[:16]}, expected "
            f"{self.known_hash[:16]}): results may differ from published ones"
        )


def problems_hash(problems: Sequence[Problem]) -> str:
    """The content hash of a whole benchmark: the one that stands in a manifest."""
    return content_hash([problem.hash for problem in problems])


def _parsed(rows: list[Row], parse: Callable[[Row], Problem]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for row in rows:
        problem = parse(row)
        if problem.id in seen:
            raise row.error(f"{problem.id} is already record {seen[problem.id]}, again")
        seen[problem.id] = row.number
        yield problem
