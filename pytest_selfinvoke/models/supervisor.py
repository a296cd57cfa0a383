"""Runs a command until standard input ends, then ends it and all that it started.

A program of its own, started as a file: the standard library only. Standard input is a
pipe that the owner holds open; it ends with the owner, however that one ends, so that
no server outlives the run that started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

#: For the command to end by itself; then it is killed.
GRACE_S = 5.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command in the arguments; exit with its status."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        # A group of its own, to be killed with all its processes.
        start_new_session=True,
        # For the case that this process is killed; it has one thread so far.
        preexec_fn=_die_with_parent,
    )
    signal.signal(signal.SIGTERM, lambda *_: _end(child))
    threading.Thread(target=_wait, args=(child,), daemon=True).start()
    sys.stdin.buffer.read()
    _end(child)


def _wait(child: subprocess.Popen[bytes]) -> None:
    child.wait()
    _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the group and every descendant that left it; then end this process."""
    deadline = time.monotonic() + GRACE_S
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    _signal_group(child, signal.SIGKILL)
    child.wait()
    _kill_orphans()
    status = child.returncode
    # Without waiting for the thread that reads, or for the one that waits.
    os._exit(status if status >= 0 else 128 - status)


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def _kill_orphans() -> None:
    """Kill what was handed to this process when its parents died (on Linux)."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    for _ in range(100):
        try:
            pids = [int(pid) for pid in children.read_text().split()]
        except OSError:
            return
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _die_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the pipe alone has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
