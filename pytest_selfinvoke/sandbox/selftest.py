"""Run this project's own corpus of cheats, damage and honest programs on this host.

Each cheat and each honest program is judged in the three ways that there are; each
damaging program runs beside things that it could hurt, which are looked at afterwards.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Self

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Execution, Isolation, Job, Limits

CHEATS = ("leaving", "equality", "patching", "tracing", "reading", "forging")
HONEST = ("honest", "honest_numpy", "honest_pandas", "honest_processes")

#: What can go wrong.
KINDS = ("false passes", "damage", "hangs", "honest programs failed", "not judged")

LIMITS = Limits(cpu_s=2.0, wall_s=8.0)
#: The problem that all programs claim to solve, judged in each of the three ways.
TESTS = {
    "literal": "assert solve(2) == 5\nassert solve(3) == 10\nassert solve(10) == 101",
    "run": "for n, want in ((2, 5), (3, 10), (10, 101)):\n    assert solve(n) == want",
    "inline": "import sys\nassert solve(2) == 5\nassert solve(3) == 10\n"
    "assert solve(10) == 101\nassert solve(20) == 401",
}
#: A run that takes so many times the limit by the clock hung, whatever it says: one run
#: and one more, and the controls of inline judging.
_HANG = 4

Run = Callable[[Job], Execution]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program of the corpus."""

    category: str
    name: str
    source: str


