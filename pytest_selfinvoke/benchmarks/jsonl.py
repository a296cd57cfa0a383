"""Problems of the user's own, one JSON object per line (see :mod:`.schema`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.schema import parse_file
from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonlBenchmark:
    """Problems in a file that the user names; ``file`` is read where none is named."""

    info: BenchmarkInfo
    file: Path | None = None

    @classmethod
    def named(cls, name: str, file: Path | str, *, licence: str = "unknown") -> Self:
        """A benchmark for a conftest to register.

        :param file: JSON lines; a relative path counts from where pytest is started.
        """
        info = BenchmarkInfo(
            name=name,
            version="user",
            licence=licence,
            citation="",
            description=f"problems of {Path(file).name}",
        )
        return cls(info=info, file=Path(file))

    def locate(self, location: Path | None, *, download: bool) -> Path:
        """The file that the user named, or the only ``*.jsonl`` of the folder.

        :raises UserError: if no file is named, or there is none or more than one.
        """
        name = self.info.name
        usage = f"--benchmark {name}=PATH, a *.jsonl file or a folder with exactly one"
        location = location or self.file
        if location is None:
            raise UserError(f"benchmark {name!r} needs a file: {usage}")
        if location.is_file():
            return location
        if not location.is_dir():
            raise UserError(f"{location}: no such file or folder: {usage}")
        files = sorted(p for p in location.glob("*.jsonl") if p.is_file())
        if len(files) != 1:
            found = ", ".join(p.name for p in files) or "none"
            raise UserError(
                f"{location}: this folder must hold exactly one *.jsonl file, "
                f"found {found}: {usage}"
            )
        return files[0]

    def load(self, path: Path | None) -> tuple[Problem, ...]:
        """The problems, in the file's order.

        :raises DataError: naming file, line and field.
        """
        path = self.locate(path, download=False)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(path, f"cannot be read: {error.strerror}") from error
        return parse_file(data, path, benchmark=self.info.name)


JSONL: Benchmark = JsonlBenchmark(
    info=BenchmarkInfo(
        name="jsonl",
        version="user",
        licence="the user's own",
        citation="",
        description="your own problems: --benchmark jsonl=PATH",
    )
)
