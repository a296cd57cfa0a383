"""Forks children, where it can one ahead: confined already, and waiting for a job."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from pytest_selfinvoke.sandbox import child, covering, tracing, trial, wire
from pytest_selfinvoke.sandbox.layers import Layers

ROLES = {
    "covered": covering.serve,
    "solution": child.serve,
    "traced": tracing.serve,
    "trial": trial.serve,
}

#: The child's end of the socket that its job comes through, then the job itself.
_JOB = 3


@dataclass(frozen=True, slots=True)
class Child:
    """A forked process that waits for its job."""

    pid: int
    gift: socket.socket

    def give(self, role: str, descriptors: Sequence[int]) -> bool:
        """Hand the job over; whether the child was still there to take it."""
        try:
            socket.send_fds(self.gift, [role.encode()], list(descriptors))
        except OSError:
            return False
        finally:
            self.gift.close()
        return True

    def discard(self) -> None:
        """End a child that is not needed, or was killed while it waited."""
        self.gift.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Nursery:
    """Children for jobs; two jobs that ask for the same share one kind of child."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._ahead: tuple[dict[str, Any], Child] | None = None

    def give(self, job: Mapping[str, Any], descriptors: Sequence[int]) -> int:
        """Start a job in a child; returns its pid.

        :param job: ``role``, ``limits``, ``box`` and ``allow_processes``.
        """
        wanted = {name: value for name, value in job.items() if name != "role"}
        if self._ahead is not None:
            ready, waiting = self._ahead
            self._ahead = None
            if ready == wanted and waiting.give(job["role"], descriptors):
                return waiting.pid
            waiting.discard()
        born = self._fork(wanted)
        born.give(job["role"], descriptors)
        return born.pid

    def prepare(self, job: Mapping[str, Any]) -> None:
        """Fork the next child for a job like this while this one runs.

        Only in namespaces: elsewhere each child needs a folder that is made for it.
        """
        if self._layers.spaces is not None:
            wanted = {name: value for name, value in job.items() if name != "role"}
            self._ahead = wanted, self._fork(wanted)

    def _fork(self, wanted: dict[str, Any]) -> Child:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        spaces = self._layers.spaces
        if spaces is not None:
            spaces.next_child_in_new()
        pid = os.fork()
        if pid == 0:
            _live(self._layers, wanted, theirs.fileno())
        if spaces is not None:
            spaces.back()
        theirs.close()
        return Child(pid, ours)


def _live(layers: Layers, wanted: Mapping[str, Any], gift: int) -> NoReturn:
    """Be the child, from the fork to the end."""
    try:
        os.dup2(gift, _JOB)
        _serve(_confined(layers, wanted))
        sys.stdout.flush()
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(0)


def _serve(failure: str) -> None:
    """Take the job and do it; with a failure to confine, only tell that."""
    with socket.socket(fileno=_JOB) as waiting:
        role, descriptors, _, _ = socket.recv_fds(waiting, 64, 3)
    if not role:
        return  # The server is gone, or has no use for this child.
    for target, descriptor in zip((_JOB, 1, 2), _moved(descriptors), strict=True):
        os.dup2(descriptor, target)
        os.close(descriptor)
    if failure:
        os.write(2, failure.encode(errors="replace"))
        return
    with socket.socket(fileno=_JOB) as connection:
        # Up to here a failure is the sandbox's, from here on the program's.
        wire.send(connection, {"ready": True})
        ROLES[role.decode()](connection)


def _confined(layers: Layers, wanted: Mapping[str, Any]) -> str:
    """Confine this process; why that failed, or nothing."""
    try:
        os.setsid()
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        layers.confine(
            wanted["limits"], wanted["box"], allow_processes=wanted["allow_processes"]
        )
        os.closerange(_JOB + 1, open_files)
    except BaseException as error:
        return f"{type(error).__name__}: {error}\n"
    return ""


def _moved(descriptors: Sequence[int]) -> list[int]:
    """The descriptors, each out of the way of where another has to go."""
    return [fd if fd > _JOB else os.dup(fd) for fd in descriptors]