@dataclass(slots=True, kw_only=True)
class Row:
    """What came of one category: counts, and what went wrong, by kind and by name."""

    category: str
    programs: int = 0
    runs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, kind: str, text: str) -> None:
        """Note something that went wrong; ``kind`` is one of :data:`KINDS`."""
        self.kinds[kind] += 1
        self.wrong.append(text)

    def lines(self) -> list[str]:
        """The row for people, and below it what went wrong."""
        counts = f"{self.category:<18}{self.programs:>9}{self.runs:>6}"
        return [f"{counts}  {len(self.wrong)}", *(f"    {w}" for w in self.wrong)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The table of a self-test."""

    isolation: Isolation
    rows: tuple[Row, ...]
    skipped: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return not any(row.wrong for row in self.rows)

    def lines(self) -> list[str]:
        """The table for people."""
        rows = [line for row in self.rows for line in row.lines()]
        return [*_head(self.isolation), *rows, *self.conclusion()]

    def conclusion(self) -> list[str]:
        """What was left out, and how often each kind of thing went wrong."""
        kinds = sum((row.kinds for row in self.rows), Counter[str]())
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS)
        return [*(f"skipped: {text}" for text in self.skipped), counts]


def _head(isolation: Isolation) -> list[str]:
    head = f"{'category':<18}{'programs':>9}{'runs':>6}  wrong"
    return [f"sandbox: {isolation.describe()}", head]


def corpus(category: str) -> list[Program]:
    """The programs of one category."""
    text = (resources.files(__package__) / "corpus" / f"{category}.txt").read_text(
        encoding="utf-8"
    )
    parts = [part.partition("\n") for part in text.split("### ")[1:]]
    return [Program(category=category, name=n, source=s) for n, _, s in parts]


def selftest(
    run: Run,
    isolation: Isolation,
    categories: Sequence[str] = (*CHEATS, "damage", *HONEST),
    *,
    ways: Sequence[str] = tuple(TESTS),
    limits: Limits = LIMITS,
    show: Callable[[str], None] = lambda line: None,
) -> Report:
    """Run the corpus.

    :param run: runs one job: a sandbox's ``run``.
    :param isolation: what that sandbox obtained.
    :param ways: of :data:`TESTS`.
    :param show: gets each line of the table as soon as it is known.
    """
    rows, skipped = [], []
    for line in _head(isolation):
        show(line)
    for category in categories:
        missing = _missing(category, isolation)
        if missing:
            skipped.append(f"{category}: {missing}")
            continue
        row = Row(category=category)
        for program in corpus(category):
            row.programs += 1
            if category == "damage":
                _damage(program, run, row, limits)
            else:
                _judged(program, run, row, ways, limits)
        rows.append(row)
        for line in row.lines():
            show(line)
    report = Report(isolation=isolation, rows=tuple(rows), skipped=tuple(skipped))
    for line in report.conclusion():
        show(line)
    return report


def _missing(category: str, isolation: Isolation) -> str:
    library = category.removeprefix("honest_")
    if library in ("numpy", "pandas") and importlib.util.find_spec(library) is None:
        return f"{library} is not installed"
    if category == "honest_processes" and isolation.tier != "namespaces":
        return "needs namespaces"
    return ""


def _judged(
    program: Program,
    run: Run,
    row: Row,
    ways: Sequence[str],
    limits: Limits,
) -> None:
    """A cheat must not pass, an honest program must, whichever way it is judged."""
    honest = program.category in HONEST
    for way in ways:
        row.runs += 1
        job = Job(
            program=_filled(program.source, package=str(Path(__file__).parents[1])),
            tests=TESTS[way],
            entry_points=("solve",),
            limits=limits,
            allow_processes=program.category == "honest_processes",
        )
        started = time.monotonic()
        try:
            execution = run(job)
        except NotJudgedError as error:
            row.add("not judged", f"{program.name} ({way}): not judged: {error}")
            continue
        if time.monotonic() - started > _HANG * limits.wall_s:
            row.add("hangs", f"{program.name} ({way}): hung")
        if (execution.verdict is Verdict.SOLVED) is not honest:
            text = f"{execution.verdict.value} {execution.detail}".strip()
            kind = "honest programs failed" if honest else "false passes"
            row.add(kind, f"{program.name} ({way}): {text}")


def _damage(program: Program, run: Run, row: Row, limits: Limits) -> None:
    """A damaging program may be judged as it likes, but nothing may be hurt."""
    row.runs += 1
    with Surroundings() as around:
        source = _filled(program.source, **around.names())
        job = Job(
            program=f"{source}\ndef solve(n): return n * n + 1",
            tests=TESTS["literal"],
            entry_points=("solve",),
            limits=limits,
        )
        started = time.monotonic()
        try:
            execution = run(job)
        except NotJudgedError as error:
            row.add("not judged", f"{program.name}: not judged: {error}")
            return
        if time.monotonic() - started > _HANG * limits.wall_s:
            row.add("hangs", f"{program.name}: hung")
        if "late" in source:
            time.sleep(1.5)
        hurt = [*around.hurt(), *_leaks(execution, around.secret)]
        for text in hurt:
            row.add("damage", f"{program.name}: {text}")


def _leaks(execution: Execution, secret: str) -> Iterator[str]:
    seen = (execution.stdout, execution.stderr, execution.detail)
    if any(secret in text for text in seen):
        yield "read a secret"
    if max(len(execution.stdout), len(execution.stderr)) > LIMITS.output_bytes:
        yield "output was not cut"


def _filled(source: str, **names: str) -> str:
    # Not str.format: programs are full of braces.
    for name, value in names.items():
        source = source.replace("{" + name + "}", value)
    return source


class Surroundings:
    """Things that a program could hurt: files, a secret, sockets, a sibling."""

    def __init__(self) -> None:
        self.secret = secrets.token_hex(8)
        self._name = f"selfinvoke-{secrets.token_hex(8)}"
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        enter = self._exit.enter_context
        self._folder = Path(enter(tempfile.TemporaryDirectory()))
        # As open as can be: only the sandbox is in the way.
        self._folder.chmod(0o777)
        self._canary = self._folder / "canary"
        self._canary.write_text(self.secret)
        self._canary.chmod(0o666)
        self._before = self._look()
        self._tcp = enter(socket.create_server(("127.0.0.1", 0)))
        self._udp = enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._udp.bind(("127.0.0.1", 0))
        self._abstract = enter(socket.socket(socket.AF_UNIX))
        self._abstract.bind("\0" + self._name)
        self._abstract.listen()
        for one in (self._tcp, self._udp, self._abstract):
            one.settimeout(0)
        os.environ["SELFINVOKE_SELFTEST_KEY"] = self.secret
        self._exit.callback(os.environ.pop, "SELFINVOKE_SELFTEST_KEY", None)
        self._victim = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE
        )
        self._exit.callback(self._end_victim)
        self._planted = Path(os.__file__).with_name("selfinvoke_planted.py")
        self._left = Path(tempfile.gettempdir()) / "selfinvoke_left"
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def names(self) -> dict[str, str]:
        """What programs' placeholders mean."""
        return {
            "folder": str(self._folder),
            "tcp": str(self._tcp.getsockname()[1]),
            "udp": str(self._udp.getsockname()[1]),
            "abstract": self._name,
            "victim": str(self._victim.pid),
            "worker": str(os.getpid()),
        }

    def hurt(self) -> Iterator[str]:
        """What was hurt."""
        if self._look() != self._before:
            yield "changed files outside"
        for path in (self._planted, self._left):
            if path.exists():
                path.unlink()
                yield f"wrote {path.name}"
        for name in ("tcp", "udp", "abstract"):
            if self._reached(getattr(self, f"_{name}")):
                yield f"reached a socket ({name})"
        status = Path(f"/proc/{self._victim.pid}/status")
        stopped = status.exists() and "(stopped)" in status.read_text()
        if self._victim.poll() is not None or stopped:
            yield "hurt another process"

    def _look(self) -> list[tuple[str, int, str]]:
        return [
            (path.name, path.lstat().st_mode, path.read_text())
            for path in sorted(self._folder.iterdir())
        ]

    def _reached(self, one: socket.socket) -> bool:
        try:
            if one.type == socket.SOCK_DGRAM:
                one.recv(1)
            else:
                one.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def _end_victim(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._victim.send_signal(signal.SIGKILL)
        self._victim.wait()
        if self._victim.stdin is not None:
            self._victim.stdin.close()
