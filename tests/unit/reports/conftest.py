from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import SCHEMA, Record

Make: TypeAlias = Callable[..., Record]
MakeRun: TypeAlias = Callable[..., Path]


@pytest.fixture
def make() -> Make:
    """``make("p1", "docstring.a", True)``: a record of a solved case."""

    def record(
        problem: str,
        attack: str,
        solved: bool | None,
        *,
        model: str = "m",
        sample: int = 0,
        seed: int | None = None,
        **fields: Any,
    ) -> Record:
        verdict = {True: Verdict.SOLVED, False: Verdict.WRONG_ANSWER, None: None}
        status = {True: Status.PASSED, False: Status.FAILED, None: Status.ERROR}
        return Record(
            case={
                "id": f"b::{model}::{problem}::{attack}-seed{seed}-sample{sample}",
                "benchmark": "b",
                "problem": problem,
                "model": model,
                "attack": attack,
                "family": attack.partition(".")[0],
                "attack_seed": seed,
                "style": "chat",
                "sample": sample,
                "seed": 0,
            },
            status=status[solved],
            verdict=verdict[solved],
            **fields,
        )

    return record


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A run directory with these records, and ``tail`` after them as it is."""

    def run(
        records: Iterable[Record], *, tail: bytes = b"", schema: int = SCHEMA
    ) -> Path:
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        lines = [record.to_line().encode() + b"\n" for record in records]
        (folder / "records.jsonl").write_bytes(b"".join(lines) + tail)
        manifest = {"schema": schema, "finished": True, "plans": [{"seed": 3}]}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        return folder

    return run
