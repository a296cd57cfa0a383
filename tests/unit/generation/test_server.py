from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.generation.lifecycle import GenerationServer
from pytest_selfinvoke.generation.wire import MAX_GREETING_BYTES, Activity
from pytest_selfinvoke.models.base import Request

Ask = Callable[..., Request]
Start = Callable[..., GenerationServer]
Connect = Callable[[GenerationServer], GenerationClient]


def exchange(server: GenerationServer, sent: bytes) -> bytes:
    """All that the server says on a new connection."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while chunk := connection.recv(2**16):
                received += chunk
        except ConnectionResetError:
            # The server closed while something of ours was unread.
            return received
        return received


def greeting(server: GenerationServer) -> bytes:
    return json.dumps({"secret": server.secret}).encode() + b"\n"


def test_models_of_several_kinds_serve_one_session(
    start: Start, connect: Connect, ask: Ask
) -> None:
    server = start(
        ModelSpec(spec="oracle", label="o"), ModelSpec(spec="stub", label="s")
    )
    client = connect(server)
    request = ask("k", reference="def f(): pass", case={"entry_points": ["f"]})
    assert "def f(): pass" in client.generate("o", request).text
    assert "def f(*args" in client.generate("s", request).text
    assert client.info("o").engine == "oracle"
    stats = client.stats()
    assert {label: stats[label]["requests"] for label in stats} == {"o": 1, "s": 1}


def test_eight_clients_get_their_own_answers(
    start: Start, connect: Connect, ask: Ask
) -> None:
    server = start(max_batch=4)

    def work(worker: int) -> list[str]:
        client = connect(server)
        return [
            client.generate("m", ask(f"{worker}-{n}", f"echo {worker}/{n}")).text
            for n in range(25)
        ]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    assert answers == [[f"{w}/{n}" for n in range(25)] for w in range(8)]
    assert connect(server).stats()["m"]["requests"] == 200


def test_planned_requests_fill_batches_and_are_made_once(
    start: Start, connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    server = start(max_batch=4)
    first, second = connect(server), connect(server)
    gate = tmp_path / "gate"
    with ThreadPoolExecutor(2) as pool:
        stopper = pool.submit(first.generate, "m", ask("stopper", f"wait {gate}"))
        planned = [ask(f"p{n}") for n in range(7)]
        for _ in range(2):
            second.plan("m", planned)
        second.stats()
        other = pool.submit(second.generate, "m", ask("p6"))
        gate.touch()
        assert "stopper" in stopper.result(timeout=10).text.split()
        assert len(other.result(timeout=10).text.split()) > 1
    # The rest was made meanwhile: each answer names its batch, and there are few.
    batches = {first.generate("m", request).text for request in planned[:6]}
    assert len(batches) <= 3
    stats = first.stats()["m"]
    assert stats["requests"] == 8
    assert stats["batches"] <= 4
    assert stats["tokens"] == 16


def test_activity_is_told_while_a_model_works(
    start: Start, connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    server = start()
    go = tmp_path / "go"
    assert connect(server).activity() == {"m": Activity()}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(connect(server).generate, "m", ask("k", f"wait {go}"))
        watcher = connect(server)
        while watcher.activity()["m"] != Activity(waiting=1):
            time.sleep(0.002)
        go.touch()
        asked.result()
    assert watcher.activity()["m"].made == 1


def test_the_parts_of_a_plan_make_one_batch(
    start: Start, connect: Connect, ask: Ask
) -> None:
    client = connect(start(max_batch=4))
    client.plan("m", [], more=True)
    client.info("m")
    client.plan("m", [ask("a")], more=True)
    time.sleep(0.2)  # Time enough for a batch of one.
    client.plan("m", [ask("b"), ask("c"), ask("d")])
    assert client.generate("m", ask("a")).text == "a b c d"


@pytest.mark.parametrize("size", [5 * 2**20])
def test_a_huge_prompt_passes(
    start: Start, connect: Connect, ask: Ask, size: int
) -> None:
    text = "x" * size
    assert connect(start()).generate("m", ask("k", f"echo {text}")).text == text


def test_surrogates_and_control_characters_survive(
    start: Start, connect: Connect, ask: Ask
) -> None:
    text = "\ud800 \udcff \0 \n \r\n \u2028 😀 ü"
    assert connect(start()).generate("m", ask("k", f"echo {text}")).text == text


def test_an_engines_exception_is_reported_and_logged(
    start: Start, connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    client = connect(start())
    with pytest.raises(GenerationError, match=r"^m: ValueError: out of luck$"):
        client.generate("m", ask("a", "raise out of luck"))
    with pytest.raises(GenerationError, match="SystemExit"):
        client.generate("m", ask("b", "exit"))
    with pytest.raises(GenerationError, match=r"^no such case$"):
        client.generate("m", ask("c", "fail no such case"))
    assert client.generate("m", ask("d", "echo on")).text == "on"
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" in log
    assert "out of luck" in log


def test_a_model_that_cannot_be_loaded(
    start: Start, connect: Connect, ask: Ask
) -> None:
    client = connect(start(load="refuse"))
    client.plan("m", [ask("k")])
    for _ in range(2):
        with pytest.raises(UserError, match=r"^no weights in /weights: download them$"):
            client.generate("m", ask("k"))
    crashing = connect(start(load="crash"))
    with pytest.raises(
        GenerationError, match=r"^cannot load m: ValueError: weights broken$"
    ):
        crashing.info("m")


def test_unknown_models_are_refused(start: Start, connect: Connect, ask: Ask) -> None:
    server = start(
        ModelSpec(spec="oracel", label="typo"),
        ModelSpec(spec="missing_module:attr", label="gone"),
    )
    client = connect(server)
    client.plan("other", [ask("k")])
    with pytest.raises(GenerationError, match="no model 'other'"):
        client.generate("other", ask("k"))
    with pytest.raises(UserError, match="did you mean 'oracle'"):
        client.info("typo")
    with pytest.raises(UserError, match="no module named 'missing_module'"):
        client.info("gone")


def test_one_key_with_two_prompts_is_two_requests(
    start: Start, connect: Connect, ask: Ask
) -> None:
    client = connect(start())
    assert client.generate("m", ask("k", "echo 1")).text == "1"
    assert client.generate("m", ask("k", "echo 2")).text == "2"


@pytest.mark.parametrize(
    "greeted",
    [
        b'{"secret": "wrong"}\n',
        b'{"secret": "\\ud800"}\n',
        b'{"secret": 1}\n',
        b"{}\n",
        b"\n",
        b"",
        b"x" * (MAX_GREETING_BYTES + 1),
    ],
)
def test_without_the_secret_nothing_is_answered(start: Start, greeted: bytes) -> None:
    server = start()
    stats = b'{"id": 1, "op": "stats"}\n'
    assert exchange(server, greeted + stats) == b""
    assert b'"id":1' in exchange(server, greeting(server) + stats)


@pytest.mark.parametrize(
    "frame",
    [
        b"nonsense",
        b"[1, 2]",
        b'{"op": "stats"}',
        b'{"id": 2, "op": "sing", "model": "m"}',
        b'{"id": 2, "op": "generate", "model": "m"}',
        b'{"id": 2, "op": "generate", "model": "m", "request": {"key": "k"}}',
        b'{"id": 2, "op": "generate", "model": "m", "request": 7}',
        b'{"id": 2, "op": "plan", "model": "m", "requests": 7}',
    ],
)
def test_a_malformed_frame_closes_its_connection_only(
    start: Start, connect: Connect, ask: Ask, tmp_path: Path, frame: bytes
) -> None:
    server = start()
    client = connect(server)
    client.generate("m", ask("k"))
    stats = b'{"id": 1, "op": "stats"}\n'
    received = exchange(server, greeting(server) + stats + frame + b"\n" + stats)
    assert received.count(b"\n") == 1
    log = (tmp_path / "server.log").read_text()
    assert "connection closed" in log
    assert "Traceback" not in log
    assert client.generate("m", ask("l", "echo on")).text == "on"


def test_what_a_model_prints_and_reads_is_not_the_controllers(
    start: Start, connect: Connect, ask: Ask
) -> None:
    client = connect(start())
    assert client.generate("m", ask("k", "read")).text == "''"
    assert client.generate("m", ask("l", "echo on")).text == "on"
