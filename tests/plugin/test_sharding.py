"""Shards of one run, on any number of machines, become one run and one store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.results.store import read_records

from .conftest import Run, assert_clear


def run_path(name: str) -> str:
    [manifest] = Path(name).glob("*/manifest.json")
    return str(manifest.parent)


def test_two_shards_are_one_run(
    pytester: pytest.Pytester, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    model = "--model=short:Short"
    pytester.makepyfile(
        short="""
        class Short:
            max_batch = 4
            def __init__(self, spec): pass
            def generate(self, requests): return ["no code" for _ in requests]
        """
    )
    attack = "--attack=clean,docstring.butter_fingers"
    for number in (1, 2):
        mine = [f"--selfinvoke-{what}=s{number}{what}" for what in ("results", "store")]
        run(model, "--limit=7", attack, f"--shard={number}/2", *mine)
    run(model, "--limit=7", attack, "--selfinvoke-results=whole")
    capsys.readouterr()
    folders = [run_path("s1results"), run_path("s2results")]
    assert main(["runs", "merge", *folders, "-o", "merged"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "merged: 14 records"
    assert printed[1].split()[:4] == ["short-Short", "mini", "clean", "7"]

    def verdicts(path: str) -> dict[str, object]:
        return {record.id: record.verdict for record in read_records(Path(path))}

    assert verdicts("merged") == verdicts(run_path("whole"))
    assert main(["store", "merge", "s1store", "s2store", "-o", "both"]) == 0
    assert capsys.readouterr().out == "both: 14 completions\n"
    whole = ("--selfinvoke-store=both", "--selfinvoke-cache=read-only")
    result = run(model, "--limit=7", attack, *whole)
    assert "completions: 0 generated, 14 from the store both" in result.outlines
    capsys.readouterr()
    assert main(["store", "info", "both"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["both: 14 completions, whole", "      14 short:Short (custom)"]
    assert main(["store", "show", "both", "--case", "click"]) == 0
    assert capsys.readouterr().out.count('"text":"no code"') == 2


class Endpoint(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that writes no code, and counts."""

    asked: ClassVar[Counter[int]] = Counter()

    def do_GET(self) -> None:
        self.reply({"data": [{"id": "coder"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked[self.server.server_address[1]] += 1
        message = {"role": "assistant", "content": "no code"}
        self.reply({"choices": [{"message": message, "finish_reason": "stop"}]})

    def reply(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def endpoints() -> Iterator[list[int]]:
    pytest.importorskip("openai")
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) for _ in range(2)]
    threads = [Thread(target=server.serve_forever, args=(0.02,)) for server in servers]
    for thread in threads:
        thread.start()
    yield [server.server_port for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def test_two_shards_on_two_endpoints_are_one_run(
    run: Run, endpoints: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    Endpoint.asked.clear()
    for number, port in enumerate(endpoints, 1):
        result = run(
            f"--model=openai:http://127.0.0.1:{port}/v1#coder",
            "--limit=6",
            f"--shard={number}/2",
            f"--selfinvoke-results=s{number}results",
            f"--selfinvoke-store=s{number}store",
        )
        result.assert_outcomes(failed=3)
    assert [Endpoint.asked[port] for port in endpoints] == [3, 3]
    capsys.readouterr()
    folders = [run_path("s1results"), run_path("s2results")]
    assert main(["runs", "merge", *folders, "-o", "merged"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "merged: 6 records"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["store", "info", "gone"], "gone"),
        (["store", "merge", "gone", "-o", "new"], "gone"),
        (["runs", "merge", "gone", "-o", "new"], "gone: no run directory"),
    ],
)
def test_mistakes_are_one_line(
    pytester: pytest.Pytester,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words) == 4
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert message in printed


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x"])
def test_a_shard_that_does_not_exist(run: Run, shard: str) -> None:
    result = run("--model=oracle", f"--shard={shard}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, f"shard '{shard}'", "write I/N")


def test_a_teams_own_tests_are_sharded_too(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        test_own="""
        import pytest
        @pytest.mark.selfinvoke(benchmark="mini", limit=5)
        def test_it(selfinvoke_case): pass
        """
    )
    counts = [
        run("test_own.py", f"--shard={n}/2").parseoutcomes()["passed"] for n in (1, 2)
    ]
    assert counts == [3, 2]
