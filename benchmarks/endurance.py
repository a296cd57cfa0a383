"""Many programs through one sandbox: does anything grow, does anything get lost?

By default 50,000 programs of all kinds; memory, descriptors, processes and temporary
files are printed on the way, and the last half is compared with the first. With
``--kills`` fork servers and children are killed at random meanwhile. Run it by hand::

    python benchmarks/endurance.py [--programs 50000] [--kills]
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

LITERAL = "assert f(1) == 2\nassert f(5) == 6\n"
RUN = "for n in (1, 5, 7):\n    assert f(n) == n + 1\n"
LIMITS = Limits(cpu_s=0.3, wall_s=5.0)
#: (program, tests, verdict, how often among a thousand)
KINDS = (
    ("def f(n): return n + 1", LITERAL, "solved", 580),
    ("def f(n): return n + 1", RUN, "solved", 100),
    ("def f(n): return n", LITERAL, "wrong_answer", 150),
    ("def f(n): return [][n]", RUN, "exception", 60),
    ("import os\ndef f(n): os._exit(0)", LITERAL, "crashed", 40),
    ("def f(n:", LITERAL, "syntax_error", 20),
    ("print('x' * 10 ** 6)\ndef f(n): return n + 1", LITERAL, "solved", 20),
    ("def f(n):\n while True: pass", LITERAL, "timeout", 25),
    (
        "open('a', 'w').write('x' * 10 ** 6)\ndef f(n): return n + 1",
        LITERAL,
        "solved",
        5,
    ),
)


def descendants(pid: int) -> list[int]:
    """The living processes below one."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(text) for text in file.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def resident_kib(pid: int) -> int:
    """Resident memory of a process."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def entries(folder: str) -> int:
    """How many things a folder holds."""
    return sum(1 for _ in Path(folder).iterdir())


def state() -> dict[str, int]:
    """What must not grow."""
    below = descendants(os.getpid())
    return {
        "worker KiB": resident_kib(os.getpid()),
        "servers KiB": sum(map(resident_kib, below)),
        "descriptors": entries("/proc/self/fd"),
        "processes": len(below),
        "temporary": entries(tempfile.gettempdir()),
    }


def kill_some(stop: threading.Event, killed: Counter[str]) -> None:
    """Kill a descendant at random now and then."""
    rng = random.Random(0)
    while not stop.wait(rng.uniform(0.1, 1.0)):
        below = descendants(os.getpid())
        if below:
            try:
                os.kill(rng.choice(below), signal.SIGKILL)
                killed["killed"] += 1
            except ProcessLookupError:
                pass


def main() -> None:
    """Run the programs and say what grew and what was judged wrongly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=50_000)
    parser.add_argument("--kills", action="store_true")
    chosen = parser.parse_args()
    rng = random.Random(1)
    weights = [kind[3] for kind in KINDS]
    outcomes: Counter[str] = Counter()
    killed: Counter[str] = Counter()
    stop = threading.Event()
    seen: list[dict[str, int]] = []
    before = entries(tempfile.gettempdir())
    started = time.perf_counter()
    with Sandbox() as sandbox:
        print(f"sandbox: {sandbox.isolation.describe()}")
        if chosen.kills:
            killer = threading.Thread(target=kill_some, args=(stop, killed))
            killer.start()
        for number in range(1, chosen.programs + 1):
            program, tests, verdict, _ = rng.choices(KINDS, weights)[0]
            job = Job(program=program, tests=tests, entry_points=("f",), limits=LIMITS)
            try:
                execution = sandbox.run(job)
                found = f"{execution.verdict.value} {execution.detail}"
                right = execution.verdict.value == verdict
                outcomes["right" if right else f"{verdict}: {found}"] += 1
            except NotJudgedError:
                outcomes["not judged"] += 1
            if number % max(1, chosen.programs // 20) == 0:
                seen.append(state())
                print(number, *(f"{k} {v}" for k, v in seen[-1].items()), sep="  ")
        stop.set()
        if chosen.kills:
            killer.join()
    took = time.perf_counter() - started
    print(
        f"{chosen.programs} programs in {took:.0f} s: {dict(outcomes)} {dict(killed)}"
    )
    print(f"left: {len(descendants(os.getpid()))} processes")
    print(f"left: {entries(tempfile.gettempdir()) - before} temporary entries")
    half = len(seen) // 2
    for name in () if chosen.kills or not half else seen[0]:
        first = max(one[name] for one in seen[:half])
        last = max(one[name] for one in seen[half:])
        grows = last > first * 1.02 + (256 if "KiB" in name else 1)
        print(f"{name}: at most {first}, then {last}: {'GROWS' if grows else 'flat'}")


if __name__ == "__main__":
    main()
