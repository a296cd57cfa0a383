"""Records as the ``samples.jsonl`` that EvalPlus evaluates."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import dumps, write_atomically
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.tasks import task_name


def write_samples(records: Sequence[Record], path: Path) -> int:
    """Write one line with ``task_id`` and ``solution`` for each completion; how many.

    The solution is the program; where none was found it is the completion, which fails
    there as it did here. Records without a completion are left out. Names ending in
    ``.gz`` are compressed.

    :param records: in order: a repeated task is its next sample.
    :raises UserError: if there is no completion, the file exists or it cannot be
        written.
    """
    lines = [
        dumps({"task_id": task_name(record.case["problem"]), "solution": solution})
        for record in records
        if (solution := _solution(record)) is not None
    ]
    if not lines:
        raise UserError("no record has a completion")
    if path.exists():
        raise UserError(f"{path} exists: name a new file")
    data = "".join(f"{line}\n" for line in lines).encode("ascii")
    if path.suffix == ".gz":
        # Without a time, so that equal records give equal files.
        data = gzip.compress(data, mtime=0)
    try:
        write_atomically(path, data)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return len(lines)


def _solution(record: Record) -> str | None:
    if record.completion is None:
        return None
    program = record.program
    return str(record.completion["text"]) if program is None else program
