"""Runs pytest sessions with the plugin, in every mode that users have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

Run: TypeAlias = Callable[..., pytest.RunResult]

MODES = {
    "alone": (),
    "no xdist": ("-p", "no:xdist"),
    "n0": ("-n", "0"),
    "n2": ("-n", "2"),
}


#: Plugins that may be installed and are imported (hypothesis: all of it) for nothing.
NOT_NEEDED = "-p no:hypothesispytest -p no:anyio -p no:platformdirs"


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """No option or data of the outer session reaches the inner one."""
    for name in ("SELFINVOKE_DATA", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    # Without compiled files pytest rewrites every plugin anew, in every worker: that
    # is two thirds of the time of a short session.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", NOT_NEEDED)


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run pytest in a process of its own: ``run("--model=oracle")``."""

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*arguments, timeout=120)

    return run


@pytest.fixture(params=MODES.values(), ids=MODES.keys())
def run_in_mode(request: pytest.FixtureRequest, run: Run) -> Run:
    """As ``run``, once in each mode."""
    return lambda *arguments: run(*request.param, *arguments)


@pytest.fixture(params=["alone", "n2"])
def run_both(request: pytest.FixtureRequest, run: Run) -> Run:
    """As ``run``, once in one process and once with two workers."""
    return lambda *arguments: run(*MODES[request.param], *arguments)


def records(folder: Path) -> list[dict[str, object]]:
    """The records of the only run below a folder."""
    import json

    [file] = folder.glob(".selfinvoke/*/records.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]
