"""Mistakes give one clear line and the right exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from .conftest import Run, records


def clear(result: pytest.RunResult, *words: str) -> None:
    text = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in text, text
    assert "INTERNALERROR" not in text, text
    lines = [line for line in text.splitlines() if all(word in line for word in words)]
    assert lines, text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model=orakle"], ["unknown model 'orakle'", "did you mean 'oracle'"]),
        (["--model="], ["--model needs a value"]),
        (["--model=oracle", "--benchmark=minni"], ["unknown benchmark", "'mini'"]),
        (["--model=oracle", "--benchmark=,"], ["--benchmark needs NAME"]),
        (["--model=oracle", "--attack=cleen"], ["unknown attack", "'clean'"]),
        (["--model=oracle", "--samples=0"], ["--samples must be at least 1"]),
        (["--model=oracle", "--limit=0"], ["limit", "above 0"]),
        (["--model=oracle", "--limit=some:3"], ["limit", "random:NUMBER"]),
        (["--model=oracle", "--prompt-style=chatt"], ["chatt", "'chat'"]),
        (["--model=oracle", "--prompt-style=template:nope.txt"], ["nope.txt"]),
        (["--model=oracle", "--benchmark=jsonl=nope.jsonl"], ["nope.jsonl"]),
        (["--model=oracle", "--benchmark=humaneval-pro=nope.json"], ["nope.json"]),
        (["--benchmark=mini"], ["--benchmark needs a model"]),
        (["--model=replay:nope.jsonl"], ["nope.jsonl"]),
        (["--model=no_such_module:load"], ["no_such_module"]),
        (["--model=openai:ftp://x#m"], ["openai"]),
        (["nope.selfinvoke.toml"], ["nope.selfinvoke.toml"]),
        (
            ["--model=oracle", "-o", "selfinvoke_cpu_s=fast"],
            ["selfinvoke_cpu_s", "'fast'"],
        ),
        (
            ["--model=oracle", "-o", "selfinvoke_sandbox=none"],
            ["sandbox 'none'", "strict"],
        ),
    ],
    ids=" ".join,
)
def test_one_clear_line(run_both: Run, arguments: list[str], words: list[str]) -> None:
    result = run_both(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    clear(result, *words)


def test_a_folder_without_a_model(run_both: Run) -> None:
    pytest.importorskip("torch", reason="needs the extra hf")
    result = run_both("--model=hf:./nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    clear(result, "nowhere")


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra hf is there")
def test_a_missing_extra_names_the_command(run_both: Run) -> None:
    result = run_both("--model=hf:some/model")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    clear(result, "pip install 'pytest-selfinvoke[hf]'")


def test_an_unreachable_server(run_both: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="needs the extra openai")
    result = run_both("--model=openai:http://127.0.0.1:9/v1#m")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    clear(result, "127.0.0.1:9")


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (
            "[suite]\nsample = 2",
            ["bad.selfinvoke.toml", "suite.sample", "suite.samples"],
        ),
        ("[suite]\nsamples = 'two'", ["suite.samples", "expected int"]),
        ("[suite]\nsamples = 0", ["samples must be at least 1"]),
        ("[suite", ["bad.selfinvoke.toml", "not TOML"]),
        ("[[model]]\nname = 'x'", ["model[1].spec", "is missing"]),
        ("[[model]]\nspec = 'orakle'", ["unknown model"]),
        ("[[benchmark]]\nname = 'mini'", ["no [[model]]"]),
        ("[[model]]\nspec = 'oracle'\n[limits]\ncpu_s = 'x'", ["limits.cpu_s"]),
        (
            "[[model]]\nspec = 'oracle'\n[[benchmark]]\nname = 'minni'",
            ["unknown benchmark"],
        ),
    ],
)
def test_a_broken_suite_file(
    run_both: Run, pytester: pytest.Pytester, suite: str, words: list[str]
) -> None:
    (pytester.path / "bad.selfinvoke.toml").write_text(suite)
    result = run_both("bad.selfinvoke.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    clear(result, *words)
    found = run_both()
    assert found.ret != 0
    clear(found, *words)


def test_broken_problems_name_file_line_and_field(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "p.jsonl").write_text(
        '\n{"id": "a", "target": {"entry_point": 5}}\n'
    )
    result = run_both("--model=oracle", "--benchmark=jsonl=p.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    clear(result, "p.jsonl:2", "target.")


def test_results_that_cannot_be_written(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "file").write_text("")
    result = run("--model=oracle", "--limit=1", "--selfinvoke-results=file")
    assert result.ret not in (0, pytest.ExitCode.INTERNAL_ERROR)
    clear(result, "--selfinvoke-results")


FULL = """
import os
write = os.write
def full(handle, data, count=[0]):
    if b'"schema"' in data:
        count[0] += 1
        if count[0] > 2:
            raise OSError(28, "No space left on device")
    return write(handle, data)
