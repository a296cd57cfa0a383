from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.evalplus import write_samples


def record(problem: str, **values: Any) -> Record:
    found = Record(
        case={"id": problem, "problem": problem},
        status=Status.PASSED,
        verdict=Verdict.SOLVED,
        completion={"text": "```\nprogram\n```"},
        program="program\n",
    )
    return replace(found, **values)


RECORDS = [
    record("HumanEval_000"),
    record("HumanEval_001", program=None, verdict=Verdict.NO_CODE),
    record("mine", program="ü\ud800"),
    record("HumanEval_002", completion=None, program=None, verdict=None),
]


def read(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def test_programs_under_the_names_of_others(tmp_path: Path) -> None:
    file = tmp_path / "new" / "samples.jsonl"
    assert write_samples(RECORDS, file) == 3
    assert read(file.read_bytes()) == [
        {"task_id": "HumanEval/0", "solution": "program\n"},
        {"task_id": "HumanEval/1", "solution": "```\nprogram\n```"},
        {"task_id": "mine", "solution": "ü\ud800"},
    ]


def test_compressed_files_hold_the_same_and_no_time(tmp_path: Path) -> None:
    one, two = tmp_path / "1.jsonl.gz", tmp_path / "2.jsonl.gz"
    write_samples(RECORDS, one)
    write_samples(RECORDS, two)
    assert one.read_bytes() == two.read_bytes()
    assert len(read(gzip.decompress(one.read_bytes()))) == 3


def test_nothing_is_written_over_and_nothing_is_written_for_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "samples.jsonl"
    with pytest.raises(UserError, match="no record has a completion"):
        write_samples(RECORDS[3:], file)
    assert not file.exists()
    file.write_text("mine")
    with pytest.raises(UserError, match=r"samples.jsonl exists: name a new file"):
        write_samples(RECORDS, file)
    assert file.read_text() == "mine"


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_samples(RECORDS, tmp_path / "file" / "samples.jsonl")
