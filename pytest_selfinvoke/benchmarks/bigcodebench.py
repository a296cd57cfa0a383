"""BigCodeBench (arXiv 2406.15877), from a file of the user's.

Its problems are the base functions of BigCodeBench-Lite Pro. Tests are ``unittest``
cases; they run beside the program, for they share state with it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.reading import Row, find_file, read_rows
from pytest_selfinvoke.benchmarks.source import third_party
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.ids import padded
from pytest_selfinvoke.core.records import Part, Problem

NAME = "bigcodebench"
#: ``complete_prompt`` ends with the docstring, ``test`` defines ``TestCases``.
FORM = ("task_id", "complete_prompt", "canonical_solution", "test", "entry_point")
FILES = (
    "bigcodebench.jsonl",
    "bigcodebench/bigcodebench.jsonl",
    "BigCodeBench-v0.1.4.jsonl",
    "BigCodeBench-v0.1.4.jsonl.gz",
)
_RUN = """
import unittest
_outcome = unittest.TestResult()
unittest.defaultTestLoader.loadTestsFromTestCase(TestCases).run(_outcome)
assert _outcome.testsRun > 0
assert not (_outcome.failures + _outcome.errors), _outcome
"""


def parse(row: Row) -> Problem:
    """The problem of one record.

    :raises DataError: naming record and field.
    """
    number = row.integer("task_id", "BigCodeBench/")
    tests = f"{row.text('test').rstrip()}\n{_RUN}"
    target = Part(
        entry_point=row.text("entry_point"),
        prompt=row.text("complete_prompt"),
        solution=row.text("canonical_solution"),
        tests=tests,
    )
    return Problem(
        id=padded("BigCodeBench", number, 4),
        benchmark=NAME,
        target=target,
        requires=third_party(target.reference, tests),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BigCodeBench:
    """Problems in a file that the user names, or that is in ``$SELFINVOKE_DATA``."""

    info: BenchmarkInfo
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def locate(self, location: Path | None, *, download: bool) -> Path:
        """The user's file; nothing is downloaded.

        :raises UserError: if there is none.
        """
        usage = f"use --benchmark {NAME}=PATH"
        data = self.environ.get("SELFINVOKE_DATA")
        if location is None and not data:
            raise UserError(
                f"benchmark {NAME!r} is not here: {usage}, or put {FILES[0]} into the "
                "folder of SELFINVOKE_DATA"
            )
        return find_file(location or Path(str(data)), FILES, usage=usage)

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        """The problems, in the file's order.

        :raises DataError: naming file, line or record, and field.
        """
        path = self.locate(path, download=False)
        return tuple(parse(row) for row in read_rows(path, forms=(FORM,), kind=NAME))


BIGCODEBENCH: Benchmark = BigCodeBench(
    info=BenchmarkInfo(
        name=NAME,
        version="user",
        licence="Apache-2.0",
        citation="arXiv:2406.15877",
        description="functions that use libraries: --benchmark bigcodebench=PATH",
    )
)
