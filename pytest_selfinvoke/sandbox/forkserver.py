"""The worker's side of a fork server: start it, hand it programs, watch them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest_selfinvoke.core
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.sandbox import namespaces, wire
from pytest_selfinvoke.sandbox.base import Isolation, Limits

#: Isolation to try, the best first; rlimits are always set.
TIERS = ("namespaces", "landlock", "seccomp")

_START_S = 60.0
_PACKAGE = Path(pytest_selfinvoke.core.__file__).parents[1]
# The environment is ours and empty but for this, so that -E (part of -I) would only
# take the fixed hash seed away: equal programs must iterate sets in equal order.
_FLAGS = ("-s", "-P", "-B")
_START = (
    "import sys; root = sys.argv[2]; sys.path.insert(0, root); "
    "from pytest_selfinvoke.sandbox.server import main; main()"
)
_ENVIRONMENT = {
    "HOME": namespaces.BOX,
    "LANG": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "NUMEXPR_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "TMPDIR": namespaces.BOX,
}


class ServerLostError(Exception):
    """The fork server died; what it was running must be run again."""


class ProcessEndedError(Exception):
    """The program's process is gone and will answer nothing more."""


class DeadlineError(Exception):
    """The program's time is over by the clock on the wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program's process ended.

    ``status`` is the exit status, negative for a signal. Output is cut at the limit.
    """

    status: int
    cpu_s: float
    stdout: str
    stderr: str


