"""One run on disk: ``records.jsonl`` (append-only) and ``manifest.json``."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import write_atomically
from pytest_selfinvoke.core.record import SCHEMA, Record

RECORDS = "records.jsonl"
MANIFEST = "manifest.json"


def run_folder(folder: Path) -> Path:
    """The run directory itself, or the newest one in a folder of several.

    :param folder: the file of a run's records will do too.
    :raises UserError: if there is none.
    """
    if folder.name == RECORDS:
        folder = folder.parent
    if (folder / RECORDS).is_file():
        return folder
    found = folder.glob(f"*/{RECORDS}")
    newest = max(found, key=lambda file: file.stat().st_mtime_ns, default=None)
    if newest is None:
        raise UserError(f"{folder}: no run directory, and none in it")
    return newest.parent


class RunDirectory:
    """Writes one run. Every record is handed to the system before :meth:`append` ends,

    so neither Ctrl-C nor ``kill -9`` loses one that was appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    @classmethod
    def create(cls, parent: Path, name: str) -> Self:
        """A new folder ``name`` (numbered where it exists) with an empty record file.

        :raises UserError: if it cannot be made or written.
        """
        try:
            parent.mkdir(parents=True, exist_ok=True)
            ignore = parent / ".gitignore"
            if parent.name == ".selfinvoke" and not ignore.exists():
                ignore.write_text("*\n")
            run = cls(_fresh_folder(parent, name))
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            run._handle = os.open(run.path / RECORDS, flags, 0o644)
        except OSError as error:
            raise UserError(
                f"cannot write results to {parent}: {error.strerror}; "
                "name another folder with --selfinvoke-results"
            ) from error
        return run

    def append(self, line: str) -> None:
        """Add one record (as ``Record.to_line`` gives it).

        :raises UserError: if the disk is full or gone; what was written stays whole.
        """
        if self._handle is None:
            raise ValueError("the run directory is closed")
        data = line.encode("ascii") + b"\n"
        end = os.fstat(self._handle).st_size
        try:
            written = os.write(self._handle, data)
            if written != len(data):
                os.write(self._handle, data[written:])
        except OSError as error:
            if os.fstat(self._handle).st_size > end:
                os.ftruncate(self._handle, end)
            raise UserError(
                f"cannot write {self.path / RECORDS}: {error.strerror}; all records "
                "before this one are kept"
            ) from error

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write or replace the manifest.

        :raises UserError: if the disk is full or gone.
        """
        text = json.dumps(manifest, indent=2, sort_keys=True)
        try:
            write_atomically(self.path / MANIFEST, text.encode() + b"\n")
        except OSError as error:
            raise UserError(
                f"cannot write {self.path / MANIFEST}: {error.strerror}"
            ) from error

    def discard(self) -> None:
        """Remove a run that has no records, and what it left beside them."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def close(self) -> None:
        """Close the record file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _fresh_folder(parent: Path, name: str) -> Path:
    """Make ``name``, or ``name-2``, ...: two sessions may start in the same second."""
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def read_records(
    path: Path, *, warn: Callable[[str], None] | None = None
) -> Iterator[Record]:
    """The records of a run directory, in the order in which they were written.

    A last line that is cut off, or no JSON, is one that was being written when the
    machine stopped: it is left out.

    :param path: the folder, or the file in it.
    :param warn: is told of a line that is left out; by default it is a warning.
    :raises UserError: if there are no records at all.
    :raises DataError: for any other broken line, and for one of a newer version.
    """
    file = path / RECORDS if path.is_dir() else path
    try:
        stream = file.open("rb")
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read ({error.strerror}); name the folder of one run"
        ) from error
    with stream:
        lines = enumerate(stream, 1)
        for number, line in lines:
            try:
                if not line.endswith(b"\n"):
                    raise ValueError("cut off")
                data = json.loads(line)
            except ValueError as error:
                if next(lines, None) is not None:
                    raise DataError(
                        file, f"not a record: {error}", line=number
                    ) from error
                (warn or warnings.warn)(
                    f"{file}:{number}: the last record is cut off and was left out; "
                    f"the {number - 1} before it were read"
                )
                return
            yield _record(data, file, number)


def check_schema(found: object, file: Path, line: int | None = None) -> None:
    """Make sure that this version can read what another one may have written.

    :raises DataError: if the other one is newer.
    """
    if isinstance(found, int) and found > SCHEMA:
        raise DataError(
            file,
            f"written by a newer version (schema {found}, this one reads {SCHEMA}): "
            "upgrade pytest-selfinvoke",
            line=line,
        )


def _record(data: Any, file: Path, number: int) -> Record:
    # First, for a newer record may hold words that are not known here.
    if isinstance(data, dict):
        check_schema(data.get("schema"), file, number)
    try:
        return Record.from_json(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(file, f"not a record: {error!r}", line=number) from error
