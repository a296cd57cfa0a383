from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.record import SCHEMA
from pytest_selfinvoke.reports.reading import Run

from .conftest import Make, MakeRun


@pytest.mark.parametrize(
    "tail",
    [b'{"case":{"id', b"\0\0\0\0", b'{"case":{"id\n', b"\0\0\0\n"],
    ids=["cut", "zeros", "cut with newline", "zeros with newline"],
)
def test_a_damaged_last_line_is_left_out_and_said(
    make: Make, make_run: MakeRun, tail: bytes
) -> None:
    run = Run(
        make_run([make("p1", "clean", True), make("p2", "clean", True)], tail=tail)
    )
    for _ in range(2):
        assert len(list(run.records())) == 2
        [warning] = run.warnings
        assert ":3: " in warning


def test_a_whole_run_has_no_warnings(make: Make, make_run: MakeRun) -> None:
    run = Run(make_run([make("p1", "clean", True)]))
    assert [record.id for record in run.records()] == [
        "b::m::p1::clean-seedNone-sample0"
    ]
    assert run.warnings == []


def test_a_broken_line_in_the_middle_is_no_cut(make: Make, make_run: MakeRun) -> None:
    line = make("p1", "clean", True).to_line().encode()
    run = Run(make_run([], tail=b"{broken\n" + line + b"\n"))
    with pytest.raises(DataError, match=r"records\.jsonl:1: not a record"):
        list(run.records())


def test_a_last_line_that_is_json_but_no_record_is_no_cut(make_run: MakeRun) -> None:
    run = Run(make_run([], tail=b'{"some": "thing"}\n'))
    with pytest.raises(DataError, match="not a record"):
        list(run.records())


def test_a_newer_schema_is_refused(make: Make, make_run: MakeRun) -> None:
    folder = make_run([make("p1", "clean", True)], schema=SCHEMA + 1)
    with pytest.raises(DataError, match=r"newer version .*upgrade"):
        Run(folder)
    (folder / "manifest.json").unlink()
    line = make("p2", "clean", True, schema=SCHEMA + 1).to_line()
    (folder / "records.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match="newer version"):
        list(Run(folder).records())


def test_a_run_that_did_not_end_says_so(make: Make, make_run: MakeRun) -> None:
    folder = make_run([make("p1", "clean", True)])
    (folder / "manifest.json").write_text('{"schema": 1, "finished": false}')
    assert "cut off" in Run(folder).warnings[0]


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run directory, and none in it"):
        Run(tmp_path)


def test_a_folder_of_runs_is_its_newest(make: Make, make_run: MakeRun) -> None:
    folder = make_run([make("p1", "clean", True)])
    assert Run(folder.parent).name == folder.name


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_manifest(make_run: MakeRun, text: str) -> None:
    folder = make_run([])
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json"):
        Run(folder)
