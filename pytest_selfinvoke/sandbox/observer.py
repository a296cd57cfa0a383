"""What a program's functions call, seen from inside its sandbox.

A run of its own: the verdict is given without it, and is not changed by it. What is
seen is told by the program's own process. The interpreter sees it, not the program, and
an answer has to hold a number that did not exist when the program was loaded; a program
that was written to search this process's memory could forge it nevertheless, which is
no easier than to call the function.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.forkserver import ForkServer
from pytest_selfinvoke.sandbox.running import (
    DeadlineError,
    ProcessEndedError,
    Running,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Whether the first entry point started below the last one.

    ``None`` where the tests did not end, or the program did not load. ``misfit`` says
    that a call did not fit the first one's parameters, which ended a test.
    """

    invoked: bool | None = None
    misfit: bool = False


def observe(job: Job, solutions: ForkServer) -> Observation:
    """Run a program and its tests side by side, and watch.

    :raises ServerLostError: if the fork server died; the job may be run again.
    :raises NotConfinedError: if the sandbox could not be closed.
    """
    nonce = secrets.token_hex(16)
    question = {
        "trace": job.tests,
        "names": [job.entry_points[0], job.entry_points[-1]],
        "nonce": nonce,
    }
    seen = False
    with solutions.run(
        "traced", job.limits, allow_processes=job.allow_processes
    ) as running:
        try:
            running.send(wire.frame({"program": job.program}))
            if "loaded" not in running.receive():
                return Observation()
            answer = _asked(running, question)
            while answer.get("invoked") == nonce:
                seen = True
                answer = running.receive()
        except (DeadlineError, ProcessEndedError, wire.FrameError):
            return Observation(invoked=seen or None)
    if answer.get("traced") != nonce:
        return Observation(invoked=seen or None)
    return Observation(invoked=seen, misfit=answer.get("misfit") is True)


def _asked(running: Running, question: dict[str, Any]) -> dict[str, Any]:
    running.send(wire.frame(question))
    return running.receive()