class ForkServer:
    """Starts lazily; runs one program at a time.

    :param preload: modules to have loaded before the fork.
    :param tiers: isolation to try.
    """

    def __init__(
        self, *, preload: Sequence[str] = (), tiers: Sequence[str] = TIERS
    ) -> None:
        self._preload, self._tiers = tuple(preload), tuple(tiers)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._isolation: Isolation | None = None
        self._boxes: Path | None = None

    @property
    def isolation(self) -> Isolation:
        """What the server obtained; starts it if need be.

        :raises NotJudgedError: if it cannot be started.
        """
        self.start()
        assert self._isolation is not None
        return self._isolation

    def start(self) -> socket.socket:
        """Start the server if it does not run, and return its control socket.

        :raises NotJudgedError: if it cannot be started.
        """
        if self._control is None:
            try:
                self._control = self._start_best()
            except (OSError, ValueError) as error:
                self.close()
                raise NotJudgedError(f"the sandbox does not start: {error}") from error
        return self._control

    def _start_best(self) -> socket.socket:
        """Start in namespaces, or without: some hosts give a namespace but no mount."""
        try:
            return self._start(self._tiers)
        except OSError:
            rest = [tier for tier in self._tiers if tier != "namespaces"]
            if len(rest) == len(self._tiers):
                raise
            self.close()
            return self._start(rest)

    def _start(self, tiers: Sequence[str]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_START_S)
        root = str(_PACKAGE.parent)
        config = {
            "control": theirs.fileno(),
            "root": root,
            "prefixes": _prefixes(),
            "hidden": [str(_PACKAGE)],
            "preload": self._preload,
            "tiers": list(tiers),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *_FLAGS, "-c", _START, json.dumps(config), root],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd="/",
                # Ctrl-C is for the worker, which then closes the server.
                start_new_session=True,
            )
        answer = self._receive(ours)
        if "namespaces" in answer:
            if answer["namespaces"] is True:
                second = namespaces.write_maps(self._process.pid)
                ours.send(b"two" if second else b"one")
            else:
                ours.send(b"none")
            answer = self._receive(ours)
        self._isolation = Isolation(tier=answer["tier"], layers=answer["layers"])
        if self._isolation.tier != "namespaces":
            self._boxes = Path(tempfile.mkdtemp(prefix="selfinvoke-"))
        ours.settimeout(None)
        return ours

    def _receive(self, control: socket.socket) -> dict[str, Any]:
        data = control.recv(65536)
        if not data:
            assert self._process is not None
            _, stderr = self._process.communicate(timeout=5)
            lines = stderr.decode(errors="replace").strip().splitlines()
            raise OSError(lines[-1] if lines else "it ended at once")
        message: dict[str, Any] = json.loads(data)
        return message

    def run(self, role: str, limits: Limits) -> Running:
        """Fork a process for one program.

        :param role: ``solution`` or ``trial``.
        :raises ServerLostError: if the server is gone.
        :raises NotJudgedError: if it cannot be started, or there is no space.
        """
        control = self.start()
        box = str(self._boxes or "")
        if self._boxes is not None:
            try:
                box = tempfile.mkdtemp(dir=self._boxes)
            except OSError as error:
                raise NotJudgedError(
                    f"no temporary folder for the program: {error}"
                ) from error
        return Running(control, role, limits, box)

    def close(self) -> None:
        """End the server and whatever it still runs."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
        if self._boxes is not None:
            shutil.rmtree(self._boxes, ignore_errors=True)
        self._control = self._process = self._boxes = None


class Running:
    """One program's process: ask it, and end it. A context manager."""

    def __init__(
        self, control: socket.socket, role: str, limits: Limits, box: str
    ) -> None:
        self._control, self._limits, self._box = control, limits, box
        self._deadline = time.monotonic() + limits.wall_s
        self._ended: dict[str, Any] | None = None
        self._data = bytearray()
        self._job, theirs = socket.socketpair()
        self._job.setblocking(False)
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        self._captured = {out_read: bytearray(), err_read: bytearray()}
        self._out, self._err = out_read, err_read
        self._open = {out_read, err_read}
        for descriptor in self._captured:
            os.set_blocking(descriptor, False)
        self._poll = select.poll()
        for watched in (self._job, out_read, err_read, control):
            self._poll.register(watched, select.POLLIN)
        header = {"role": role, "limits": asdict(limits), "box": box}
        try:
            socket.send_fds(
                control,
                [json.dumps(header).encode()],
                [theirs.fileno(), out_write, err_write],
            )
        except OSError as error:
            self._close_descriptors()
            raise ServerLostError from error
        finally:
            theirs.close()
            os.close(out_write)
            os.close(err_write)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish()

    def ask(self, message: object) -> dict[str, Any]:
        """Send a message and wait for the answer.

        :raises ProcessEndedError: if the process ended instead.
        :raises DeadlineError: if the time is over.
        :raises FrameError: if what came is no answer.
        :raises ServerLostError: if the fork server died.
        """
        self.send(message)
        return self.receive()

    def send(self, message: object) -> None:
        """Send a message; see :meth:`ask`."""
        data = memoryview(wire.frame(message))
        while data:
            try:
                data = data[self._job.send(data) :]
            except BlockingIOError:
                self._wait(select.POLLIN | select.POLLOUT)
            except OSError:
                # The process closed its end; how it ended is told by the server.
                self._until_ended()

    def receive(self) -> dict[str, Any]:
        """Wait for a message; see :meth:`ask`."""
        while (message := self._message()) is None:
            self._wait(select.POLLIN)
        if not isinstance(message, dict):
            raise wire.FrameError("not a message")
        return message

    def _message(self) -> Any:
        if len(self._data) < 4:
            return None
        length = int.from_bytes(self._data[:4], "big")
        if length > wire.MAX_FRAME:
            raise wire.FrameError(f"a frame of {length} bytes")
        if len(self._data) < 4 + length:
            return None
        body = bytes(self._data[4 : 4 + length])
        del self._data[: 4 + length]
        return wire.parse(body)

    def _wait(self, events: int) -> None:
        """Take in what comes next: data, output, the end, or the deadline."""
        self._poll.modify(self._job, events)
        left = self._deadline - time.monotonic()
        ready = dict(self._poll.poll(max(0.0, left) * 1000))
        if not ready:
            raise DeadlineError
        for descriptor in self._open & ready.keys():
            self._capture(descriptor)
        if self._job.fileno() in ready and ready[self._job.fileno()] != select.POLLOUT:
            self._take()
        elif self._control.fileno() in ready:
            self._take_end()
            if self._ended is not None:
                raise ProcessEndedError

    def _take(self) -> None:
        try:
            part = self._job.recv(2**20)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self._until_ended()
        self._data += part

    def _until_ended(self) -> None:
        """The process hung up: wait for its end, for it might sleep first."""
        self._poll.unregister(self._job)
        while self._ended is None:
            left = self._deadline - time.monotonic()
            ready = dict(self._poll.poll(max(0.0, left) * 1000))
            if not ready:
                raise DeadlineError
            for descriptor in self._open & ready.keys():
                self._capture(descriptor)
            if self._control.fileno() in ready:
                self._take_end()
        raise ProcessEndedError

    def _take_end(self) -> None:
        data = self._control.recv(4096)
        if not data:
            raise ServerLostError
        self._ended = json.loads(data)

    def _capture(self, descriptor: int) -> None:
        try:
            part = os.read(descriptor, 2**16)
        except BlockingIOError:
            return
        if not part:
            self._poll.unregister(descriptor)
            self._open.discard(descriptor)
            return
        kept = self._captured[descriptor]
        kept += part[: max(0, self._limits.output_bytes - len(kept))]

    def finish(self) -> Ended:
        """Kill the process and all it started, and say how it had ended.

        :raises ServerLostError: if the fork server died.
        """
        try:
            if self._ended is None:
                with contextlib.suppress(OSError):
                    self._control.send(b"K")
                self._take_end()
            for descriptor in tuple(self._open):
                for _ in range(64):
                    if descriptor in self._open:
                        self._capture(descriptor)
        except OSError as error:
            raise ServerLostError from error
        finally:
            self._close_descriptors()
        assert self._ended is not None
        return Ended(
            status=self._ended["status"],
            cpu_s=self._ended["cpu_s"],
            stdout=self._captured[self._out].decode(errors="replace"),
            stderr=self._captured[self._err].decode(errors="replace"),
        )

    def _close_descriptors(self) -> None:
        if self._job.fileno() == -1:
            return
        self._job.close()
        for descriptor in self._captured:
            os.close(descriptor)
        if self._box:
            shutil.rmtree(self._box, ignore_errors=True)


def _prefixes() -> list[str]:
    """Folders that hold the interpreter and its packages."""
    found = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)}
    found |= {sys.prefix, sys.base_prefix}
    return sorted(found)
