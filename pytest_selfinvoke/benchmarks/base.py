"""What a benchmark is: a name with its facts, and problems read from one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from pytest_selfinvoke.core.records import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkInfo:
    """The facts that a paper must cite."""

    name: str
    version: str
    licence: str
    citation: str
    description: str
    requires: tuple[str, ...] = ()


@runtime_checkable
class Benchmark(Protocol):
    """A named, versioned, hashed set of problems. Creating one costs nothing."""

    @property
    def info(self) -> BenchmarkInfo:
        """The benchmark's facts."""

    def locate(self, location: Path | None, *, download: bool) -> Path | None:
        """The file to read the problems from; ``None`` if they are embedded.

        :param location: the file or folder that the user named, if any.
        :param download: whether the network may be asked. Only the controller may,
            before collection.
        :raises UserError: if there is no such file and it may not be downloaded.
        """

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        """The problems, in the benchmark's order.

        :raises DataError: naming file, line (or record) and field.
        """
