"""What programs can reach, per tier that this host offers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import forkserver
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.forkserver import TIERS, ForkServer
from pytest_selfinvoke.sandbox.judge import Judge
from pytest_selfinvoke.sandbox.runner import Sandbox

LIMITS = Limits(cpu_s=2, wall_s=10)


class Tier:
    def __init__(self, tiers: tuple[str, ...]) -> None:
        self.solutions, self.trials = ForkServer(tiers=tiers), ForkServer(tiers=tiers)

    def run(
        self,
        program: str,
        tests: str = "assert f() == 1",
        *,
        limits: Limits = LIMITS,
    ) -> Execution:
        job = Job(program=program, tests=tests, entry_points=("f",), limits=limits)
        return Judge(self.solutions, self.trials).execute(job, time.perf_counter)


@pytest.fixture(scope="module", params=["namespaces", "landlock", "seccomp"])
def tier(request: pytest.FixtureRequest) -> Iterator[Tier]:
    tier = Tier(TIERS[TIERS.index(request.param) :])
    found = tier.solutions.isolation.tier
    if found != request.param:
        pytest.skip(f"this host offers {found} at best")
    yield tier
    tier.solutions.close()
    tier.trials.close()


def attempt(statement: str) -> str:
    """A program that is solved if a statement raises."""
    return (
        f"def f():\n    try:\n        {statement}\n"
        "    except BaseException as e:\n        print(type(e).__name__)\n        return 1\n"
    )


def test_a_program_runs_at_all(tier: Tier) -> None:
    assert tier.run("def f(): return 1").verdict is Verdict.SOLVED


@pytest.mark.parametrize(
    "statement",
    [
        "import socket; socket.create_connection(('127.0.0.1', {port}), 1)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
        "import socket; socket.socket(socket.AF_UNIX).connect('\\0abstract')",
        "import os; os.fork()",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {{}})",
        "import multiprocessing; multiprocessing.Process(target=print).start(); raise OSError",
        "import os; os.chroot('/')",
        "open('{outside}', 'w')",
    ],
)
def test_programs_are_kept_from(tier: Tier, statement: str, tmp_path: Path) -> None:
    if "{outside}" in statement and tier.solutions.isolation.tier == "seccomp":
        pytest.skip("without a root of its own or Landlock, file rights alone decide")
    tmp_path.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = statement.format(port=port, outside=tmp_path / "x")
        execution = tier.run(attempt(text + "; return 0"))
    assert execution.verdict is Verdict.SOLVED, execution
    assert not list(tmp_path.iterdir())


def test_other_processes_cannot_be_signalled(tier: Tier) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    ) as victim:
        tier.run(attempt(f"import os; os.kill({victim.pid}, 9)"))
        tier.run(attempt("import os; os.kill(os.getppid(), 9)"))
        tier.run(attempt("import os; os.kill(-1, 9)"))
        assert victim.poll() is None
        assert victim.stdin is not None
        victim.stdin.close()
    assert tier.run("def f(): return 1").verdict is Verdict.SOLVED


def test_the_environment_holds_no_secret(
    tier: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_API_KEY", "secret")
    program = "import os\ndef f(): return sorted(k for k in os.environ if 'KEY' in k or 'USER' in k)"
    assert tier.run(program, "assert f() == []").verdict is Verdict.SOLVED


def test_no_descriptor_is_inherited(tier: Tier, tmp_path: Path) -> None:
    with (tmp_path / "held").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        program = (
            "import os\ndef f():\n    found = []\n    for n in range(4, 64):\n"
            "        try: os.fstat(n); found.append(n)\n        except OSError: pass\n"
            "    return found"
        )
        assert tier.run(program, "assert f() == []").verdict is Verdict.SOLVED


def test_answers_of_benchmarks_cannot_be_read(tier: Tier) -> None:
    if tier.solutions.isolation.tier == "seccomp":
        pytest.skip("without a root of its own or Landlock, files stay readable")
    folder = Path(forkserver.__file__).parents[1] / "benchmarks" / "mini.jsonl"
    assert folder.is_file()
    assert tier.run(attempt(f"open({str(folder)!r}).read(1)")).verdict is Verdict.SOLVED


def test_nothing_outlives_its_program(tier: Tier) -> None:
    marker = f"marker{os.getpid()}{time.monotonic_ns()}"
    program = (
        "import threading, time\n"
        f"name = {marker!r}\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "def f(): return 1"
    )
    started = time.monotonic()
    assert tier.run(program).verdict is Verdict.SOLVED
    assert time.monotonic() - started < 5
    server = tier.solutions._process
    assert server is not None
    # the server itself, where it lives in a namespace, and the child for the next
    left = descendants(server.pid)
    assert len(left) <= 2
    assert all(len(os.listdir(f"/proc/{pid}/task")) == 1 for pid in left)


def test_programs_do_not_see_each_other(tier: Tier) -> None:
    assert (
        tier.run("open('left', 'w').write('x')\ndef f(): return 1").verdict
        is Verdict.SOLVED
    )
    seen = "import os\ndef f(): return os.listdir('.')"
    assert tier.run(seen, "assert f() == []").verdict is Verdict.SOLVED


def test_the_disk_is_not_filled(tier: Tier) -> None:
    execution = tier.run(attempt("open('big', 'wb').write(b'x' * 10 ** 8); return 0"))
    assert execution.verdict is not Verdict.WRONG_ANSWER, execution


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def test_a_waiting_child_that_was_killed_is_replaced() -> None:
    with Sandbox() as sandbox:
        for _ in range(3):
            assert sandbox.run(JOB).verdict is Verdict.SOLVED
            server = sandbox._light._process
            assert server is not None
            for pid in descendants(server.pid)[1:]:
                os.kill(pid, signal.SIGKILL)


def test_each_program_has_its_own_limits(tier: Tier) -> None:
    program = "x = bytearray(2 ** 27)\ndef f(): return 1"
    small, large = Limits(memory_bytes=2**26), Limits(memory_bytes=2**29)
    for limits, verdict in (
        (large, Verdict.SOLVED),
        (small, Verdict.MEMORY),
        (small, Verdict.MEMORY),
        (large, Verdict.SOLVED),
    ):
        assert tier.run(program, limits=limits).verdict is verdict


def test_descriptors_stay_flat() -> None:
    with Sandbox() as sandbox:
        job = Job(
            program="def f(): return 1", tests="assert f() == 1", entry_points=("f",)
        )
        sandbox.run(job)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(100):
            sandbox.run(job)
        assert len(os.listdir("/proc/self/fd")) == before


JOB = Job(program="def f(): return 1", tests="assert f() == 1", entry_points=("f",))


def test_a_killed_server_is_replaced() -> None:
    with Sandbox() as sandbox:
        assert sandbox.run(JOB).verdict is Verdict.SOLVED
        process = sandbox._light._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.1)
        assert sandbox.run(JOB).verdict is Verdict.SOLVED


def test_a_server_that_is_always_killed_is_our_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = ForkServer._start

    def killed(self: ForkServer, tiers: object) -> socket.socket:
        control = start(self, tiers)  # type: ignore[arg-type]
        assert self._process is not None
        for pid in (*descendants(self._process.pid), self._process.pid):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()
        return control

    monkeypatch.setattr(ForkServer, "_start", killed)
    with (
        Sandbox() as sandbox,
        pytest.raises(NotJudgedError, match="killed from outside twice"),
    ):
        sandbox.run(JOB)


HOLDER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.runner import Sandbox
s = Sandbox()
s.run(Job(program="def f(): return 1", tests="assert f() == 1", entry_points=("f",)))
print(s._light._process.pid, flush=True)
s.run(Job(program="import time\\ntime.sleep(60)", tests="assert f() == 1", entry_points=("f",)))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_caller(how: signal.Signals) -> None:
    root = str(Path(forkserver.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, root],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as caller:
        assert caller.stdout is not None
        server = int(caller.stdout.readline())
        time.sleep(0.3)
        family = [server, *descendants(server)]
        assert len(family) >= 2
        caller.send_signal(how)
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in family):
        assert time.monotonic() < deadline, "a process is left over"
        time.sleep(0.05)


def test_an_interrupt_in_the_caller_leaves_a_usable_sandbox() -> None:
    with Sandbox() as sandbox:
        sandbox.run(JOB)

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        previous = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            with pytest.raises(KeyboardInterrupt):
                sandbox.run(
                    Job(program="import time\ntime.sleep(9)", tests="", entry_points=())
                )
        finally:
            signal.signal(signal.SIGALRM, previous)
        assert sandbox.run(JOB).verdict is Verdict.SOLVED


def test_a_server_never_comes_back_with_less(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as sandbox:
        if sandbox.isolation.tier != "namespaces":
            pytest.skip("this host has one tier only")
        for server in (sandbox._light, sandbox._heavy, sandbox._trials):
            server.close()
            monkeypatch.setattr(server, "_tiers", ("landlock", "seccomp"))
        with pytest.raises(NotJudgedError, match="isolation was namespaces, now"):
            sandbox.run(JOB)


HEAVY = Job(
    program="import numpy\ndef f(x): return int(numpy.add(x, 1))",
    tests="assert f(1) == 2",
    entry_points=("f",),
)


def test_loaded_libraries_do_not_lower_the_isolation() -> None:
    pytest.importorskip("numpy")
    with Sandbox() as sandbox:
        assert sandbox.run(HEAVY).verdict is Verdict.SOLVED
        assert sandbox._heavy is not sandbox._light
        assert sandbox._heavy.isolation == sandbox.isolation


def test_libraries_that_cannot_be_loaded_ahead_are_loaded_in_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("numpy")

    def fails() -> None:
        raise NotJudgedError("it starts threads")

    with Sandbox() as sandbox:
        monkeypatch.setattr(sandbox._heavy, "start", fails)
        assert sandbox.run(HEAVY).verdict is Verdict.SOLVED
        assert sandbox._heavy is sandbox._light


def test_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="choose from auto, strict, unsafe-ok"):
        Sandbox("none")
    monkeypatch.setattr(
        "pytest_selfinvoke.sandbox.runner.ForkServer", _without_isolation
    )
    for policy in ("auto", "strict"):
        with Sandbox(policy) as sandbox, pytest.raises(UserError, match="namespaces"):
            sandbox.check()
    with Sandbox("unsafe-ok") as sandbox:
        sandbox.check()
        assert sandbox.isolation.tier == "none"
        assert sandbox.run(JOB).verdict is Verdict.SOLVED


def _without_isolation(**arguments: object) -> ForkServer:
    return ForkServer(tiers=())
