from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.results.published import read_published

HEAD = "model,params,tuning,benchmark,shots,pass@1,source\n"
ROW = "small,1B,base,HumanEval,0,50.5,a table\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "published.csv"
    path.write_text(text)
    return path


def test_cells_know_their_line(tmp_path: Path) -> None:
    [cell] = read_published(written(tmp_path, HEAD + ROW))
    assert (cell.model, cell.value, cell.line) == ("small", 50.5, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.replace("shots,", ""), "published.csv:1: has no column shots"),
        (HEAD + ROW.replace("50.5", "high"), "published.csv:2: field 'pass@1'"),
        (HEAD + ROW.replace("50.5", "100.5"), "from 0 to 100, got 100.5"),
        (HEAD + ROW.replace("50.5", "nan"), "from 0 to 100, got nan"),
        (HEAD + ROW.replace("base", ""), "published.csv:2: field 'tuning': is empty"),
        (HEAD + "small,1B\n", "is empty"),
        (HEAD + ROW + ROW, "a second figure of small HumanEval 0, after line 2"),
        (HEAD, "holds no figures"),
        (HEAD + '"open', "cannot be read"),
    ],
)
def test_broken_files_say_where(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        read_published(written(tmp_path, text))
    assert words in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file of published results"):
        read_published(tmp_path / "none.csv")


def test_the_published_table_is_read() -> None:
    data = os.environ.get("SELFINVOKE_DATA")
    if not data:
        pytest.skip("SELFINVOKE_DATA is not set")
    cells = read_published(Path(data, "published/selfinvoking_2412.21199.csv"))
    assert len(cells) == 256
