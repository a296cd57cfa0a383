from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case, Variant
from pytest_selfinvoke.results.runs import read_run
from pytest_selfinvoke.results.store import MANIFEST, RECORDS


def record(problem: str, verdict: Verdict | None = Verdict.SOLVED) -> Record:
    case = Case(
        benchmark="b", problem=problem, model="m", variant=Variant(attack="x.a", seed=1),
        style="chat", sample=2, seed=0, name="x.a-seed1", suite="s.selfinvoke.toml",
    )  # fmt: skip
    return Record(
        case=case.to_json(),
        status=Status.ERROR if verdict is None else Status.PASSED,
        verdict=verdict,
        execution={"exception": "KeyError"},
        prompt="long",
        prompt_hash="p",
    )


def folder(path: Path, *records: Record, manifest: object = None) -> Path:
    (path / RECORDS).write_text("".join(f"{one.to_line()}\n" for one in records))
    if manifest is not None:
        (path / MANIFEST).write_text(json.dumps(manifest))
    return path


def manifest(**hashes: str) -> dict[str, object]:
    benchmarks = [{"name": name, "hash": value} for name, value in hashes.items()]
    return {"plans": [{"benchmarks": benchmarks}]}


def test_a_run_without_its_texts(tmp_path: Path) -> None:
    records = [record("p"), record("q", Verdict.EXCEPTION), record("r", None)]
    run = read_run(folder(tmp_path, *records, manifest=manifest(b="h")))
    assert (run.name, run.models, run.benchmarks) == (tmp_path.name, ("m",), {"b": "h"})
    assert [case.solved for case in run.cases] == [True, False, None]
    assert [case.kind for case in run.cases] == ["solved", "KeyError", "error"]
    assert run.cases[0].key("n") == ("b", "n", "p", "x.a", 1, 2)
    assert run.cases[0].prompt_hash == "p"
    assert run.notes == ()


def test_the_manifests_of_merged_runs_count(tmp_path: Path) -> None:
    merged = {**manifest(a="1"), "merged": [manifest(a="1"), manifest(b="2")]}
    assert read_run(folder(tmp_path, record("p"), manifest=merged)).benchmarks == {
        "a": "1",
        "b": "2",
    }


def test_without_a_manifest_nothing_is_known_of_benchmarks(tmp_path: Path) -> None:
    assert read_run(folder(tmp_path, record("p"))).benchmarks == {}


@pytest.mark.parametrize("end", ['{"schema": 1, "ca', '{"schema": 1, "ca\n', "\0\0\n"])
def test_a_last_line_that_is_cut_off_is_left_out_and_named(
    tmp_path: Path, end: str
) -> None:
    folder(tmp_path, record("p"))
    with (tmp_path / RECORDS).open("a") as stream:
        stream.write(end)
    run = read_run(tmp_path)
    assert [case.problem for case in run.cases] == ["p"]
    [note] = run.notes
    assert f"{RECORDS}:2: the last record is cut off" in note


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense\n{}\n", "1: not a record"),
        (record("p").to_line().replace('"schema":1', '"schema":2') + "\n", "newer"),
        ('{"schema": 1, "status": "passed", "case": {}}\n', "not a record of a case"),
    ],
)
def test_broken_records(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / RECORDS).write_text(text)
    with pytest.raises(DataError, match=words):
        read_run(tmp_path)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run directory, and none in it"):
        read_run(tmp_path / "nothing")
    with pytest.raises(UserError, match="holds no records"):
        read_run(folder(tmp_path))


@pytest.mark.parametrize("text", ["{", "[]", '{"plans": [{}]}'])
def test_a_broken_manifest(tmp_path: Path, text: str) -> None:
    folder(tmp_path, record("p"))
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(DataError, match="not a manifest"):
        read_run(tmp_path)
