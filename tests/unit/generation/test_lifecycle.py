from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.generation.lifecycle import GenerationServer
from pytest_selfinvoke.models.base import Request

Ask = Callable[..., Request]
Start = Callable[..., GenerationServer]
Connect = Callable[[GenerationServer], GenerationClient]

ORACLE = ModelSpec(spec="oracle", label="o")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_workers_may_connect_before_the_server_runs(
    connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    server = GenerationServer()
    server.open()
    with ThreadPoolExecutor(4) as pool:
        early = [pool.submit(connect(server).info, "o") for _ in range(4)]
        server.launch([ORACLE], threads=1, log_path=tmp_path / "new" / "log")
        assert {future.result(timeout=10).engine for future in early} == {"oracle"}
    states = [server.alive]
    server.stop()
    assert [*states, server.alive] == [True, False]


def test_opening_and_launching_twice_changes_nothing(
    start: Start, connect: Connect, tmp_path: Path
) -> None:
    server = start(ORACLE)
    address = server.address
    server.open()
    server.launch([], threads=1, log_path=tmp_path / "other.log")
    assert server.address == address
    assert connect(server).info("o").engine == "oracle"
    assert not (tmp_path / "other.log").exists()


def test_stopping_is_safe_at_any_time(tmp_path: Path) -> None:
    never_opened = GenerationServer()
    never_opened.stop()
    never_launched = GenerationServer()
    never_launched.open()
    never_launched.stop()
    never_launched.stop()
    never_launched.launch([ORACLE], threads=1, log_path=tmp_path / "log")
    assert not never_launched.alive
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(never_launched.address)


def test_the_address_is_known_once_it_is_open() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        _ = GenerationServer().address


def test_every_session_has_its_own_secret() -> None:
    assert GenerationServer().secret != GenerationServer().secret
    assert len(GenerationServer().secret) >= 32


def test_two_models_of_one_label_are_refused(tmp_path: Path) -> None:
    server = GenerationServer()
    twin = ModelSpec(spec="stub", label="o")
    with pytest.raises(UserError, match="two models are called 'o'"):
        server.launch([ORACLE, twin], threads=1, log_path=tmp_path / "log")
    server.stop()


def test_one_model_may_come_from_several_plans(start: Start, connect: Connect) -> None:
    assert connect(start(ORACLE, ORACLE)).info("o").engine == "oracle"


def test_threads_and_directory_are_set_before_a_model_is_imported(
    start: Start, connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    client = connect(start())
    assert client.generate("m", ask("a", "environ OMP_NUM_THREADS")).text == "1"
    assert client.generate("m", ask("b", "cwd")).text == str(Path.cwd())


def test_a_registered_name_reaches_the_server(
    connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    server = GenerationServer()
    server.open()
    server.launch(
        [ModelSpec(spec="house", label="h")],
        threads=1,
        sys_path=[str(Path(__file__).parent)],
        registered={"house": "obedient_model:Obedient"},
        log_path=tmp_path / "log",
    )
    try:
        assert connect(server).generate("h", ask("k", "echo on")).text == "on"
    finally:
        server.stop()


def test_a_users_module_is_found_where_pytest_was_started(
    connect: Connect, tmp_path: Path
) -> None:
    (tmp_path / "colorsys.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "local_model.py").write_text(
        "import colorsys\nclass Local:\n    def __init__(self, spec): pass\n"
        "    def generate(self, requests): return ['x' for _ in requests]\n"
    )
    server = GenerationServer()
    server.open()
    server.launch(
        [ModelSpec(spec="local_model:Local", label="l")],
        threads=1,
        log_path=tmp_path / "log",
        cwd=tmp_path,
    )
    try:
        assert connect(server).info("l").engine == "custom"
    finally:
        server.stop()


def test_a_question_of_a_killed_server_is_asked_again(
    start: Start, connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    server, sign, go = start(), tmp_path / "sign", tmp_path / "go"
    waiting, idle = connect(server), connect(server)
    assert idle.generate("m", ask("before", "echo 1")).text == "1"
    first = _pid(server)
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(waiting.generate, "m", ask("w", f"once {sign} {go}"))
        wait_until(sign.exists)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: _pid(server) != first)
        go.touch()
        # One that was idle sees nothing of it.
        assert idle.generate("m", ask("idle", "echo 2")).text == "2"
        assert blocked.result(timeout=10).text == "w"
    assert server.alive


def test_a_question_that_kills_servers_costs_itself_only(
    start: Start, connect: Connect, ask: Ask
) -> None:
    server = start()
    killer, other = connect(server), connect(server)
    with pytest.raises(GenerationError, match="server died"):
        killer.generate("m", ask("k", "die"))
    for client in (killer, other):
        assert client.generate("m", ask("after", "echo 3")).text == "3"
    # There is an end to it: then nobody waits.
    with pytest.raises(GenerationError, match="server died"):
        killer.generate("m", ask("k2", "die"))
    for client in (killer, other, connect(server)):
        with pytest.raises(GenerationError, match="server died"):
            client.generate("m", ask("late", "echo 4"))


def test_a_second_server_is_told_the_plan_and_a_third_is_not(
    connect: Connect, ask: Ask, tmp_path: Path
) -> None:
    server, told = GenerationServer(), []
    server.launch(
        [ORACLE],
        threads=1,
        log_path=tmp_path / "log",
        on_restart=lambda: told.append(_pid(server)),
    )
    pids = [_pid(server)]
    for _ in range(2):
        os.kill(pids[-1], signal.SIGKILL)
        wait_until(lambda: _pid(server) != pids[-1])
        pids.append(_pid(server))
    assert connect(server).info("o").name == "oracle"
    server.stop()
    assert told == [pids[1]]


def _pid(server: GenerationServer) -> int:
    assert server._process is not None
    return server._process.pid


def test_a_server_that_cannot_start_is_an_error_and_no_hang(
    connect: Connect, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    server = GenerationServer()
    server.open()
    server.launch([ORACLE], threads=1, log_path=tmp_path / "log")
    with pytest.raises(GenerationError, match="server died"):
        connect(server).info("o")
    server.stop()


def test_no_process_at_all_is_one_line_and_nobody_waits(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    server = GenerationServer()
    server.open()
    with pytest.raises(UserError, match="cannot be started"):
        server.launch([ORACLE], threads=1, log_path=tmp_path / "log")
    with pytest.raises(GenerationError, match="server died"):
        connect(server).info("o")
    server.stop()


@pytest.mark.parametrize("busy", ["loading", "generating"])
def test_a_busy_server_stops_in_time(
    start: Start, connect: Connect, ask: Ask, tmp_path: Path, busy: str
) -> None:
    sign = tmp_path / "sign"
    server = start(load="hang" if busy == "loading" else "", sign=str(sign))
    client = connect(server)
    with ThreadPoolExecutor(1) as pool:
        blocked = pool.submit(client.generate, "m", ask("k", f"hang {sign}"))
        wait_until(sign.exists)
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 2
        with pytest.raises(GenerationError, match="server died"):
            blocked.result(timeout=10)


def test_an_idle_server_ends_by_itself(start: Start, connect: Connect) -> None:
    server = start()
    connect(server).info("m")
    server.stop()
    assert server._process is not None
    assert server._process.returncode == 0


def test_a_stopped_process_is_killed(start: Start, connect: Connect) -> None:
    server = start(ORACLE)
    connect(server).stats()
    os.kill(_pid(server), signal.SIGSTOP)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 2
    assert not server.alive


def test_the_terminals_interrupt_does_not_reach_the_server(
    start: Start, connect: Connect
) -> None:
    server = start(ORACLE)
    connect(server).stats()
    assert os.getpgid(_pid(server)) != os.getpgid(0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_server_ends_with_its_controller(
    tmp_path: Path, number: signal.Signals
) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from pytest_selfinvoke.generation.lifecycle import GenerationServer\n"
        "server = GenerationServer()\nserver.open()\n"
        f"server.launch([], threads=1, log_path=Path({str(tmp_path / 'log')!r}))\n"
        "print(server.address[1], server.secret, flush=True)\ntime.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment
    ) as controller:
        assert controller.stdout is not None
        port, secret = controller.stdout.readline().decode().split()
        client = GenerationClient(("127.0.0.1", int(port)), secret)
        assert client.stats() == {}
        assert client._socket is not None
        client._socket.settimeout(10)
        controller.send_signal(number)
        assert client._socket.recv(1) == b""
        client.close()
