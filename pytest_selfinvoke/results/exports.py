"""Records as a table with flat columns: CSV and Parquet."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.record import Record

Value: TypeAlias = str | int | float | bool | None

#: Column -> its type in Parquet. Durations are in seconds.
COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(("id", "benchmark", "problem", "model"), "string"),
    **dict.fromkeys(("attack", "family"), "string"),
    "attack_seed": "int64",
    "style": "string",
    **dict.fromkeys(("sample", "seed"), "int64"),
    **dict.fromkeys(("status", "verdict", "failure_kind", "detail"), "string"),
    "solved": "bool_",
    **dict.fromkeys(("problem_hash", "prompt_hash", "template_hash"), "string"),
    "finish_reason": "string",
    **dict.fromkeys(("prompt_tokens", "completion_tokens"), "int64"),
    **dict.fromkeys(("duration_s", "generation_s", "judging_s"), "float64"),
    **dict.fromkeys(("extraction", "judge", "exception", "failing_test"), "string"),
    **dict.fromkeys(("expected", "actual", "stdout", "stderr"), "string"),
    **dict.fromkeys(("cpu_s", "wall_s"), "float64"),
    **dict.fromkeys(("prompt", "prompt_diff", "completion", "program"), "string"),
}
#: Rows of one group in a Parquet file.
_GROUP = 2000


def flat(record: Record) -> dict[str, Value]:
    """One row; ``solved`` is empty where nothing was judged."""
    completion = record.completion or {}
    found: dict[str, Any] = {
        **(record.execution or {}),
        **completion,
        **record.durations,
        **record.case,
        "status": record.status.value,
        "verdict": None if record.verdict is None else record.verdict.value,
        "failure_kind": None if record.solved else record.failure_kind or None,
        "detail": record.detail,
        "solved": record.solved if record.judged else None,
        "problem_hash": record.problem_hash,
        "prompt_hash": record.prompt_hash,
        "template_hash": record.template_hash,
        "extraction": record.extraction,
        "prompt": record.prompt,
        "prompt_diff": record.prompt_diff,
        "completion": completion.get("text"),
        "program": record.program,
    }
    return {name: _value(found.get(name), kind) for name, kind in COLUMNS.items()}


def write_csv(records: Iterable[Record], path: Path) -> None:
    """Write a CSV file with a heading; what is not known is an empty field."""
    with _replacing(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.DictWriter(text, COLUMNS)
        writer.writeheader()
        writer.writerows(flat(record) for record in records)
        text.flush()
        text.detach()


def write_parquet(records: Iterable[Record], path: Path) -> None:
    """Write a Parquet file, a group of rows at a time.

    :raises MissingExtraError: if pyarrow is not installed.
    """
    arrow = require("pyarrow", extra="hub")
    parquet = require("pyarrow.parquet", extra="hub")
    schema = arrow.schema([(name, getattr(arrow, t)()) for name, t in COLUMNS.items()])
    rows = (flat(record) for record in records)
    with _replacing(path) as stream, parquet.ParquetWriter(stream, schema) as writer:
        while group := list(islice(rows, _GROUP)):
            writer.write_table(arrow.Table.from_pylist(group, schema=schema))


def _value(value: Any, kind: str) -> Value:
    """The value if it has its column's type: a hand-made record may hold others."""
    if value is None:
        return None
    if kind == "string":
        # Half of a surrogate pair can stand in JSON and in no other file.
        return str(value).encode("utf-8", "replace").decode()
    if kind == "bool_":
        return bool(value)
    try:
        return float(value) if kind == "float64" else int(value)
    except (TypeError, ValueError):
        return None


@contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """A stream whose content replaces the file's once it is complete."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
