from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache: nothing is found that an earlier test left."""
    cache = tmp_path / "selfinvoke-cache"
    monkeypatch.setenv("SELFINVOKE_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the real benchmark files."""
    folder = os.environ.get("SELFINVOKE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set SELFINVOKE_DATA to the folder with the real benchmark files")
    return Path(folder)
