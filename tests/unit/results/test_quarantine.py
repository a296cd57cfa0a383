from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.results.quarantine import (
    Listed,
    check_hashes,
    read_quarantine,
    write_quarantine,
)

LIST = {"mini": Listed(hash="abc", problems={"p1": ("no assert", "stub passes")})}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_quarantine(tmp_path / "q.json", LIST)
    assert read_quarantine(tmp_path / "q.json") == LIST


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a quarantine list"),
        ("[]", "not a quarantine list"),
        ('{"schema": 2}', "has schema 2, this version reads 1"),
        ('{"schema": 1, "benchmarks": {"mini": {}}}', "not a quarantine list"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "q.json").write_text(text)
    with pytest.raises(DataError, match=words):
        read_quarantine(tmp_path / "q.json")


def test_a_list_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--selfinvoke-audit --selfinvoke-quarantine="):
        read_quarantine(tmp_path / "q.json")
    with pytest.raises(UserError, match="cannot be written"):
        write_quarantine(tmp_path, LIST)


def test_a_list_is_of_the_same_problems() -> None:
    check_hashes(Path("q"), LIST, {"mini": "abc", "other": "x"})
    check_hashes(Path("q"), LIST, {})
    with pytest.raises(UserError, match="made from other problems of mini"):
        check_hashes(Path("q"), LIST, {"mini": "abd"})
    with pytest.raises(UserError, match="lists problems of mini, not of other"):
        check_hashes(Path("q"), LIST, {"other": "x"})
