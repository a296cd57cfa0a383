"""Benchmark files of every kind, and what is said of broken ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks.reading import Row, find_file, read_rows
from pytest_selfinvoke.core.errors import DataError, MissingExtraError, UserError

FORMS = (("id", "text"), ("id", "prompt"))
RECORDS = [{"id": 1, "text": "a\u2028b"}, {"id": 2, "text": "c"}]


def write(folder: Path, content: str | bytes, name: str = "file.json") -> Path:
    path = folder / name
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(data)
    return path


def rows_of(path: Path) -> list[Row]:
    return read_rows(path, forms=FORMS, kind="mine")


def lines(records: list[dict[str, object]]) -> str:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n\n" for r in records)


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        pytest.param(json.dumps(RECORDS, indent=1), [None, None], id="array"),
        pytest.param(lines(RECORDS), [1, 3], id="lines"),
        pytest.param(lines(RECORDS).replace("\n", "\r\n"), [1, 3], id="crlf"),
        pytest.param("\ufeff" + lines(RECORDS), [1, 3], id="bom"),
        pytest.param(gzip.compress(lines(RECORDS).encode()), [1, 3], id="gzip"),
    ],
)
def test_every_form_gives_the_same_records(
    content: str | bytes, numbers: list[int | None], tmp_path: Path
) -> None:
    rows = rows_of(write(tmp_path, content))
    assert [row.data for row in rows] == RECORDS
    assert [row.line for row in rows] == numbers
    assert [row.number for row in rows] == [1, 2]


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "file.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(RECORDS), path)
    assert [row.data for row in rows_of(path)] == RECORDS
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"file\.parquet: cannot be read as parquet"):
        rows_of(path)


def test_parquet_without_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"'pyarrow' is not installed"):
        rows_of(write(tmp_path, b"PAR1..."))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"file\.json: is empty"),
        ("[]", r"file\.json: is empty"),
        ('[\n {"id": 1,]\n', r"file\.json:2: column 11: "),
        ('{"id": 1, "text": "a"}\n{"id" 2}\n', r"file\.json:2: column 7: Expecting"),
        ("[1]", "record 1 is no JSON object"),
        ("[" * 200_000, "cannot be read as JSON"),
        (b'{"id": 1}\n\xff', r"file\.json:2: is not UTF-8"),
        (gzip.compress(b"[]", mtime=0)[:-6], "is no whole gzip file"),
        (b"\x1f\x8bnothing", "is no whole gzip file"),
        (
            '[{"id": 1, "code": "a"}]',
            "is no file of benchmark 'mine': expected the fields id, text; or id, "
            "prompt; found id, code",
        ),
    ],
)
def test_broken_files(content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        rows_of(write(tmp_path, content))


def test_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        rows_of(tmp_path / "file.json")


def row(**data: object) -> Row:
    return Row(path=Path("f.json"), number=3, data=data)


def test_missing_field_names_the_record() -> None:
    with pytest.raises(DataError) as caught:
        row(id=7).text("text")
    assert str(caught.value) == ("f.json: field 'text': is missing in record 3 (id 7)")
    with pytest.raises(DataError, match=r"is missing in record 3$"):
        row().text("text")


@pytest.mark.parametrize("value", [1, None, "", " \n", ["a"]])
def test_texts_are_strings(value: object) -> None:
    with pytest.raises(DataError, match="'text': must be a string that is not empty"):
        row(text=value).text("text")


def test_half_surrogate() -> None:
    with pytest.raises(DataError, match="half of a surrogate pair"):
        row(text="a\ud800").text("text")


def test_lists_of_texts() -> None:
    assert row(tests=["a", "b"]).texts("tests") == ("a", "b")
    with pytest.raises(DataError, match=r"field 'tests\[1\]': must be a string"):
        row(tests=["a", 1]).texts("tests")
    with pytest.raises(DataError, match="'tests': must be a list of strings"):
        row(tests="a").texts("tests")


def test_integers() -> None:
    assert row(id=12).integer("id") == 12
    assert row(id="HumanEval/012").integer("id", "HumanEval/") == 12


@pytest.mark.parametrize(
    ("value", "prefix", "message"),
    [
        ("12", "", "must be a whole number, not '12', in record 3"),
        (True, "", "must be a whole number"),
        (-1, "", "must be a whole number"),
        ("MBPP/1", "HumanEval/", "must be a string like 'HumanEval/12', not 'MBPP/1'"),
        ("HumanEval/x", "HumanEval/", "must be a string like"),
        ("HumanEval/1/2", "HumanEval/", "must be a string like"),
        (12, "HumanEval/", "must be a string like"),
    ],
)
def test_wrong_integers(value: object, prefix: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        row(id=value).integer("id", prefix)


def test_files_are_found(tmp_path: Path) -> None:
    names = ("a.json", "sub/a.json")
    (tmp_path / "a.json").mkdir()
    (tmp_path / "sub").mkdir()
    path = write(tmp_path / "sub", "[]", "a.json")
    assert find_file(tmp_path, names, usage="so") == path
    other = write(tmp_path, "[]", "other.txt")
    assert find_file(other, names, usage="so") == other


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder: do so"):
        find_file(tmp_path / "no", ("a.json",), usage="do so")
    with pytest.raises(UserError, match=r"holds none of a\.json, b/a\.json: do so"):
        find_file(tmp_path, ("a.json", "b/a.json"), usage="do so")
