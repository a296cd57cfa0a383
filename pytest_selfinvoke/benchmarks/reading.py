"""Published benchmark files: JSON, JSON lines or parquet, plain or gzipped.

A file becomes :class:`Row` objects, one per record. They know their place, so that
every mistake names the file, the record and the field.
"""

from __future__ import annotations

import codecs
import gzip
import importlib
import io
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.imports import check_installed

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_SURROGATE = re.compile("[\ud800-\udfff]")
_WANTED = "a JSON array, or one JSON object per line, is needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record: ``number`` counts from 1; ``line`` is known in JSON lines only."""

    path: Path
    number: int
    data: dict[str, Any]
    line: int | None = None

    def error(self, problem: str, field: str | None = None) -> DataError:
        """A mistake in this record; the message ends with the record's name."""
        name = self.data.get("id", self.data.get("task_id"))
        known = "" if name is None else f" (id {name})"
        text = f"{problem} in record {self.number}{known}"
        return DataError(self.path, text, line=self.line, field=field)

    def value(self, field: str) -> object:
        """A field's value.

        :raises DataError: if the field is missing.
        """
        if field not in self.data:
            raise self.error("is missing", field)
        return self.data[field]

    def text(self, field: str) -> str:
        """A field that must be a string with something in it."""
        return self._text(self.value(field), field)

    def texts(self, field: str) -> tuple[str, ...]:
        """A field that must be a list of such strings."""
        values = self.value(field)
        if not isinstance(values, list):
            raise self.error("must be a list of strings", field)
        return tuple(self._text(v, f"{field}[{i}]") for i, v in enumerate(values))

    def integer(self, field: str, prefix: str = "") -> int:
        """The 12 of ``12`` (no prefix) or of ``"HumanEval/12"`` (that prefix)."""
        value = self.value(field)
        if not prefix and type(value) is int and value >= 0:
            return value
        if prefix and isinstance(value, str):
            found = re.fullmatch(rf"{re.escape(prefix)}(\d+)", value, re.ASCII)
            if found:
                return int(found[1])
        wanted = f"a string like '{prefix}12'" if prefix else "a whole number"
        raise self.error(f"must be {wanted}, not {value!r:.40},", field)

    def _text(self, value: object, field: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.error("must be a string that is not empty", field)
        if _SURROGATE.search(value):
            raise self.error("holds half of a surrogate pair (\\ud800-\\udfff)", field)
        return value


def find_file(location: Path, names: Sequence[str], *, usage: str) -> Path:
    """The file that the user named, or the first well-known one of the folder.

    :param names: the well-known files, relative to a folder.
    :param usage: how to name a file; ends every message.
    :raises UserError: if there is no such file.
    """
    if location.is_file():
        return location
    if not location.is_dir():
        raise UserError(f"{location}: no such file or folder: {usage}")
    found = first_file(location, names)
    if found is None:
        raise UserError(f"{location}: holds none of {', '.join(names)}: {usage}")
    return found


def first_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of some files that is in a folder, if any."""
    return next((p for name in names if (p := folder / name).is_file()), None)


def read_rows(path: Path, *, forms: Sequence[Sequence[str]], kind: str) -> list[Row]:
    """The records of a file, in its order.

    :param forms: the first record must have all fields of one of these.
    :param kind: the benchmark's name in messages.
    :raises DataError: naming file, line or record, and what is wrong there.
    """
    rows = [
        Row(path=path, number=number, line=line, data=_object(value, path, number))
        for number, (line, value) in enumerate(read_values(path), start=1)
    ]
    if not rows:
        raise DataError(path, f"is empty: {_WANTED}")
    found = rows[0].data
    if not any(found.keys() >= set(form) for form in forms):
        wanted = "; or ".join(", ".join(form) for form in forms)
        raise DataError(
            path,
            f"is no file of benchmark {kind!r}: expected the fields {wanted}; "
            f"found {', '.join(found) or 'none'}",
        )
    return rows


def read_values(path: Path) -> Iterator[tuple[int | None, object]]:
    """The JSON values of a file, each with its line where lines are records.

    :raises DataError: naming file, line and column.
    :raises MissingExtraError: for parquet without pyarrow.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(path, f"is no whole gzip file: {error}") from error
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}") from error
    if data.startswith(_PARQUET):
        return ((None, value) for value in _parquet(data, path))
    text = _decoded(data.removeprefix(codecs.BOM_UTF8), path)
    return _array(text, path) if text.lstrip().startswith("[") else _lines(text, path)


def _object(value: object, path: Path, number: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(path, f"record {number} is no JSON object: {_WANTED}")
    return value


def _decoded(data: bytes, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(path, f"is not UTF-8: {error.reason}", line=line) from error


def _array(text: str, path: Path) -> Iterator[tuple[None, object]]:
    for value in _parsed(text, path, line=1):
        yield None, value


def _lines(text: str, path: Path) -> Iterator[tuple[int, object]]:
    # Not splitlines(): U+2028 and its like may stand inside a JSON string.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _parsed(line, path, line=number)


def _parsed(text: str, path: Path, *, line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"column {error.colno}: {error.msg} ({_WANTED})"
        raise DataError(path, problem, line=line + error.lineno - 1) from error
    except (ValueError, RecursionError) as error:
        problem = f"cannot be read as JSON: {error}"
        raise DataError(path, problem, line=line) from error


def _parquet(data: bytes, path: Path) -> list[object]:
    check_installed("pyarrow", extra="hub")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    try:
        rows: list[object] = parquet.read_table(io.BytesIO(data)).to_pylist()
    # ArrowInvalid is a ValueError, a broken footer may also give an OSError.
    except (ValueError, OSError) as error:
        first = str(error).partition("\n")[0]
        raise DataError(path, f"cannot be read as parquet: {first}") from error
    return rows
