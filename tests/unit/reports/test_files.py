from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.core.errors import MissingExtraError, UserError
from pytest_selfinvoke.reports import files
from pytest_selfinvoke.reports.destinations import Destinations
from pytest_selfinvoke.reports.files import write_after_run, write_reports
from pytest_selfinvoke.reports.reading import Run

from .conftest import Make, MakeRun


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == module else find(name)
    )


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.md"
    Destinations(markdown=path).check()
    assert path.parent.is_dir()
    assert not path.exists()
    path.write_text("old")
    Destinations(markdown=path).check()
    assert path.read_text() == "old"


@pytest.mark.parametrize("name", ["markdown", "csv"])
def test_a_file_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"cannot write the {name} report to .*r.x"):
        Destinations(**{name: tmp_path / "file" / "r.x"}).check()
    with pytest.raises(UserError, match="Is a directory"):
        Destinations(**{name: tmp_path}).check()


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [
        ("html", "matplotlib", "html"),
        ("html", "jinja2", "html"),
        ("parquet", "pyarrow", "hub"),
    ],
)
def test_a_missing_extra_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    for other in ("matplotlib", "jinja2", "pyarrow"):
        if other != module and importlib.util.find_spec(other) is None:
            pytest.skip(f"{other} would be missed first")
    without(monkeypatch, module)
    with pytest.raises(MissingExtraError, match=rf"{module}.*selfinvoke\[{extra}\]"):
        Destinations(**{name: tmp_path / "r"}).check()


def test_one_report_that_fails_does_not_stop_the_others(
    tmp_path: Path, make: Make, make_run: MakeRun
) -> None:
    run = Run(make_run([make("p", "clean", True)]))
    gone = tmp_path / "gone" / "r.csv"
    written = write_reports(
        run, Destinations(csv=gone, markdown=tmp_path / "r.md", step_summary=tmp_path)
    )
    assert written.files == [("markdown", tmp_path / "r.md")]
    assert len(written.errors) == 2
    assert any("gone" in error and "No such file" in error for error in written.errors)


def test_the_summary_of_a_ci_job_is_added_to(
    tmp_path: Path, make: Make, make_run: MakeRun
) -> None:
    path = tmp_path / "step"
    path.write_text("# before\n")
    write_reports(
        Run(make_run([make("p", "clean", True)])), Destinations(step_summary=path)
    )
    assert path.read_text().startswith("# before\n## m on b\n")


def test_a_bug_in_a_report_becomes_a_line_after_a_run(
    tmp_path: Path, make: Make, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(contents: Any) -> str:
        raise ZeroDivisionError("1 / 0")

    monkeypatch.setattr(files, "markdown", broken)
    folder = make_run([make("p", "clean", True)])
    written = write_after_run(folder, Destinations(markdown=tmp_path / "r.md"))
    assert "ZeroDivisionError: 1 / 0" in written.errors[0]
    assert f"python -m pytest_selfinvoke report {folder}" in written.errors[1]
    assert write_after_run(tmp_path / "no run", Destinations()).errors == []


def test_the_command_writes_what_it_is_told(
    tmp_path: Path, make: Make, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run([make("p", "clean", True)], tail=b'{"cut')
    out = tmp_path / "r.md"
    assert (
        main(
            ["report", str(folder), f"--markdown={out}", f"--csv={tmp_path / 'r.csv'}"]
        )
        == 0
    )
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        f"markdown: {out}",
        f"csv: {tmp_path / 'r.csv'}",
    ]
    [warning] = printed.err.splitlines()
    assert "records.jsonl:2" in warning
    assert "is cut off" in out.read_text()


def test_the_command_without_a_file_prints_the_table(
    make: Make, make_run: MakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(make_run([make("p", "clean", True)]))]) == 0
    assert "100.0 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "records.jsonl").unlink(), "no run directory"),
        (
            lambda folder: (folder / "manifest.json").write_text('{"schema": 99}'),
            "written by a newer version",
        ),
    ],
    ids=["no run", "newer"],
)
def test_the_command_refuses_in_one_line(
    make: Make,
    make_run: MakeRun,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    message: str,
) -> None:
    folder = make_run([make("p", "clean", True)])
    change(folder)
    assert main(["report", str(folder), "--markdown=r.md"]) == 4
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_ctrl_c_ends_the_command_in_one_line(
    make_run: MakeRun,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_selfinvoke.commands.contents", interrupted)
    run = make_run([make("p", "clean", True)])
    assert main(["report", str(run)]) == 2
    assert capsys.readouterr().err == "interrupted\n"
