"""A worker's connection to the generation server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.generation.batching import prompt_length
from pytest_selfinvoke.generation.wire import (
    Activity,
    WireError,
    encode,
    read_frame,
    result_of,
)
from pytest_selfinvoke.models.base import Request

#: Bounds of one ``plan`` message: it should be whole in a moment, whatever the plan.
PLAN_REQUESTS = 256
PLAN_CHARACTERS = 2**20


class ServerLostError(GenerationError):
    """The server died, or there is none."""


class GenerationClient:
    """Asks the generation server, one question at a time; connects when first asked.

    There are no time-outs, for loading a model may take long; the death of the server
    is seen at once. A question that it leaves open is asked once more, of the server
    that the controller starts in its place; a question that meets a second death fails
    (it may be the cause). Where no server will come, connections are refused.

    :param address: host and port.
    :param secret: the session's secret.
    :param log_path: the server's log, to be named in messages.
    """

    def __init__(
        self,
        address: tuple[str, int],
        secret: str,
        *,
        log_path: Path | str | None = None,
    ) -> None:
        self._address = address
        self._secret = secret
        self._log_path = log_path
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._stream: BinaryIO | None = None
        self._number = 0

    def info(self, label: str) -> ModelInfo:
        """What is known of a model; loads it.

        :raises UserError: if it cannot be loaded.
        :raises GenerationError: if the server is gone.
        """
        message = {"op": "info", "model": label}
        return ModelInfo.from_json(self._ask(message, tries=2))

    def generate(self, label: str, request: Request) -> Completion:
        """One completion; waits for it.

        :raises UserError: if the model cannot be loaded.
        :raises GenerationError: if the model or the server failed.
        """
        message = {"op": "generate", "model": label, "request": request.to_json()}
        return Completion.from_json(self._ask(message, tries=2))

    def plan(
        self, label: str, requests: Sequence[Request], *, more: bool = False
    ) -> None:
        """Announce what will be asked for. Loads the model; waits for nothing.

        :param more: whether further calls will follow soon.
        :raises GenerationError: if the server is gone.
        """
        chunks = list(_chunks(requests)) or [[]]
        for number, chunk in enumerate(chunks, 1):
            self._send(
                {
                    "op": "plan",
                    "model": label,
                    "requests": [request.to_json() for request in chunk],
                    "more": more or number < len(chunks),
                }
            )

    def routes(self, label: str, request: Request, answer: str) -> Routes:
        """The experts that a prompt and its answer visit; waits for it.

        :raises UserError: if the model does not say.
        :raises GenerationError: if the model or the server failed.
        """
        asked = {"request": request.to_json(), "answer": answer}
        message = {"op": "routes", "model": label, **asked}
        return Routes.from_json(self._ask(message, tries=2))

    def stats(self) -> dict[str, dict[str, Any]]:
        """What each model did: label -> the fields of ``ModelStats``.

        :raises GenerationError: if the server is gone.
        """
        result: dict[str, dict[str, Any]] = self._ask({"op": "stats"})
        return result

    def activity(self) -> dict[str, Activity]:
        """What each model does now, by label.

        :raises GenerationError: if the server is gone.
        """
        found: dict[str, dict[str, Any]] = self._ask({"op": "activity"})
        return {label: Activity(**facts) for label, facts in found.items()}

    def close(self) -> None:
        """Close the connection; the next question would open another."""
        if self._stream is not None:
            self._stream.close()
        if self._socket is not None:
            self._socket.close()
        self._stream = self._socket = None

    def _ask(self, message: dict[str, Any], *, tries: int = 1) -> Any:
        while True:
            tries -= 1
            try:
                answer = self._exchange(message, wants_answer=True)
            except ServerLostError:
                if not tries:
                    raise
            else:
                return result_of(answer)

    def _send(self, message: dict[str, Any]) -> None:
        self._exchange(message, wants_answer=False)

    def _exchange(
        self, message: dict[str, Any], *, wants_answer: bool
    ) -> dict[str, Any]:
        with self._lock:
            self._number += 1
            try:
                frame = encode({**message, "id": self._number})
            except WireError as error:
                raise GenerationError(f"the prompt is too long: {error}") from error
            try:
                connection, stream = self._connected()
                connection.sendall(frame)
                answer = read_frame(stream) if wants_answer else {}
                if answer is None:
                    raise ConnectionError("the server closed the connection")
                return answer
            except (OSError, WireError) as error:
                self.close()
                raise ServerLostError(self._lost()) from error
            except BaseException:
                # Interrupted: the answer may still come, and not to our next question.
                self.close()
                raise

    def _connected(self) -> tuple[socket.socket, BinaryIO]:
        if self._socket is not None and _is_over(self._socket):
            self.close()
        if self._socket is None or self._stream is None:
            self._socket = socket.create_connection(self._address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._stream = self._socket.makefile("rb")
            self._socket.sendall(encode({"secret": self._secret}))
        return self._socket, self._stream

    def _lost(self) -> str:
        hint = "" if self._log_path is None else f": see {self._log_path}"
        return f"the generation server died{hint}"


def _is_over(connection: socket.socket) -> bool:
    """Whether the other side closed an idle connection, where nothing may come in."""
    try:
        connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _chunks(requests: Sequence[Request]) -> Iterator[list[Request]]:
    chunk: list[Request] = []
    characters = 0
    for request in requests:
        chunk.append(request)
        characters += prompt_length(request)
        if len(chunk) >= PLAN_REQUESTS or characters >= PLAN_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
