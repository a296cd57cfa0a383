"""The sandbox of one pytest worker: fork servers started on demand, and a judge."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Execution, Isolation, Job
from pytest_selfinvoke.sandbox.coverer import Coverage, cover
from pytest_selfinvoke.sandbox.forkserver import ForkServer
from pytest_selfinvoke.sandbox.judge import Judge
from pytest_selfinvoke.sandbox.observer import Observation, observe
from pytest_selfinvoke.sandbox.probe import probe
from pytest_selfinvoke.sandbox.running import NotConfinedError, ServerLostError
from pytest_selfinvoke.sandbox.verdicts import was_killed

T = TypeVar("T")

POLICIES = ("auto", "strict", "unsafe-ok")

#: What the policy ``strict`` asks for.
_FULL = ("namespaces", "own root", "seccomp")

#: Loaded before the fork for programs that want them: importing them takes longer than
#: everything else together (0.7 s against 16 ms).
_HEAVY = ("numpy", "pandas")
_WANTS_HEAVY = re.compile(rf"^\s*(?:import|from)\s+(?:{'|'.join(_HEAVY)})\b", re.M)


class Sandbox:
    """Runs programs. Not for use by several threads at once.

    :param policy: ``strict`` refuses anything below full isolation, ``unsafe-ok``
        accepts even none, ``auto`` wants at least a system call filter.
    :param hash_seed: of texts, which decides the order of sets.
    :raises UserError: if there is no such policy.
    """

    def __init__(
        self,
        policy: str = "auto",
        *,
        clock: Callable[[], float] = time.perf_counter,
        hash_seed: int = 0,
    ) -> None:
        if policy not in POLICIES:
            raise UserError(f"sandbox {policy!r}: choose from {', '.join(POLICIES)}")
        self._policy, self._clock = policy, clock
        self._light = ForkServer(hash_seed=hash_seed)
        self._heavy = ForkServer(preload=_HEAVY, hash_seed=hash_seed)
        self._trials = ForkServer(hash_seed=hash_seed)
        self._heavy_trials = ForkServer(preload=_HEAVY, hash_seed=hash_seed)

    @property
    def isolation(self) -> Isolation:
        """What programs are really kept in.

        :raises NotJudgedError: if the sandbox does not start.
        """
        isolation = self._light.isolation
        for server in self._servers():
            server.insist(isolation)
        return isolation

    def check(self) -> None:
        """Make sure that the host gives what the policy asks for.

        :raises UserError: saying what is missing and how to get it.
        """
        if sys.platform != "linux":
            raise UserError(
                f"programs can be run on Linux only, not on {sys.platform}: use a "
                "Linux container or virtual machine (on Windows, WSL 2)"
            )
        isolation = self.isolation
        if self._policy == "unsafe-ok":
            return
        if isolation.tier == "namespaces" and isolation.layers["seccomp"]:
            return
        lacks = ", ".join(name for name in _FULL if not isolation.layers.get(name))
        if self._policy == "strict":
            raise UserError(
                f"sandbox strict: this host does not give {lacks}; {probe().remedy()}"
            )
        if not isolation.layers["seccomp"]:
            raise UserError(
                f"this host offers no isolation for the model's programs; "
                f"{probe().remedy()}, or accept the risk with --sandbox=unsafe-ok"
            )

    def run(self, job: Job) -> Execution:
        """Run a program against its tests.

        A time-out by the clock is tried once more, with thrice the time: the machine
        may have been busy.

        :raises NotJudgedError: if the sandbox failed, never for the program's fault.
        """
        execution = self._run(job)
        by_clock = execution.cpu_s < 0.9 * job.limits.cpu_s
        if execution.verdict is Verdict.TIMEOUT and by_clock:
            wider = replace(job.limits, wall_s=3 * job.limits.wall_s)
            execution = self._run(replace(job, limits=wider))
            notes = (*execution.notes, "run twice after a time-out by the clock")
            return replace(execution, notes=notes)
        return execution

    def _run(self, job: Job) -> Execution:
        isolation = self.isolation
        solutions, trials = self._servers_for(job)
        if job.allow_processes and isolation.tier != "namespaces":
            raise NotJudgedError(
                "a program may start processes where the sandbox has namespaces only; "
                f"here it has: {isolation.describe()}"
            )
        killed: Execution | None = None
        for _ in range(2):
            try:
                execution = Judge(solutions, trials).execute(job, self._clock)
                if not was_killed(execution):
                    return execution
                killed = execution
            except ServerLostError:
                solutions.close()
                trials.close()
            except OSError as error:
                raise NotJudgedError(f"the sandbox failed: {error}") from error
            except BaseException:
                # Interrupted: a child may be left half asked.
                solutions.close()
                trials.close()
                raise
        alone = isolation.tier == "namespaces" and not job.allow_processes
        if killed is not None and not alone:
            return killed  # It may have done that itself.
        raise NotJudgedError(
            "the sandbox was killed from outside twice: is the machine out of memory?"
        )

    def observe(self, job: Job) -> Observation:
        """Run a program once more and see whether its functions call each other.

        :raises NotJudgedError: if the sandbox failed.
        """
        return self._watched(lambda solutions: observe(job, solutions), job)

    def cover(self, job: Job) -> Coverage | None:
        """Run a program once more and see how much of it its tests reach.

        ``None`` where that cannot be said: the tests do not end, say.

        :raises NotJudgedError: if the sandbox failed.
        """
        return self._watched(lambda solutions: cover(job, solutions), job)

    def _watched(self, watch: Callable[[ForkServer], T], job: Job) -> T:
        _ = self.isolation  # Where it was less than another server's, none starts.
        solutions, _ = self._servers_for(job)
        for _ in range(2):
            try:
                return watch(solutions)
            except ServerLostError:
                solutions.close()
            except (OSError, NotConfinedError) as error:
                raise NotJudgedError(f"the sandbox failed: {error}") from error
            except BaseException:
                # Interrupted: a child may be left half asked.
                solutions.close()
                raise
        raise NotJudgedError("the sandbox was killed from outside twice")

    def _servers_for(self, job: Job) -> tuple[ForkServer, ForkServer]:
        """For the program and, where they have to be run, for its tests."""
        if not (_WANTS_HEAVY.search(job.program) or _WANTS_HEAVY.search(job.tests)):
            return self._light, self._trials
        try:
            self._heavy.start()
        except NotJudgedError:
            # A library that starts threads, for one: slower, but no less isolated.
            self._heavy, self._heavy_trials = self._light, self._trials
        return self._heavy, self._heavy_trials

    def _servers(self) -> tuple[ForkServer, ...]:
        return self._light, self._heavy, self._trials, self._heavy_trials

    def close(self) -> None:
        """End all fork servers and what they run."""
        for server in self._servers():
            server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
