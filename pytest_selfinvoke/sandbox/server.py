"""The fork server: one process, started fresh, that forks a child per program.

It never reads a program or a test: jobs are descriptors that it hands to the child.
Standard library only. Started by :mod:`.forkserver` with clean environment; its one
argument is JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from pytest_selfinvoke.sandbox import (
    child,
    landlock,
    namespaces,
    rlimits,
    seccomp,
    trial,
)
from pytest_selfinvoke.sandbox import syscalls as sc

ROLES = {"solution": child.serve, "trial": trial.serve}


class Layers:
    """The isolation of this server, and what each child still has to do for it."""

    def __init__(
        self, prefixes: Sequence[str], hidden: Sequence[str], tiers: Sequence[str]
    ) -> None:
        self.prefixes, self.hidden = prefixes, hidden
        self.spaces: namespaces.PidSpaces | None = None
        self.second_user = False
        self.seccomp = seccomp.available() and "seccomp" in tiers
        self.landlock = landlock.version() > 0 and "landlock" in tiers
        self.base_bytes = rlimits.own_address_space()

    def report(self) -> dict[str, Any]:
        """What was obtained, for the manifest."""
        apart = self.spaces is not None
        tier = "namespaces" if apart else "none"
        if not apart and self.seccomp:
            tier = "landlock" if self.landlock else "seccomp"
        return {
            "tier": tier,
            "layers": {
                "namespaces": apart,
                "own root": apart,
                "non-root user": self.second_user or os.getuid() != 0 or apart,
                "seccomp": self.seccomp,
                "landlock": self.landlock and not apart,
                "limits": True,
            },
        }

    def confine(self, limits: dict[str, Any], box: str) -> None:
        """In the child: take every right away that a program does not need."""
        if self.spaces is not None:
            namespaces.private_box(int(limits["disk_bytes"]))
        else:
            os.chdir(box)
        rlimits.apply(limits, base_bytes=self.base_bytes)
        if self.spaces is not None:
            namespaces.become_nobody(self.second_user)
        sc.die_with_parent()
        sc.no_new_privileges()
        if self.spaces is None and self.landlock:
            landlock.restrict(self.prefixes, self.hidden, box)
        if self.seccomp:
            own_pid = None if self.spaces is not None else os.getpid()
            seccomp.apply(seccomp.filter_program(own_pid=own_pid))


def main() -> None:
    """Set the isolation up, say what was obtained, serve until the parent hangs up."""
    config = json.loads(sys.argv[1])
    control = socket.socket(fileno=config["control"])
    for name in config["preload"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.path[:] = [path for path in sys.path if path != config["root"]]
    layers = Layers(config["prefixes"], config["hidden"], config["tiers"])
    if "namespaces" in config["tiers"]:
        _enter_namespaces(control, layers)
    gc.collect()
    gc.freeze()
    control.send(json.dumps(layers.report()).encode())
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 65536, 3)
        if not data:
            return
        if descriptors:
            _serve(control, layers, json.loads(data), descriptors)


def _enter_namespaces(control: socket.socket, layers: Layers) -> None:
    """Enter all namespaces; in what comes back this process is number 1 of its own."""
    readable = namespaces.world_readable(layers.prefixes)
    try:
        sc.unshare(namespaces.SERVER_NAMESPACES)
    except OSError as error:
        control.send(json.dumps({"namespaces": str(error)}).encode())
        control.recv(16)
        return
    control.send(b'{"namespaces": true}')
    mapped = control.recv(16)
    pid = os.fork()
    if pid:
        control.close()
        os.waitpid(pid, 0)
        os._exit(0)
    sc.die_with_parent()
    layers.spaces = namespaces.PidSpaces()
    layers.second_user = mapped == b"two" and readable
    namespaces.enter_root(layers.prefixes, layers.hidden)


def _serve(
    control: socket.socket,
    layers: Layers,
    job: dict[str, Any],
    descriptors: Sequence[int],
) -> None:
    """Run one child, watch for the order to kill it, and report its end."""
    if layers.spaces is not None:
        layers.spaces.next_child_in_new()
    pid = os.fork()
    if pid == 0:
        _child(layers, job, descriptors)
    if layers.spaces is not None:
        layers.spaces.back()
    for descriptor in descriptors:
        os.close(descriptor)
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(ended, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if ended in ready:
            break
        if not control.recv(16):
            os._exit(0)
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    os.close(ended)
    report = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * 1024,
    }
    with contextlib.suppress(BrokenPipeError):
        control.send(json.dumps(report).encode())


def _child(layers: Layers, job: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Become the sandboxed process; never returns."""
    try:
        os.setsid()
        for target, descriptor in zip((3, 1, 2), descriptors, strict=True):
            os.dup2(descriptor, target)
        os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        layers.confine(job["limits"], job["box"])
        serve = ROLES[job["role"]]
        with socket.socket(fileno=3) as connection:
            serve(connection)
        sys.stdout.flush()
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
    finally:
        os._exit(0)


if __name__ == "__main__":
    # ctypes builds its first call lazily: once here instead of in every child.
    ctypes.create_string_buffer(1)
    main()
