"""Frames between the processes: four bytes of length, then ASCII JSON.

Runs inside the sandbox too: standard library only.
"""

from __future__ import annotations

import json
import socket
from typing import Any

#: Longest frame that is accepted, in bytes: a reply may be large, a flood may not.
MAX_FRAME = 16 * 2**20


class FrameError(Exception):
    """The other side sent something that is no frame."""


def frame(message: object) -> bytes:
    """A message as bytes."""
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    return len(data).to_bytes(4, "big") + data


def parse(data: bytes) -> Any:
    """The message of a frame's body.

    :raises FrameError: if it is not JSON.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"not a message: {error}") from error


def send(connection: socket.socket, message: object) -> None:
    """Send one message, waiting as long as it takes."""
    connection.sendall(frame(message))


def receive(connection: socket.socket) -> Any:
    """Wait for one message; ``None`` when the other side is gone.

    :raises FrameError: if what comes is no frame.
    """
    head = _exactly(connection, 4)
    if head is None:
        return None
    # What comes from outside is long where a program is: only answers have a limit.
    body = _exactly(connection, int.from_bytes(head, "big"))
    return None if body is None else parse(body)


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    parts = []
    while count:
        part = connection.recv(min(count, 2**20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
