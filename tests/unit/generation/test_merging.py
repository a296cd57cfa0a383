from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.generation.merging import merge_stores
from pytest_selfinvoke.generation.store import CompletionStore, Entry, KnownModel


def write(path: Path, answers: dict[int, str]) -> Path:
    info = ModelInfo(name="x", engine="hf")
    model = KnownModel(state=path.name, spec="hf:x", identity="i", info=info)
    with CompletionStore(path) as store:
        store.remember(model)
        store.add(
            Entry(
                key=number.to_bytes(32, "big"),
                identity="i",
                run=path.name,
                question={"case": f"case {number}"},
                completion=Completion(text=text, duration_s=len(path.name)),
            )
            for number, text in answers.items()
        )
    return path


def test_shards_become_one_store(tmp_path: Path) -> None:
    # What both have they agree on; the times are each one's own.
    one = write(tmp_path / "one", {1: "a", 2: "b"})
    three = write(tmp_path / "three", {2: "b", 3: "c"})
    target = tmp_path / "new" / "all"
    assert merge_stores([one, three], target) == 3
    with CompletionStore(target, read_only=True) as store:
        assert [e.completion.text for e in store.entries()] == ["a", "b", "c"]
        assert len(store.models()) == 2
    assert [path.name for path in target.parent.iterdir()] == ["all"]


def test_a_conflict_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", {1: "a"}), write(tmp_path / "two", {1: "b"})
    with pytest.raises(DataError, match=r"/two: another completion .* of case 1"):
        merge_stores([one, two], tmp_path / "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    one = write(tmp_path / "one", {1: "a"})
    with pytest.raises(UserError, match="exists"):
        merge_stores([one], one)


def test_a_source_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone"):
        merge_stores([tmp_path / "gone"], tmp_path / "all")
