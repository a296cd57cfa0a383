"""How much of a program its tests reach: lines and branches, as coverage.py counts.

A run of its own: the verdict is given without it, and is not changed by it.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.forkserver import ForkServer
from pytest_selfinvoke.sandbox.running import DeadlineError, ProcessEndedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Statements and branches of a program, and how many of each were reached.

    A branch is one of several lines that may come after a line. ``missed`` has the
    first lines of statements that were not reached.
    """

    lines: int
    lines_reached: int
    branches: int
    branches_reached: int
    missed: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for the record."""
        return asdict(self)


def cover(job: Job, solutions: ForkServer) -> Coverage | None:
    """Run a program and its tests side by side, and count.

    ``None`` where the tests did not end, or the program did not load.

    :raises ServerLostError: if the fork server died; the job may be run again.
    :raises NotConfinedError: if the sandbox could not be closed.
    """
    nonce = secrets.token_hex(16)
    with solutions.run(
        "covered", job.limits, allow_processes=job.allow_processes
    ) as running:
        try:
            running.send(wire.frame({"program": job.program}))
            if "loaded" not in running.receive():
                return None
            running.send(wire.frame({"cover": job.tests, "nonce": nonce}))
            answer = running.receive()
        except (DeadlineError, ProcessEndedError, wire.FrameError):
            return None
    if answer.get("covered") != nonce:
        return None
    return counted(job.program, [(a, b) for a, b in answer["ways"]])


def counted(program: str, ways: Iterable[tuple[int, int]]) -> Coverage:
    """What coverage.py's parser makes of the ways that were taken.

    :param ways: from line to line; 0 is the beginning of a frame, -1 its end.
    """
    from coverage.parser import PythonParser

    parser = PythonParser(text=program)
    parser.parse_source()
    taken = {(parser.first_line(a), parser.first_line(b)) for a, b in ways}
    reached = {parser.first_line(b) for _, b in ways if b > 0}
    possible: dict[int, set[int]] = defaultdict(set)
    for start, end in parser.arcs():
        if start > 0:
            possible[start].add(max(end, -1))
    branches = {
        (start, end)
        for start, ends in possible.items()
        if len(ends) > 1
        for end in ends
    }
    missed = parser.statements - reached
    return Coverage(
        lines=len(parser.statements),
        lines_reached=len(parser.statements & reached),
        branches=len(branches),
        branches_reached=len(branches & taken),
        missed=tuple(sorted(missed)),
    )
