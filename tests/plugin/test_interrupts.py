"""Ctrl-C, kill -9 and time-outs: records are kept, no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import manifest, records

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
IN_BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


def start(
    pytester: pytest.Pytester,
    *arguments: str,
    seconds: float = 0.3,
    model: str | None = None,
) -> subprocess.Popen[str]:
    """A session with a model that needs some time for each answer, or another one."""
    pytester.makepyfile(slow=model or SLOW.format(seconds=seconds))
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--model=slow:load", *arguments],
        cwd=pytester.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
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


def children(pid: int) -> list[int]:
    """All processes that a process started, and those that they started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            direct = [int(child) for child in task.read_text().split()]
        except OSError:
            continue
        for child in direct:
            found += [child, *children(child)]
    return found


def child_with(pid: int, text: bytes) -> int:
    """The first of a process's children with a text in its command line."""
    return next(
        child
        for child in children(pid)
        if text in Path(f"/proc/{child}/cmdline").read_bytes()
    )


def assert_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while alive := [pid for pid in pids if _runs(pid)]:
        assert time.monotonic() < deadline, f"left over: {alive}"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@IN_BOTH
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
    # The second one may come when Python itself is about to end.
    codes = {2} if times == 1 else {2, -signal.SIGINT}
    assert process.returncode in codes, output
    assert "INTERNALERROR" not in output
    found = records(pytester.path)
    assert 2 <= len(found) < 48
    assert {record["status"] for record in found} == {"failed"}
    assert len(family) >= 2
    assert_gone(family)


MINIMIZED = """
import time
from pytest_selfinvoke import map_prompts
RIGHT = '''
def count_clicks(times):
    return max(0, times)

def total_clicks(rounds):
    return sum(map(count_clicks, rounds))
'''
class Slow:
    asked = 0
    def generate(self, requests):
        return [self.answer(request.prompt.shown()) for request in requests]
    def answer(self, prompt):
        self.asked += 1
        if self.asked > 2:
            time.sleep(60)
        return "" if "# bad" in prompt else RIGHT
def load(spec):
    return Slow()
def attack(problem, rng):
    return map_prompts(problem, lambda code: code + "# good\\n# bad\\n# odd\\n")
"""


def test_ctrl_c_twice_while_minimizing_ends_the_session_in_order(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        "from slow import attack\n"
        "def pytest_selfinvoke_attacks(registry):\n"
        "    registry.add('mine.lines', attack)\n"
    )
    options = ("--limit=1", "--attack=clean,mine.lines", "--selfinvoke-minimize")
    process = start(pytester, *options, model=MINIMIZED)
    assert process.stdout is not None
    output = ""
    while "minimizing 1 of 1" not in output:
        line = process.stdout.readline()
        assert line, output
        output += line
    time.sleep(0.3)
    for _ in range(4):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    output += process.communicate(timeout=30)[0]
    assert process.returncode == 1, output
    assert "Traceback" not in output
    assert "minimizing was interrupted; what is written is kept" in output
    assert manifest(pytester.path)["finished"] is True


def test_killing_the_controller_leaves_records_and_no_process(
    pytester: pytest.Pytester,
) -> None:
    process = start(pytester)
    wait_for_records(pytester, 2)
    family = children(process.pid)
    assert child_with(process.pid, b"generation.server") in family
    process.kill()
    process.communicate()
    assert len(records(pytester.path)) >= 2
    assert manifest(pytester.path)["finished"] is False
    assert_gone(family)


def test_a_killed_worker_is_an_error_of_ours(pytester: pytest.Pytester) -> None:
    process = start(pytester, "-n", "2", "--limit=8")
    wait_for_records(pytester, 2)
    worker = child_with(process.pid, b"exec(eval(sys.stdin.readline()))")
    os.kill(worker, signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    found = records(pytester.path)
    assert len({record["case"]["id"] for record in found}) == len(found) == 8, output
    [lost] = [record for record in found if record["status"] == "error"]
    assert lost["detail"] == "the worker crashed"
    assert lost["verdict"] is None


def test_a_killed_generation_server_is_replaced(pytester: pytest.Pytester) -> None:
    process = start(pytester, "--limit=8")
    wait_for_records(pytester, 2)
    os.kill(child_with(process.pid, b"generation.server"), signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    statuses = [record["status"] for record in records(pytester.path)]
    assert len(statuses) == 8, output
    assert statuses.count("error") <= 1
    assert statuses[-1] == "failed"


@IN_BOTH
def test_an_item_over_pytests_own_limit_is_an_error(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    process = start(pytester, "--limit=2", "--timeout=1", *workers, seconds=30)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    found = records(pytester.path)
    assert [record["status"] for record in found] == ["error", "error"], output
    assert "imeout" in found[0]["detail"]
    assert "2 errors in" in output


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("--selfinvoke-audit",), "and no list written"),
        (("--selfinvoke-certify", "--attack=all"), "interrupted"),
    ],
    ids=["audit", "certify"],
)
def test_ctrl_c_ends_a_command_without_a_traceback(
    pytester: pytest.Pytester, command: tuple[str, ...], words: str
) -> None:
    process = start(pytester, *command)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while not lines[-1].startswith("sandbox: "):
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    time.sleep(1.0)
    family = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert words in output
    assert output.rstrip().endswith("interrupted")
    assert "Traceback" not in output
    assert_gone(family)
