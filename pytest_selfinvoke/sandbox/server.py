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
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from pytest_selfinvoke.sandbox import codec_arrays, codec_frames, namespaces
from pytest_selfinvoke.sandbox import syscalls as sc
from pytest_selfinvoke.sandbox.layers import Layers
from pytest_selfinvoke.sandbox.nursery import Nursery

#: How often at most a child's CPU time is looked at, in seconds.
_LOOK_S = 0.002


class _HangUpError(Exception):
    """The worker is gone."""


def main() -> None:
    """Set the isolation up, say what was obtained, serve until the parent hangs up."""
    os.umask(0o022)
    codec_arrays.register()
    codec_frames.register()
    config = json.loads(sys.argv[1])
    control = socket.socket(fileno=config["control"])
    for name in config["preload"]:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.path[:] = [path for path in sys.path if path != config["root"]]
    layers = Layers(config["prefixes"], config["hidden"], config["tiers"])
    boxes = config["boxes"]
    if "namespaces" in config["tiers"]:
        boxes = _enter_namespaces(control, layers) or boxes
    layers.prepare(boxes)
    gc.collect()
    gc.freeze()
    nursery = Nursery(layers)
    control.send(json.dumps(layers.report()).encode())
    with contextlib.suppress(_HangUpError):
        while True:
            data, descriptors, _, _ = socket.recv_fds(control, 65536, 3)
            if not data:
                break
            # Without descriptors it is a late order to kill what ended by itself.
            if descriptors:
                _serve(control, nursery, json.loads(data), descriptors)
    if boxes:
        # A worker that was killed did not do it.
        shutil.rmtree(boxes, ignore_errors=True)


def _enter_namespaces(control: socket.socket, layers: Layers) -> str:
    """Enter all namespaces; in what comes back this process is number 1 of its own.

    Where there are none it returns the folder to keep programs' folders in instead.
    """
    readable = namespaces.world_readable(layers.prefixes)
    try:
        sc.unshare(namespaces.SERVER_NAMESPACES)
    except OSError as error:
        control.send(json.dumps({"namespaces": str(error)}).encode())
        return control.recv(4096).decode()
    control.send(b'{"namespaces": true}')
    mapped = control.recv(16)
    pid = os.fork()
    if pid:
        control.close()
        os.waitpid(pid, 0)
        os._exit(0)
    sc.die_with_parent()
    layers.spaces = namespaces.PidSpaces()
    if mapped == b"two" and readable:
        layers.nobody = namespaces.INNER_USER
    namespaces.enter_root(layers.prefixes, layers.hidden)
    return ""


def _serve(
    control: socket.socket,
    nursery: Nursery,
    job: dict[str, Any],
    descriptors: Sequence[int],
) -> None:
    """Run one child, watch for the order to kill it, and report its end."""
    pid = nursery.give(job, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    ended = os.pidfd_open(pid)
    nursery.prepare(job)
    over_time = _watch(control, pid, ended, job["limits"]["cpu_s"])
    _, status, usage = os.wait4(pid, 0)
    os.close(ended)
    report = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss * 1024,
        "over_time": over_time,
    }
    with contextlib.suppress(BrokenPipeError):
        control.send(json.dumps(report).encode())


def _watch(control: socket.socket, pid: int, ended: int, cpu_s: float) -> bool:
    """Wait until the child ends; kill it when told so, or when its time is used up.

    Returns whether its CPU time was used up.
    """
    # The kernel's clock of another process's CPU time, see clock_getcpuclockid(3).
    clock = ~pid << 3 | 2
    over_time = False
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(ended, select.POLLIN)
    while True:
        left = cpu_s - time.clock_gettime(clock)
        if left <= 0 and not over_time:
            over_time = True
            os.kill(pid, signal.SIGKILL)
        wait_s = max(left, _LOOK_S) if not over_time else None
        ready = {fd for fd, _ in poll.poll(None if wait_s is None else wait_s * 1000)}
        if ended in ready:
            return over_time
        if control.fileno() in ready:
            order = control.recv(16)
            os.kill(pid, signal.SIGKILL)
            if not order:
                os.waitpid(pid, 0)
                raise _HangUpError


if __name__ == "__main__":
    # ctypes builds its first call lazily: once here instead of in every child.
    ctypes.create_string_buffer(1)
    main()
