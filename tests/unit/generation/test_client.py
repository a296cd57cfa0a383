from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.generation import client as client_module
from pytest_selfinvoke.generation import wire
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.models.base import Request

Ask = Callable[..., Request]
#: From a parsed frame to the raw bytes to send; ``None`` sends nothing.
Script = Callable[[dict[str, Any]], bytes | None]


class FakeServer:
    """Answers frames with a function; an empty answer closes the connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.frames: list[dict[str, Any]] = []
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as stream:
                for line in stream:
                    frame = json.loads(line)
                    self.frames.append(frame)
                    if "id" in frame and not self.answer(connection, frame):
                        break

    def answer(self, connection: socket.socket, frame: dict[str, Any]) -> bool:
        raw = self.script(frame)
        connection.sendall(raw or b"")
        return raw != b""

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def fake() -> Iterator[Callable[[Script], FakeServer]]:
    servers: list[FakeServer] = []

    def serve(script: Script) -> FakeServer:
        servers.append(FakeServer(script))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


def result(frame: dict[str, Any], value: object) -> bytes:
    return json.dumps({"id": frame["id"], "result": value}).encode() + b"\n"


def test_the_secret_is_shown_once_per_connection(
    fake: Callable[[Script], FakeServer],
) -> None:
    server = fake(lambda frame: result(frame, {}))
    client = GenerationClient(server.address, "secret")
    assert server.connections == 0
    client.stats()
    client.stats()
    client.close()
    assert [frame.get("secret") for frame in server.frames] == ["secret", None, None]


@pytest.mark.parametrize("first", [b"", b"<html>\n"])
def test_a_lost_connection_is_an_error_and_the_next_call_connects_anew(
    fake: Callable[[Script], FakeServer],
    first: bytes,
) -> None:
    answers = iter([first])
    server = fake(lambda frame: next(answers, result(frame, {"a": {}})))
    client = GenerationClient(server.address, "s", log_path="/logs/server.log")
    with pytest.raises(
        GenerationError, match=r"^the generation server died: see /logs/server.log$"
    ):
        client.stats()
    assert client.stats() == {"a": {}}
    assert server.connections == 2
    client.close()


def test_a_connection_that_ended_between_two_calls_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = GenerationClient(listener.getsockname(), "s")

        def serve_two() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as stream:
                    stream.readline()
                    connection.sendall(result(json.loads(stream.readline()), {}))
                served.set()

        served = threading.Event()
        thread = threading.Thread(target=serve_two)
        thread.start()
        client.stats()
        assert served.wait(5)
        assert client.stats() == {}
        thread.join()
        client.close()


@pytest.mark.parametrize("lost", [1, 2])
def test_a_question_is_asked_twice_at_most(
    fake: Callable[[Script], FakeServer], ask: Ask, lost: int
) -> None:
    answers = iter([b""] * lost)
    server = fake(lambda frame: next(answers, result(frame, {"text": "a"})))
    client = GenerationClient(server.address, "s")
    if lost == 1:
        assert client.generate("m", ask("k")).text == "a"
    else:
        with pytest.raises(GenerationError, match="server died"):
            client.generate("m", ask("k"))
    assert server.connections == 2
    client.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(GenerationError, match=r"^the generation server died$"):
        GenerationClient(address, "s").stats()


def test_an_interrupted_call_does_not_mix_up_answers(
    fake: Callable[[Script], FakeServer],
) -> None:
    main = threading.get_ident()

    def script(frame: dict[str, Any]) -> bytes:
        if frame["id"] == 1:
            signal.pthread_kill(main, signal.SIGALRM)
            # Not at once: the interruption must meet a client that waits.
            interrupted.wait(5)
        return result(frame, {"m": {"number": frame["id"]}})

    class TimeIsUp(BaseException):
        pass

    def handler(*_: object) -> None:
        raise TimeIsUp

    interrupted = threading.Event()
    before = signal.signal(signal.SIGALRM, handler)
    try:
        client = GenerationClient(fake(script).address, "s")
        with pytest.raises(TimeIsUp):
            client.stats()
        interrupted.set()
        assert client.stats() == {"m": {"number": 2}}
        client.close()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_plan_is_sent_in_bounded_parts(
    fake: Callable[[Script], FakeServer],
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "PLAN_REQUESTS", 3)
    monkeypatch.setattr(client_module, "PLAN_CHARACTERS", 100)
    server = fake(lambda frame: result(frame, {}) if frame["op"] == "stats" else None)
    client = GenerationClient(server.address, "s")
    client.plan("m", [])
    assert server.connections == 0
    client.plan("m", [*map(ask, "abcd"), ask("e", "x" * 200), ask("f")])
    client.stats()
    client.close()
    sent = [[r["key"] for r in frame["requests"]] for frame in server.frames[1:-1]]
    assert sent == [["a", "b", "c"], ["d", "e"], ["f"]]


def test_a_prompt_that_is_too_long_for_the_wire_is_not_sent(
    fake: Callable[[Script], FakeServer],
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = fake(lambda frame: result(frame, {}))
    client = GenerationClient(server.address, "s")
    monkeypatch.setattr(wire, "MAX_FRAME_BYTES", 1000)
    with pytest.raises(GenerationError, match="the prompt is too long"):
        client.generate("m", ask("k", "x" * 1000))
    client.stats()
    client.close()
