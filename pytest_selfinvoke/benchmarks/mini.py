"""The embedded benchmark: 48 small self-invoking problems, written for this package."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.schema import parse_file
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Problem

_FILE = "mini.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniBenchmark:
    """Problems in a file of this package: nothing to name, nothing to download."""

    info: BenchmarkInfo

    def locate(self, location: Path | None, *, download: bool) -> None:
        """``None``: the problems are embedded.

        :raises UserError: if a file is named.
        """
        if location is not None:
            raise UserError(
                f"benchmark 'mini' is embedded and takes no file; for your own "
                f"problems use --benchmark jsonl={location}"
            )

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        """The problems, ordered by their ids."""
        data = resources.files(__package__).joinpath(_FILE).read_bytes()
        return parse_file(data, _FILE, benchmark=self.info.name)


MINI: Benchmark = MiniBenchmark(
    info=BenchmarkInfo(
        name="mini",
        version="1",
        licence="Apache-2.0",
        citation="",
        description=(
            "48 self-invoking problems over classes, dates, dicts, lists, numbers, "
            "text parsing, recursion and strings; each third is easy, medium, hard"
        ),
    )
)
