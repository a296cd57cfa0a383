"""Variants that were made before and stand in files: JSON lines, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.ids import segment

_SUFFIXES = (".gz", ".jsonl", ".json")


def attack_name(family: str, path: Path) -> str:
    """The name of a file's attack: its family's and that of the file.

    :raises UserError: if there is no such file.
    """
    if not path.is_file():
        raise UserError(f"attack '{family}:{path}': there is no such file")
    stem = path.name
    for suffix in _SUFFIXES:
        stem = stem.removesuffix(suffix)
    return f"{family}.{segment(stem).replace('+', '-')}"


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file, one for each line that is not blank.

    :raises DataError: naming the line, if one is no JSON object.
    """
    data = path.read_bytes()
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(path.name, f"cannot be read: {error}") from error
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            record = json.loads(row)
        except ValueError as error:
            raise DataError(path.name, f"not JSON: {error}", line=line) from error
        if not isinstance(record, dict):
            raise DataError(path.name, "expected an object", line=line)
        yield record
