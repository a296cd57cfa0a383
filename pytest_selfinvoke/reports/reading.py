"""A run directory read for its reports, as far as it can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.record import SCHEMA, Record
from pytest_selfinvoke.results.store import MANIFEST, RECORDS, read_records, run_folder


class Run:
    """One run on disk: a run directory, or the newest one in a folder of several.

    :raises UserError: if the folder is not that of a run.
    :raises DataError: if the manifest is broken or a newer version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = run_folder(path)
        self.file = self.path / RECORDS
        self.manifest = _manifest(self.path / MANIFEST)
        #: What could not be read, for people; known once all records were.
        self.warnings: list[str] = []
        if self.is_cut_off:
            self.warnings.append(
                "The run was cut off before its end: cases may be missing."
            )

    @property
    def name(self) -> str:
        """The folder's name: when the run began."""
        return self.path.resolve().name

    @property
    def is_cut_off(self) -> bool:
        """Whether it ended early: killed, or with selected cases that did not run."""
        return not self.manifest.get("finished") or bool(self.manifest.get("not_run"))

    @property
    def benchmarks(self) -> dict[str, str]:
        """Name -> content hash of the benchmarks, as far as it is known."""
        return {
            str(benchmark["name"]): str(benchmark["hash"])
            for plan in self.manifest.get("plans", ())
            for benchmark in plan.get("benchmarks", ())
        }

    @property
    def nominal(self) -> dict[str, str]:
        """Attack -> the attack that it is compared with, as the run says."""
        return {str(k): str(v) for k, v in self.manifest.get("nominal", {}).items()}

    def records(self) -> Iterator[Record]:
        """The records; a last line that was cut or damaged is left out.

        :raises DataError: for any other broken line, and one of a newer version.
        """
        yield from read_records(self.file, warn=self._warn)

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)


def _manifest(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(path, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise DataError(path, "not a manifest")
    if data.get("schema", 0) > SCHEMA:
        raise DataError(
            path,
            f"written by a newer version (schema {data['schema']}, this one reads "
            f"{SCHEMA}): upgrade pytest-selfinvoke",
        )
    return data
