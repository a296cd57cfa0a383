from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from pytest_selfinvoke.core.cache import cache_dir
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.models.cache import build_once


def test_folder_follows_the_environment(tmp_path: Path) -> None:
    chosen = {"SELFINVOKE_CACHE": str(tmp_path), "XDG_CACHE_HOME": "/elsewhere"}
    assert cache_dir(chosen) == tmp_path
    xdg = {"XDG_CACHE_HOME": str(tmp_path)}
    assert cache_dir(xdg) == tmp_path / "pytest-selfinvoke"
    default = Path.home() / ".cache" / "pytest-selfinvoke"
    assert cache_dir({}) == cache_dir({"XDG_CACHE_HOME": "relative"}) == default


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    builds = []

    def build(folder: Path) -> None:
        builds.append(folder)
        time.sleep(0.05)
        (folder / "weights").write_text("w")

    threads = [
        threading.Thread(target=build_once, args=(target, build)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert build_once(target, build) == target
    assert len(builds) == 1
    assert builds[0] != target
    assert [path.name for path in target.iterdir()] == ["weights"]


def test_half_made_folders_are_not_used(tmp_path: Path) -> None:
    target = tmp_path / "model"
    left = tmp_path / ".model.part-of-a-killed-process"
    left.mkdir()
    (left / "weights").write_text("half")

    def fail(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        build_once(target, fail)
    assert not target.exists()
    assert [path.name for path in tmp_path.iterdir()] == [".model.lock"]


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written: .*: set SELFINVOKE_CACHE"):
        build_once(tmp_path / "file" / "model", lambda folder: None)
