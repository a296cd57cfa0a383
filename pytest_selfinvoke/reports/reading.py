"""A run directory read for its reports, as far as it can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.record import SCHEMA, Record
from pytest_selfinvoke.results.store import MANIFEST, RECORDS, read_records


class Run:
    """One run on disk.

    :raises UserError: if the folder is not that of a run.
    :raises DataError: if the manifest is broken or a newer version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / RECORDS
        if not self.file.is_file():
            raise UserError(f"{path}: no {RECORDS}; name the folder of one run")
        self.manifest = _manifest(path / MANIFEST)
        #: What could not be read, for people; known once all records were.
        self.warnings: list[str] = []
        if not self.manifest.get("finished"):
            self.warnings.append(
                "The run was cut off before its end: cases may be missing."
            )

    @property
    def name(self) -> str:
        """The folder's name: when the run began."""
        return self.path.resolve().name

    def records(self) -> Iterator[Record]:
        """The records; a last line that was cut or damaged is left out.

        :raises DataError: for any other broken line, and one of a newer version.
        """
        count = 0
        try:
            for record in read_records(self.file):
                count += 1
                yield record
        except DataError:
            if not self._is_damaged_end(count):
                raise
            self._warn(count + 1)
        else:
            if not _ends_with_newline(self.file):
                self._warn(count + 1)

    def _is_damaged_end(self, count: int) -> bool:
        """Whether the line after ``count`` good ones is the last, and no JSON."""
        with self.file.open("rb") as stream:
            lines = [line for number, line in enumerate(stream) if number >= count][:2]
        if len(lines) != 1:
            return False
        try:
            json.loads(lines[0])
        except ValueError:
            return True
        return False

    def _warn(self, line: int) -> None:
        warning = (
            f"The last line of {RECORDS} (line {line}) was cut off and is left out."
        )
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


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.seek(0, 2) == 0:
            return True
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"
