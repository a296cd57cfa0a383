from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.store import (
    RECORDS,
    RunDirectory,
    read_records,
    run_folder,
)


def record(name: str) -> Record:
    return Record(case={"id": name}, status=Status.PASSED, verdict=Verdict.SOLVED)


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / ".selfinvoke", "r")
    for name in "ab":
        run.append(record(name).to_line())
    assert [r.id for r in read_records(run.path)] == ["a", "b"]
    assert (tmp_path / ".selfinvoke" / ".gitignore").read_text() == "*\n"
    run.close()


def test_two_runs_of_one_second_do_not_mix(tmp_path: Path) -> None:
    runs = [RunDirectory.create(tmp_path, "r") for _ in range(3)]
    assert [run.path.name for run in runs] == ["r", "r-2", "r-3"]
    for run in runs:
        run.close()


def test_a_half_written_last_line_is_left_out(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "r")
    run.append(record("a").to_line())
    run.close()
    with (run.path / RECORDS).open("a") as stream:
        stream.write(record("b").to_line()[:40])
    said: list[str] = []
    assert [r.id for r in read_records(run.path, warn=said.append)] == ["a"]
    [text] = said
    assert "records.jsonl:2: the last record is cut off" in text
    # Whoever does not say how to be told is told, too.
    with pytest.warns(UserWarning, match="the 1 before it were read"):
        assert [r.id for r in read_records(run.path)] == ["a"]


def test_a_damaged_last_line_is_left_out(tmp_path: Path) -> None:
    # As after a power cut: the file has its length, and zeros in it.
    (tmp_path / RECORDS).write_text(record("a").to_line() + "\n" + "\0" * 50 + "\n")
    said: list[str] = []
    assert [r.id for r in read_records(tmp_path, warn=said.append)] == ["a"]
    assert len(said) == 1


@pytest.mark.parametrize("line", ["[]", "{}", '"text"', '{"schema": 1, "status": "?"}'])
def test_a_last_line_of_another_kind_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / RECORDS).write_text(record("a").to_line() + f"\n{line}\n")
    with pytest.raises(DataError, match=r"records.jsonl:2: not a record"):
        list(read_records(tmp_path))


def test_a_folder_without_records_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"records.jsonl: cannot be read \(No such"):
        list(read_records(tmp_path))


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    file = tmp_path / RECORDS
    file.write_text(
        record("a").to_line() + "\n{broken\n" + record("b").to_line() + "\n"
    )
    with pytest.raises(DataError, match=r"records.jsonl:2: not a record"):
        list(read_records(tmp_path))


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    line = record("a").to_line().replace('"schema":1', '"schema":99')
    # Its words need not be known here.
    line = line.replace('"solved"', '"half solved"')
    (tmp_path / RECORDS).write_text(record("b").to_line() + f"\n{line}\n")
    with pytest.raises(
        DataError, match=r"records.jsonl:2: .*newer version \(schema 99.*upgrade"
    ):
        list(read_records(tmp_path))


def test_a_full_disk_keeps_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.create(tmp_path, "r")
    run.append(record("a").to_line())
    write = os.write
    calls = []

    def half_then_full(handle: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) == 1:
            return write(handle, data[:30])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(UserError, match="No space left on device"):
        run.append(record("b").to_line())
    monkeypatch.undo()
    assert [r.id for r in read_records(run.path)] == ["a"]
    assert (run.path / RECORDS).read_bytes().endswith(b"\n")
    run.close()


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--selfinvoke-results"):
        RunDirectory.create(tmp_path / "file", "r")


def test_a_folder_of_runs_stands_for_the_newest(tmp_path: Path) -> None:
    new, old = (RunDirectory.create(tmp_path, name).path for name in "12")
    os.utime(old / RECORDS, ns=(0, 0))
    assert run_folder(tmp_path) == new
    assert run_folder(old) == run_folder(old / RECORDS) == old
    with pytest.raises(UserError, match="no run directory, and none in it"):
        run_folder(tmp_path / "gone")
