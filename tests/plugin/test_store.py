"""Kept completions: nothing is generated twice, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from .conftest import Run, assert_clear, manifest, records

#: Writes the key of every request it is given, and which process loaded it.
COUNTING = """
import os, time
from pathlib import Path
from pytest_selfinvoke.core.records import Completion, ModelInfo
class Counting:
    def __init__(self, spec):
        self.spec = spec
        self.max_batch = {max_batch}
        note("loads.txt", [spec.label])
    def generate(self, requests):
        note("calls.txt", [f"{{self.spec.label}} {{r.case['id']}}" for r in requests])
        time.sleep({seconds})
        note("done.txt", [r.case["id"] for r in requests])
        return [Completion(text="no code") for _ in requests]
    def close(self):
        note("closes.txt", [self.spec.label])
def note(name, lines):
    with open(os.path.join({folder!r}, name), "a") as stream:
        stream.writelines(f"{{line}}\\n" for line in lines)
"""


@pytest.fixture
def model(pytester: pytest.Pytester) -> str:
    return write_model(pytester)


def write_model(
    pytester: pytest.Pytester, *, max_batch: int = 4, seconds: float = 0.0
) -> str:
    values = {"max_batch": max_batch, "seconds": seconds}
    text = COUNTING.format(folder=str(pytester.path), **values)
    (pytester.path / "counting.py").write_text(text)
    return "--model=counting:Counting"


def lines(pytester: pytest.Pytester, name: str = "calls.txt") -> list[str]:
    file = pytester.path / name
    return file.read_text().splitlines() if file.exists() else []


def last_line(result: pytest.RunResult) -> str:
    [line] = [line for line in result.outlines if line.startswith("completions:")]
    return line


def test_a_second_run_calls_and_loads_nothing(
    pytester: pytest.Pytester, run_both: Run, model: str
) -> None:
    first = run_both(model, "--limit=10", "--selfinvoke-results=one")
    assert first.parseoutcomes()["failed"] == 10
    assert last_line(first).startswith("completions: 10 generated, 0 from the store")
    assert len(lines(pytester)) == 10
    second = run_both(model, "--limit=10", "--selfinvoke-results=two")
    assert last_line(second).startswith("completions: 0 generated, 10 from the store")
    assert len(lines(pytester)) == 10
    assert lines(pytester, "loads.txt") == ["counting-Counting"]
    texts = [
        [
            (r["case"]["id"], r["prompt_hash"], r["completion"]["text"], r["verdict"])
            for r in map(json.loads, path.read_text().splitlines())
        ]
        for path in sorted(pytester.path.glob("*/*/records.jsonl"))
    ]
    assert sorted(texts[0]) == sorted(texts[1])


def test_the_store_is_one_file_that_can_be_copied(
    pytester: pytest.Pytester, run: Run, model: str, tmp_path: Path
) -> None:
    run(model, "--limit=3", "--selfinvoke-store=mine.sqlite")
    assert [path.name for path in pytester.path.glob("mine*")] == ["mine.sqlite"]
    Path("mine.sqlite").rename(tmp_path / "copy")
    result = run(model, "--limit=3", f"--selfinvoke-store={tmp_path / 'copy'}")
    assert "0 generated, 3 from the store" in last_line(result)


@pytest.mark.parametrize(
    ("mode", "calls", "said"),
    [
        ("read-write", 4, "1 generated, 3 from the store"),
        ("refresh", 7, "4 generated, 0 from the store"),
        ("off", 7, "4 generated, none kept"),
    ],
)
def test_the_modes(
    pytester: pytest.Pytester, run: Run, model: str, mode: str, calls: int, said: str
) -> None:
    run(model, "--limit=3")
    result = run(model, "--limit=4", f"--selfinvoke-cache={mode}")
    assert said in last_line(result)
    assert len(lines(pytester)) == calls
    after = run(model, "--limit=4")
    assert f"{int(mode == 'off')} generated" in last_line(after)


def test_read_only_judges_what_is_there_and_names_what_is_not(
    pytester: pytest.Pytester, run_both: Run, model: str
) -> None:
    run_both(model, "--limit=3", "--selfinvoke-results=one")
    # Judging needs nothing of the model.
    (pytester.path / "counting.py").unlink()
    result = run_both(model, "--limit=4", "--selfinvoke-cache=read-only")
    result.assert_outcomes(failed=3, errors=1)
    assert_clear(result, "could not be judged", "not in the store", "read-only")
    assert len(lines(pytester)) == 3
    [missing] = [r for r in records(pytester.path) if r["status"] == "error"]
    assert "not in the store" in missing["detail"]


def test_read_only_without_a_store_is_one_line(run: Run, model: str) -> None:
    result = run(model, "--selfinvoke-cache=read-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "no completion store", "--selfinvoke-store")


@pytest.mark.parametrize("content", [b"x" * 5000, b"SQLite format 3\0" + b"y" * 5000])
def test_a_broken_store_is_one_line(
    pytester: pytest.Pytester, run: Run, model: str, content: bytes
) -> None:
    (pytester.path / "bad.sqlite").write_bytes(content)
    result = run(model, "--selfinvoke-store=bad.sqlite")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "bad.sqlite", "--selfinvoke-store")
    assert (pytester.path / "bad.sqlite").read_bytes() == content


def test_another_programs_database_is_left_alone(
    pytester: pytest.Pytester, run: Run, model: str
) -> None:
    database = sqlite3.connect(pytester.path / "other.db")
    database.execute("CREATE TABLE treasure (x)")
    database.close()
    result = run(model, "--selfinvoke-store=other.db")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "other.db", "is no completion store")


@pytest.mark.parametrize("name", ["oracle", "stub"])
def test_models_that_cost_nothing_are_not_kept(
    run: Run, name: str, tmp_path: Path
) -> None:
    store = tmp_path / "s.sqlite"
    result = run(f"--model={name}", "--limit=2", f"--selfinvoke-store={store}")
    assert not store.exists()
    assert not [line for line in result.outlines if line.startswith("completions:")]


def test_samples_and_settings_have_entries_of_their_own(
    pytester: pytest.Pytester, run: Run, model: str
) -> None:
    hot = ("-o", "selfinvoke_temperature=1")
    run(model, "--limit=2", "--samples=3", *hot)
    assert len(lines(pytester)) == 6
    run(model, "--limit=2", "--samples=3", *hot)
    assert len(lines(pytester)) == 6
    run(model, "--limit=2", "--samples=3", "--seed=1", *hot)
    assert len(lines(pytester)) == 12
    run(model, "--limit=2")
    assert len(lines(pytester)) == 14


def test_a_changed_model_is_asked_again(
    pytester: pytest.Pytester, run_apart: Run, model: str
) -> None:
    run_apart(model, "--limit=2")
    with (pytester.path / "counting.py").open("a") as stream:
        stream.write("# better\n")
    result = run_apart(model, "--limit=2")
    assert "2 generated" in last_line(result)


def start(pytester: pytest.Pytester, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(pytester: pytest.Pytester, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(lines(pytester, "done.txt")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_a_run_killed_half_way_makes_one_batch_twice_at_most(
    pytester: pytest.Pytester, run: Run, workers: tuple[str, ...]
) -> None:
    model = write_model(pytester, seconds=0.1)
    process = start(pytester, model, "--limit=40", *workers)
    wait_for(pytester, 16)
    process.kill()
    process.communicate()
    made = len(lines(pytester))
    assert 16 <= made < 40
    result = run(model, "--limit=40", "--selfinvoke-results=again")
    assert result.parseoutcomes()["failed"] == 40
    counted = Counter(lines(pytester))
    assert len(counted) == 40
    assert sum(counted.values()) - 40 <= 4
    assert max(counted.values()) <= 2


def test_a_killed_server_loses_no_case_and_one_batch_at_most(
    pytester: pytest.Pytester,
) -> None:
    model = write_model(pytester, seconds=0.1)
    process = start(pytester, model, "--limit=40", "-n", "2")
    wait_for(pytester, 8)
    for path in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for child in path.read_text().split():
            if b"generation.server" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    found = records(pytester.path)
    assert [record["status"] for record in found] == ["failed"] * 40, output
    # What was made before the death came out of the store, and is of this session.
    assert "completions: 40 generated, 0 from the store" in output
    counted = Counter(lines(pytester))
    assert sum(counted.values()) - 40 <= 4
    assert len(lines(pytester, "loads.txt")) == 2
    # The plan was announced again: batches are full, not made of what two wait for.
    assert len(lines(pytester, "done.txt")) >= 40


@pytest.mark.parametrize("cache", ["read-write", "off"])
def test_a_run_that_stops_at_a_failure_makes_one_batch(
    pytester: pytest.Pytester, run: Run, cache: str
) -> None:
    model = write_model(pytester, seconds=0.05)
    result = run(model, "-x", f"--selfinvoke-cache={cache}", "-p", "no:xdist")
    assert result.parseoutcomes()["failed"] == 1
    # The one that failed, and the batch in flight.
    assert len(lines(pytester)) <= 1 + 4


def test_only_the_selected_are_made(pytester: pytest.Pytester, run: Run) -> None:
    model = write_model(pytester)
    run(model, "-k", "strings_01")
    assert len(lines(pytester)) == 1
    cached = ("-p", "cacheprovider")
    run(model, "--limit=3", "--selfinvoke-cache=off", *cached)
    before = len(lines(pytester))
    run(model, "--lf", "-k", "clean and click", "--selfinvoke-cache=off", *cached)
    assert len(lines(pytester)) == before + 1


def test_models_are_loaded_one_after_the_other(
    pytester: pytest.Pytester, run_both: Run
) -> None:
    model = write_model(pytester, seconds=0.02)
    # The same class under two names.
    with (pytester.path / "counting.py").open("a") as stream:
        stream.write("class Second(Counting): pass\n")
    result = run_both(model, "--model=counting:Second", "--limit=12")
    assert result.parseoutcomes()["failed"] == 24
    first, second = "counting-Counting", "counting-Second"
    assert lines(pytester, "loads.txt") == [first, second]
    assert lines(pytester, "closes.txt")[0] == first
    order = [line.split()[0] for line in lines(pytester)]
    assert order == [first] * 12 + [second] * 12


def test_models_in_parallel(pytester: pytest.Pytester, run: Run) -> None:
    write_model(pytester)
    with (pytester.path / "counting.py").open("a") as stream:
        stream.write("class Second(Counting): pass\n")
    models = ("--model=counting:Counting", "--model=counting:Second")
    run(*models, "--limit=4", "--models-in-parallel=2")
    assert len(lines(pytester, "loads.txt")) == 2
    bad = run(*models, "--models-in-parallel=0")
    assert bad.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(bad, "--models-in-parallel must be at least 1")


def test_the_manifest_says_what_is_known_of_a_model_that_was_not_loaded(
    pytester: pytest.Pytester, run: Run, model: str
) -> None:
    run(model, "--limit=1", "--selfinvoke-results=one")
    run(model, "--limit=1")
    [counted] = manifest(pytester.path)["generation"].values()
    assert counted["requests"] == 0
    assert counted["stored"] == 1
    assert counted["info"]["engine"] == "custom"
    assert manifest(pytester.path)["cache"] == "read-write"


def test_deterministic_reaches_the_engine(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        telling="""
        class Telling:
            max_batch = 1
            def __init__(self, spec): self.spec = spec
            def generate(self, requests): return [str(self.spec.options)]
        """
    )
    run("--model=telling:Telling", "--limit=1", "--deterministic")
    [record] = records(pytester.path)
    assert record["completion"]["text"] == "{'deterministic': True}"
    [plan] = manifest(pytester.path)["plans"]
    assert plan["deterministic"] is True