os.write = full
"""


def test_a_full_disk_stops_the_session_and_keeps_the_records(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(FULL)
    result = run_both("--model=oracle", "--limit=8")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    clear(result, "records.jsonl", "No space left on device")
    assert len(records(pytester.path)) == 2


SLOW = """
import time
class Slow:
    max_batch = 1
    def generate(self, requests):
        time.sleep({seconds})
        return ["def f(): pass" for _ in requests]
def load(spec):
    return Slow()
"""


def start(
    pytester: pytest.Pytester, *arguments: str, seconds: float = 0.3
) -> subprocess.Popen[str]:
    pytester.makepyfile(slow=SLOW.format(seconds=seconds))
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--model=slow:load", *arguments],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A session started in the background of a shell would ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_records(pytester: pytest.Pytester, count: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        files = list(pytester.path.glob(".selfinvoke/*/records.jsonl"))
        if files and files[0].read_text().count("\n") >= count:
            return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def session_members(session: int) -> list[int]:
    """All processes of a session, and those that they started in others."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session or int(fields[1]) in found:
            found.append(int(stat.parent.name))
    return found


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while alive := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < deadline, f"left over: {alive}"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    except OSError:
        return False


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_what_was_finished(
    pytester: pytest.Pytester, workers: tuple[str, ...], times: int
) -> None:
    process = start(pytester, *workers)
    wait_for_records(pytester, 2)
    family = children(process.pid)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.2)
    output, _ = process.communicate(timeout=30)
    assert process.returncode in (2, -signal.SIGINT), output
    assert "INTERNALERROR" not in output
    assert len(records(pytester.path)) >= 2
    assert len(family) >= 2
    assert_gone(family)


def test_killing_the_controller_leaves_records_and_no_process(
    pytester: pytest.Pytester,
) -> None:
    process = start(pytester)
    wait_for_records(pytester, 2)
    family = children(process.pid)
    process.kill()
    process.communicate()
    assert len(records(pytester.path)) >= 2
    assert_gone(family)


def test_a_killed_worker_is_an_error_of_ours(pytester: pytest.Pytester) -> None:
    process = start(pytester, "-n", "2", "--limit=8")
    wait_for_records(pytester, 2)
    workers = [
        pid
        for pid in children(process.pid)
        if b"exec(eval(sys.stdin.readline()))"
        in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    statuses = [record["status"] for record in records(pytester.path)]
    assert statuses.count("error") == 1, output
    assert len(statuses) == 8
    assert "the worker crashed" in str([r["detail"] for r in records(pytester.path)])


def test_a_killed_generation_server_is_replaced(pytester: pytest.Pytester) -> None:
    process = start(pytester, "--limit=8")
    wait_for_records(pytester, 2)
    [server] = [
        pid
        for pid in children(process.pid)
        if b"generation.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(server, signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    statuses = [record["status"] for record in records(pytester.path)]
    assert len(statuses) == 8, output
    assert statuses.count("error") <= 1


def test_an_item_over_pytests_own_limit_is_an_error(pytester: pytest.Pytester) -> None:
    process = start(pytester, "--limit=2", "--timeout=1", seconds=30)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    found = records(pytester.path)
    assert [record["status"] for record in found] == ["error", "error"], output
    assert "imeout" in str(found[0]["detail"])
