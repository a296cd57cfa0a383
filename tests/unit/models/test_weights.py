from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_selfinvoke.models import weights
from pytest_selfinvoke.models.weights import files_revision, folder_revision, hub_commit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "model.safetensors").write_bytes(bytes(range(256)) * 40)
    (made / "config.json").write_text("{}")
    (made / "README.md").write_text("a model")
    return made


def test_a_copy_has_the_same_revision(folder: Path, tmp_path: Path) -> None:
    revision = folder_revision(folder)
    assert revision.startswith("sha256:")
    assert len(revision) == len("sha256:") + 16
    assert folder_revision(shutil.copytree(folder, tmp_path / "copy")) == revision
    (folder / "README.md").write_text("another text")
    assert folder_revision(folder) == revision


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.safetensors", bytes(range(256)) * 39 + bytes(256)),
        ("config.json", b"[]"),
        ("chat_template.jinja", b"{{ messages }}"),
        ("tokenizer.model", b"x"),
        ("modeling_own.py", b"x = 1"),
    ],
)
def test_what_decides_answers_changes_it(folder: Path, name: str, data: bytes) -> None:
    before = folder_revision(folder)
    (folder / name).write_bytes(data)
    assert folder_revision(folder) != before


def test_names_and_borders_of_files_count(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"xy")
    two.write_bytes(b"z")
    before = files_revision([one, two])
    assert files_revision([two, one]) == before
    one.write_bytes(b"x")
    two.write_bytes(b"yz")
    assert files_revision([one, two]) != before


def test_a_large_file_is_sampled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "WHOLE_BYTES", 5_000)
    monkeypatch.setattr(weights, "HEAD_BYTES", 1_000)
    monkeypatch.setattr(weights, "BLOCK_BYTES", 10)
    monkeypatch.setattr(weights, "STRIDE_BYTES", 100)
    path = tmp_path / "model.safetensors"
    data = bytearray(10_007)
    path.write_bytes(data)
    before = files_revision([path])
    assert before.startswith("sampled:")

    def changed(at: int) -> bool:
        path.write_bytes(data[:at] + b"!" + data[at + 1 :])
        return files_revision([path]) != before

    # The head, a block, the end; and what lies between two blocks is not seen.
    assert all(changed(at) for at in (0, 999, 1_000, 5_009, 10_000, 10_006))
    assert not changed(1_050)
    path.write_bytes(data + b"\0")
    assert files_revision([path]) != before


def test_a_huge_file_is_read_in_a_bounded_number_of_blocks() -> None:
    pieces = list(weights._pieces(1 << 40))
    assert len(pieces) <= weights.MOST_BLOCKS + 2
    assert all(0 <= start < 1 << 40 for start, _ in pieces)


def test_commit_of_a_name_on_the_hub(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    refs = tmp_path / "hub" / "models--org--name" / "refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(commit)
    (refs.parent / "snapshots" / commit).mkdir(parents=True)
    for environ in (
        {"HF_HOME": str(tmp_path)},
        {"HF_HOME": "/nowhere", "HF_HUB_CACHE": str(tmp_path / "hub")},
    ):
        assert hub_commit("org/name", "main", environ) == commit
        assert hub_commit("org/name", commit, environ) == commit
        assert hub_commit("org/name", "v2", environ) is None
        assert hub_commit("org/other", "main", environ) is None
