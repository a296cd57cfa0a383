"""One program's process as the worker sees it: ask it, and end it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import time
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from pytest_selfinvoke.sandbox import wire
from pytest_selfinvoke.sandbox.base import Limits

#: A kill that takes longer means that the server is stuck; it is replaced.
_END_S = 20.0


class ServerLostError(Exception):
    """The fork server died; what it was running must be run again."""


class ProcessEndedError(Exception):
    """The program's process is gone and will answer nothing more."""


class NotConfinedError(Exception):
    """The sandbox could not be closed around the program, which never ran."""


class DeadlineError(Exception):
    """The program's time is over by the clock on the wall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program's process ended.

    ``status`` is the exit status, negative for a signal. ``over_time`` says that its
    CPU time was used up. Output is cut at the limit.
    """

    status: int
    cpu_s: float
    over_time: bool
    stdout: str
    stderr: str


class Running:
    """One program's process: ask it, and end it. A context manager."""

    def __init__(
        self,
        control: socket.socket,
        role: str,
        limits: Limits,
        box: str,
        allow_processes: bool,
    ) -> None:
        self._control, self._limits, self._box = control, limits, box
        self._deadline = time.monotonic() + limits.wall_s
        self._ended: dict[str, Any] | None = None
        self._data = bytearray()
        self._is_ready = False
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
        header = {
            "role": role,
            "limits": asdict(limits),
            "box": box,
            "allow_processes": allow_processes,
        }
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
        self.send(wire.frame(message))
        return self.receive()

    def send(self, frames: bytes) -> None:
        """Send messages that were made by :func:`.wire.frame`; see :meth:`ask`."""
        data = memoryview(frames)
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
        message = wire.parse(self.receive_raw())
        if not isinstance(message, dict):
            raise wire.FrameError("not a message")
        return message

    def receive_raw(self) -> bytes:
        """The next message as it came; see :meth:`ask`.

        :raises NotConfinedError: if the process ended before it was ready.
        :raises ServerLostError: if it was killed before.
        """
        if not self._is_ready:
            try:
                self._next()
            except ProcessEndedError:
                ended = self.finish()
                if ended.status == -signal.SIGKILL:  # It was killed while it waited.
                    raise ServerLostError from None
                raise NotConfinedError(ended.stderr.strip()) from None
            self._is_ready = True
        return self._next()

    def _next(self) -> bytes:
        while (body := self._body()) is None:
            self._wait(select.POLLIN)
        return body

    def _body(self) -> bytes | None:
        if len(self._data) < 4:
            return None
        length = int.from_bytes(self._data[:4], "big")
        if length > wire.MAX_FRAME:
            raise wire.FrameError(f"a frame of {length} bytes")
        if len(self._data) < 4 + length:
            return None
        body = bytes(memoryview(self._data)[4 : 4 + length])
        del self._data[: 4 + length]
        return body

    def _wait(self, events: int) -> None:
        """Take in what comes next: data, output, the end, or the deadline."""
        self._poll.modify(self._job, events)
        ready = self._ready()
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
            if self._control.fileno() in self._ready():
                self._take_end()
        raise ProcessEndedError

    def _ready(self) -> dict[int, int]:
        """Wait until something can be read; output is taken in on the way."""
        left = self._deadline - time.monotonic()
        ready = dict(self._poll.poll(left * 1000)) if left > 0 else {}
        # Output that never pauses is always ready: the clock decides, not the poll.
        if not ready:
            raise DeadlineError
        for descriptor in self._open & ready.keys():
            self._capture(descriptor)
        return ready

    def _take_end(self) -> None:
        try:
            data = self._control.recv(4096)
        except OSError as error:
            raise ServerLostError from error
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

        :raises ServerLostError: if the fork server died, or does not answer.
        """
        try:
            if self._ended is None:
                with contextlib.suppress(OSError):
                    self._control.send(b"K")
                self._control.settimeout(_END_S)
                self._take_end()
                self._control.settimeout(None)
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
            over_time=self._ended["over_time"],
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
