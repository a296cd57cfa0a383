"""Holes that were found, each closed for good."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.forkserver import ForkServer
from pytest_selfinvoke.sandbox.judge import Judge
from pytest_selfinvoke.sandbox.runner import Sandbox

HOSTILE = "import pytest_selfinvoke.sandbox.child as child\nchild._call = lambda m, q: {}\ndef f(x): return 0"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def run(
    sandbox: Sandbox,
    program: str,
    tests: str = "assert f(1) == 2",
    *,
    allow_processes: bool = False,
    **limits: float,
) -> Execution:
    chosen = Limits(**{"cpu_s": 2.0, "wall_s": 10.0, **limits})  # type: ignore[arg-type]
    job = Job(
        program=program,
        tests=tests,
        entry_points=("f",),
        limits=chosen,
        allow_processes=allow_processes,
    )
    return sandbox.run(job)


def test_a_strange_object_does_not_open_the_way_beside_the_program(
    sandbox: Sandbox,
) -> None:
    program = (
        "import sys\n"
        "class Odd: pass\n"
        "def f(x):\n"
        "    found = [c for c in sys._getframe(1).f_code.co_consts if isinstance(c, int)]\n"
        "    return found[-1] if found[1:] else Odd()"
    )
    execution = run(sandbox, program)
    assert (execution.verdict, execution.judge) == (Verdict.WRONG_ANSWER, "apart")
    assert "Odd" in str(execution.actual)


@pytest.mark.parametrize(
    "answer",
    [
        "{'frac': [{'i': '0x' + 'f' * 3000000}, {'i': '0x' + 'e' * 3000000}]}",
        "{'s': [{'i': hex(k * (2 ** 61 - 1))} for k in range(1, 60000)]}",
    ],
    ids=["greatest common divisor", "colliding hashes"],
)
def test_slow_data_is_not_taken_in_by_the_worker(sandbox: Sandbox, answer: str) -> None:
    program = HOSTILE.replace("{}", f"{{'result': {answer}}}")
    before = time.process_time()
    execution = run(sandbox, program, cpu_s=0.5)
    assert execution.verdict in (Verdict.TIMEOUT, Verdict.WRONG_ANSWER)
    assert time.process_time() - before < 1


@pytest.mark.parametrize(
    "answer",
    ["{'raised': {'bases': 5}}", "{'changed': 5, 'result': 1}", "{'raised': 1}", "{}"],
)
def test_malformed_answers_to_running_tests(sandbox: Sandbox, answer: str) -> None:
    tests = "for n in (1, 2):\n    assert f(n) == n + 1"
    execution = run(sandbox, HOSTILE.replace("{}", answer), tests)
    assert execution.verdict is not Verdict.SOLVED


def test_a_class_named_by_the_program_is_not_used_by_the_tests(
    sandbox: Sandbox,
) -> None:
    program = (
        "class Counter:\n    def __init__(self, *a): pass\n"
        "    def __eq__(self, other): return True\n"
        "def f(x): return {'a': 5}"
    )
    tests = "assert f(1) == Counter({'a': 1})"
    assert run(sandbox, program, tests).verdict is Verdict.WRONG_ANSWER
    honest = "from collections import Counter\ndef f(x): return Counter('a')"
    execution = run(sandbox, honest, tests)
    assert (execution.verdict, execution.judge) == (Verdict.SOLVED, "apart")


@pytest.mark.parametrize(
    ("program", "tests"),
    [
        (
            "from datetime import datetime\ndef f(d): return d.year",
            "assert f(datetime(2020, 1, 2)) == 2020",
        ),
        (
            "import datetime\ndef f(d): return d.year",
            "assert f(datetime.date(2020, 1, 2)) == 2020",
        ),
        (
            "from collections import Counter\ndef f(x): return Counter(x)",
            "r = f('aab')\nassert isinstance(r, Counter) and r.most_common(1)",
        ),
        (
            "class Own: pass\ndef f(x): return Own()",
            "r = f(1)\nassert isinstance(r, Own)",
        ),
        (
            "import abc\nclass Own(abc.ABC): size = 1\ndef f(x): return Own()",
            "r = f(1)\nassert r.size == 1 and not isinstance(r, list)",
        ),
    ],
)
def test_tests_about_types_are_fair(sandbox: Sandbox, program: str, tests: str) -> None:
    execution = run(sandbox, program, tests)
    assert execution.verdict is Verdict.SOLVED, execution


def test_fractions_of_a_second_of_cpu_time_count(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def f(x):\n    while True: pass", cpu_s=0.2)
    assert execution.verdict is Verdict.TIMEOUT
    assert "0.2 s of CPU" in execution.detail
    assert 0.15 < execution.cpu_s < 0.6


def test_output_that_never_pauses_does_not_hold_the_clock_up(sandbox: Sandbox) -> None:
    program = "import time\ndef f(x):\n    while True: print('x'); time.sleep(0.0001)"
    started = time.monotonic()
    execution = run(sandbox, program, wall_s=0.5, cpu_s=9.0)
    assert execution.verdict is Verdict.TIMEOUT
    assert time.monotonic() - started < 5


def test_processes_only_where_they_are_allowed(sandbox: Sandbox) -> None:
    program = (
        "import subprocess\ndef f(x):\n"
        "    return int(subprocess.run(['/bin/sh', '-c', 'echo 2'], capture_output=True).stdout)"
    )
    assert run(sandbox, program).exception == "PermissionError"
    if sandbox.isolation.tier != "namespaces":
        with pytest.raises(NotJudgedError, match="namespaces"):
            run(sandbox, program, allow_processes=True)
        return
    assert run(sandbox, program, allow_processes=True).verdict is Verdict.SOLVED
    bomb = "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)"
    execution = run(sandbox, bomb, allow_processes=True, processes=20)
    assert execution.exception == "BlockingIOError"
    assert run(sandbox, "def f(x): return 2").verdict is Verdict.SOLVED


@pytest.mark.parametrize(
    "call", ["shmget(77, 4096, 0o1666)", "msgget(77, 0o1666)", "semget(77, 1, 0o1666)"]
)
def test_nothing_is_left_in_memory_for_the_next_program(
    sandbox: Sandbox, call: str
) -> None:
    program = f"import ctypes\ndef f(x): return ctypes.CDLL(None).{call}"
    assert run(sandbox, program, "assert f(1) == -1").verdict is Verdict.SOLVED


def test_a_sandbox_that_cannot_be_closed_is_our_fault(sandbox: Sandbox) -> None:
    if sandbox.isolation.tier != "namespaces":
        pytest.skip("the private folder is a file system of its own in namespaces only")
    with pytest.raises(NotJudgedError, match="the sandbox failed"):
        run(sandbox, "def f(x): return 2", disk_bytes=-1)


def test_large_programs(sandbox: Sandbox) -> None:
    big = "def f(x): return x + 1\n" + "# é\n" * 2_500_000
    assert run(sandbox, big, cpu_s=10.0).verdict is Verdict.SOLVED


def test_a_library_that_tests_need_and_nobody_has(sandbox: Sandbox) -> None:
    with pytest.raises(NotJudgedError, match="'not_there_at_all'"):
        run(sandbox, "def f(x): return 2", "import not_there_at_all\nassert f(1) == 2")
    execution = run(sandbox, "import not_there_at_all\ndef f(x): return 2")
    assert execution.exception == "ModuleNotFoundError"
    assert "not_there_at_all" in execution.detail


def test_tests_beside_the_program_that_never_call_it(sandbox: Sandbox) -> None:
    tests = "import sys\ndef test():\n    assert f(1) == 2"
    with pytest.raises(NotJudgedError, match="never call"):
        run(sandbox, "def f(x): return 2", tests)


def test_tests_that_assert_nothing(sandbox: Sandbox) -> None:
    with pytest.raises(NotJudgedError, match="assert nothing"):
        run(sandbox, "def f(x): return 2", "for x in (1, 2):\n    f(x)")
    tests = "def expect(x):\n    if f(x) != 2: raise ValueError\nexpect(1)"
    assert run(sandbox, "def f(x): return 2", tests).verdict is Verdict.SOLVED


def test_answers_that_the_tests_cannot_use_are_wrong(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def f(x): return None", "assert f(1) + 1 == 3")
    assert (execution.verdict, execution.judge) == (Verdict.WRONG_ANSWER, "apart")
    assert "TypeError" in execution.detail


def test_folders_of_a_killed_worker_go_away(tmp_path: Path) -> None:
    server = ForkServer(tiers=("landlock", "seccomp"))
    server.start()
    boxes = server._boxes
    assert boxes is not None
    assert server._control is not None
    assert server._process is not None
    server._control.close()  # what a kill -9 of the worker does
    server._process.wait(10)
    assert not boxes.exists()
    server._control = None
    server.close()


def test_other_peoples_files_keep_their_rights(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("x")
    target.chmod(0o640)
    server, trials = ForkServer(tiers=("landlock", "seccomp")), ForkServer()
    program = f"import os\nos.chmod({str(target)!r}, 0o777)\ndef f(x): return 2"
    job = Job(program=program, tests="assert f(1) == 2", entry_points=("f",))
    Judge(server, trials).execute(job, time.perf_counter)
    server.close()
    assert target.stat().st_mode & 0o777 == 0o640


@pytest.mark.slow
def test_random_kills_lose_no_case() -> None:
    """2,000 cases while fork servers are killed: right verdicts, or not judged."""
    import random

    rng = random.Random(5)
    good, bad = "def f(x): return x + 1", "def f(x): return x"
    lost = 0
    with Sandbox() as sandbox:
        for case in range(2000):
            if rng.random() < 0.02:
                server = rng.choice((sandbox._light, sandbox._trials))
                if server._process is not None:
                    victims = [server._process.pid, *_children(server._process.pid)]
                    os.kill(rng.choice(victims), signal.SIGKILL)
            tests = rng.choice(
                ("assert f(1) == 2", "for n in (1, 2):\n    assert f(n) == n + 1")
            )
            program = rng.choice((good, bad))
            try:
                verdict = run(sandbox, program, tests).verdict
            except NotJudgedError:
                lost += 1
                continue
            wanted = Verdict.SOLVED if program is good else Verdict.WRONG_ANSWER
            assert verdict is wanted, case
    assert lost < 10


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found
