from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.merging import merge_runs
from pytest_selfinvoke.results.store import RunDirectory, read_records


def record(name: str, text: str = "answer", seconds: float = 1.0) -> Record:
    return Record(
        case={"id": name, "model": "m"},
        status=Status.PASSED,
        verdict=Verdict.SOLVED,
        completion={"text": text, "finish_reason": "stop", "duration_s": seconds},
        durations={"generation_s": seconds},
    )


def run(
    folder: Path, records: list[Record], plan: Mapping[str, Any] | None = None
) -> Path:
    benchmark = {"name": "mini", "hash": "h", "used": len(records)}
    plans = [
        {
            "benchmarks": [benchmark],
            "models": [{"spec": f"openai:http://{folder.name}/v1#coder"}],
            "seed": 0,
            "shard": folder.name,
            **(plan or {}),
        }
    ]
    made = RunDirectory.create(folder.parent, folder.name)
    for each in records:
        made.append(each.to_line())
    manifest = {"schema": 1, "finished": True, "plans": plans, "host": folder.name}
    made.write_manifest(manifest)
    made.close()
    return made.path


def test_shards_become_one_run(tmp_path: Path) -> None:
    # A case that both have is one: only the times differ.
    one = run(tmp_path / "one", [record("a"), record("b")])
    two = run(tmp_path / "two", [record("b", seconds=9.0), record("c")])
    merged = merge_runs([one, two], tmp_path / "all")
    assert [r.id for r in merged] == ["a", "b", "c"]
    assert list(read_records(tmp_path / "all")) == list(merged)
    manifest = json.loads((tmp_path / "all" / "manifest.json").read_text())
    assert manifest["finished"] is True
    assert [m["host"] for m in manifest["merged"]] == ["one", "two"]


def test_another_completion_is_a_conflict(tmp_path: Path) -> None:
    one = run(tmp_path / "one", [record("a")])
    two = run(tmp_path / "two", [record("a", "other")])
    with pytest.raises(DataError, match="/two: another record of a than"):
        merge_runs([one, two], tmp_path / "all")
    assert not (tmp_path / "all").exists()


@pytest.mark.parametrize(
    "plan", [{"seed": 1}, {"benchmarks": [{"name": "mini", "hash": "other"}]}]
)
def test_other_settings_are_a_conflict(tmp_path: Path, plan: dict[str, Any]) -> None:
    one, two = run(tmp_path / "one", []), run(tmp_path / "two", [], plan)
    with pytest.raises(DataError, match="/two: another benchmark, model or setting"):
        merge_runs([one, two], tmp_path / "all")


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="/gone: no run directory"):
        merge_runs([tmp_path / "gone"], tmp_path / "all")
    broken = run(tmp_path / "broken", [])
    (broken / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="not a manifest"):
        merge_runs([broken], tmp_path / "all")
    with pytest.raises(UserError, match="exists"):
        merge_runs([broken], broken)
