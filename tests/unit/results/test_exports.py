from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.exports import COLUMNS, flat, write_csv, write_parquet

CASE = {
    "id": "b::m::p::clean",
    "benchmark": "b",
    "problem": "p",
    "model": "m",
    "attack": "clean",
    "family": "clean",
    "attack_seed": None,
    "style": "chat",
    "sample": 0,
    "seed": 3,
}
FAILED = Record(
    case=CASE,
    status=Status.FAILED,
    verdict=Verdict.EXCEPTION,
    detail='a "quoted", long\nreason',
    prompt="Write f.",
    completion={
        "text": "half \ud800 a pair",
        "finish_reason": "stop",
        "prompt_tokens": 7,
    },
    program="def f(): ...",
    execution={"exception": "KeyError", "stdout": "=1+1", "cpu_s": 0.25, "notes": []},
    durations={"generation_s": 1.5},
)
LOST = Record(case=CASE, status=Status.ERROR, detail="the worker crashed")


def test_a_row_is_flat_and_has_every_column() -> None:
    row = flat(FAILED)
    assert list(row) == list(COLUMNS)
    assert (row["verdict"], row["failure_kind"]) == ("exception", "KeyError")
    assert (row["solved"], row["cpu_s"], row["generation_s"]) == (False, 0.25, 1.5)
    assert row["completion"] == "half ? a pair"
    assert row["stdout"] == "=1+1"


def test_what_was_not_judged_is_neither_solved_nor_not() -> None:
    row = flat(LOST)
    assert (row["status"], row["verdict"], row["solved"]) == ("error", None, None)


def test_a_value_of_another_type_becomes_its_columns_or_none() -> None:
    row = flat(Record(case={**CASE, "sample": "two", "style": 5}, status=Status.ERROR))
    assert (row["sample"], row["style"]) == (None, "5")


def test_csv_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    write_csv([FAILED, LOST], path)
    with path.open(newline="", encoding="utf-8") as stream:
        failed, lost = csv.DictReader(stream)
    assert failed["detail"] == FAILED.detail
    assert (failed["prompt_tokens"], failed["solved"]) == ("7", "False")
    assert (lost["solved"], lost["attack_seed"]) == ("", "")


def test_parquet_is_read_back_with_its_types(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra hub")
    path = tmp_path / "records.parquet"
    write_parquet((record for record in [FAILED, LOST] * 1001), path)
    table = parquet.read_table(path)
    assert (table.num_rows, table.column_names) == (2002, list(COLUMNS))
    assert {name: str(table.schema.field(name).type) for name in COLUMNS} == {
        name: {"bool_": "bool", "float64": "double"}.get(kind, kind)
        for name, kind in COLUMNS.items()
    }
    first, second = table.slice(2000).to_pylist()
    assert first == flat(FAILED)
    assert second == flat(LOST)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    path.write_text("old")

    def broken() -> list[Record]:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_csv((record for _ in [0] for record in broken()), path)
    assert [file.name for file in tmp_path.iterdir()] == ["records.csv"]
    assert path.read_text() == "old"
