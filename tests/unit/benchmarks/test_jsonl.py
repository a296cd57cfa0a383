"""Users' own problems: which file is taken, and what is said if there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.benchmarks.jsonl import JSONL, JsonlBenchmark
from pytest_selfinvoke.core.errors import DataError, UserError

RECORD = {
    "id": "one",
    "target": {
        "entry_point": "one",
        "prompt": "def one() -> int:\n",
        "solution": "    return 1\n",
        "tests": "assert one() == 1",
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one problem."""
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(RECORD), encoding="utf-8")
    return path


def test_file_is_read(file: Path) -> None:
    assert isinstance(JSONL, Benchmark)
    assert JSONL.locate(file, download=False) == file
    (problem,) = JSONL.load(file)
    assert (problem.id, problem.benchmark) == ("one", "jsonl")


def test_only_file_of_a_folder_is_taken(file: Path) -> None:
    (file.parent / "notes.txt").touch()
    (file.parent / "folder.jsonl").mkdir()
    assert JSONL.locate(file.parent, download=False) == file


def test_no_location() -> None:
    with pytest.raises(UserError, match="needs a file: --benchmark jsonl=PATH"):
        JSONL.locate(None, download=True)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder: --benchmark jsonl="):
        JSONL.locate(tmp_path / "absent.jsonl", download=True)


def test_folder_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"exactly one \*\.jsonl file, found none"):
        JSONL.locate(tmp_path, download=True)


def test_folder_with_several_files(file: Path) -> None:
    (file.parent / "more.jsonl").touch()
    with pytest.raises(UserError, match=r"found mine\.jsonl, more\.jsonl"):
        JSONL.locate(file.parent, download=True)


def test_mistakes_name_the_file(file: Path) -> None:
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"mine\.jsonl:1: field 'id': is missing"):
        JSONL.load(file)


def test_file_that_cannot_be_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match=r"mine\.jsonl: cannot be read: Permission"):
        JSONL.load(file)


def test_a_named_file_needs_no_path_on_the_command_line(tmp_path: Path) -> None:
    benchmark = JsonlBenchmark.named("tickets", tmp_path / "t.jsonl", licence="MIT")
    (tmp_path / "t.jsonl").write_text("")
    assert benchmark.info.name == "tickets"
    assert benchmark.locate(None, download=False) == tmp_path / "t.jsonl"
