"""Runs pytest sessions with the plugin, in every mode that users have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

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

FIRST = "mini::oracle::classes_01_click_counter::clean"


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    """No option, data or cache of the outer session reaches the inner one."""
    for name in ("SELFINVOKE_DATA", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    # Without compiled files pytest rewrites every plugin anew, in every worker: that
    # is two thirds of the time of a short session.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", NOT_NEEDED)


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """Run pytest in this process, which is fastest: ``run("--model=oracle")``."""
    pytester.syspathinsert()
    return lambda *arguments: pytester.runpytest_inprocess(*arguments)


@pytest.fixture
def run_apart(pytester: pytest.Pytester) -> Run:
    """As ``run``, in a process of its own."""
    return lambda *arguments: pytester.runpytest_subprocess(*arguments, timeout=120)


@pytest.fixture(params=[*MODES, "apart"])
def run_in_mode(request: pytest.FixtureRequest, run: Run, run_apart: Run) -> Run:
    """As ``run``, once in each mode."""
    if request.param == "apart":
        return run_apart
    return lambda *arguments: run(*MODES[request.param], *arguments)


@pytest.fixture(params=["alone", "n2"])
def run_both(request: pytest.FixtureRequest, run: Run) -> Run:
    """As ``run``, once in one process and once with two workers."""
    return lambda *arguments: run(*MODES[request.param], *arguments)


def run_folder(folder: Path) -> Path:
    """The folder of the only run."""
    [manifest] = folder.glob(".selfinvoke/*/manifest.json")
    return manifest.parent


def records(folder: Path) -> list[dict[str, Any]]:
    """The records of the only run."""
    text = (run_folder(folder) / "records.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the only run."""
    data: dict[str, Any] = json.loads(
        (run_folder(folder) / "manifest.json").read_text()
    )
    return data


def listed_ids(result: pytest.RunResult) -> list[str]:
    """The ids that ``--co -q`` printed."""
    return [line for line in result.outlines if line.startswith("mini::")]


def assert_clear(result: pytest.RunResult, *words: str) -> None:
    """One line has all the words, and nothing looks like a bug of ours."""
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text, text
    assert "INTERNALERROR" not in text, text
    lines = [line for line in text.splitlines() if all(word in line for word in words)]
    assert lines, text
