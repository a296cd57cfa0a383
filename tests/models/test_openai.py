from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.models import openai_engine
from pytest_selfinvoke.models.base import Failure, ModelKind, Request
from pytest_selfinvoke.models.openai import OpenAiKind
from pytest_selfinvoke.models.openai_engine import OpenAiEngine
from pytest_selfinvoke.models.openai_json import read_answer, request_body

pytest.importorskip("openai", reason="the extra openai is not installed")

KEY = "sk-very-secret"
Ask = Callable[..., Request]


#: What servers add to OpenAI's list of models.
SERVED: dict[str, dict[str, Any]] = {
    "vllm": {"owned_by": "vllm", "root": "/models/x", "max_model_len": 2048},
    "llama": {
        "owned_by": "llamacpp",
        "meta": {
            "n_params": 134_515_008,
            "ftype": "Q4_1",
            "n_ctx": 2048,
            "n_ctx_train": 8192,
        },
    },
    "strange": {"owned_by": 3, "meta": {"n_params": "many", "n_ctx_train": "long"}},
}


class FaultyServer(ThreadingHTTPServer):
    """Behaves as the first folder of the path says: ``/slow/v1/chat/completions``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[dict[str, Any]] = []
        self.paths: Counter[str] = Counter()
        self.keys: set[str | None] = set()
        self.lock = threading.Lock()
        self.under_way = 0
        self.most_under_way = 0

    def url(self, fault: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{fault}/v1"

    def handle_error(self, *_: Any) -> None:
        """Clients that hang up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    server: FaultyServer
    server_version = "scripted/1"
    sys_version = ""

    def do_GET(self) -> None:
        fault = self.path.split("/")[1]
        status = {"closed": 401, "unlisted": 404, "broken": 500, "moved": 302}
        if fault in status:
            extra = {"Location": "http://127.0.0.1:1/"} if fault == "moved" else {}
            return self.reply(status[fault], {}, **extra)
        if fault == "unlike":
            return self.reply(200, {"models": []})
        if self.path == "/vllm/version":
            return self.reply(200, {"version": "0.32.0"})
        if self.path.endswith("/version"):
            return self.reply(404, {})
        if fault in SERVED:
            return self.reply(200, {"data": [{"id": "code-model", **SERVED[fault]}]})
        names = ["code-model"] if fault == "single" else ["code-model", "other"]
        return self.reply(200, {"data": [{"id": name} for name in names]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append(body)
            self.server.keys.add(self.headers["Authorization"])
            self.server.paths[self.path] += 1
            count = self.server.paths[self.path]
            self.server.under_way += 1
            self.server.most_under_way = max(
                self.server.most_under_way, self.server.under_way
            )
        try:
            fault = self.path.split("/")[1].replace("-", "_")
            getattr(self, fault)(count, body)
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def ok(self, count: int, body: dict[str, Any]) -> None:
        text = body.get("prompt") or body["messages"][-1]["content"]
        self.answer(f"answer to {text}", "length" if "long" in text else "stop")

    def answer(self, text: str | None, reason: str = "stop") -> None:
        chat = "chat" in self.path
        part = {"message": {"role": "assistant", "content": text}}
        self.reply(
            200,
            {
                "id": "1",
                "object": "x",
                "created": 0,
                "model": "code-model",
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": reason,
                        **(part if chat else {"text": text}),
                    }
                ],
                "usage": {
                    "prompt_tokens": 7,
                    "completion_tokens": 3,
                    "total_tokens": 10,
                },
            },
        )

    def bad_key(self, count: int, body: dict[str, Any]) -> None:
        key = self.headers["Authorization"].removeprefix("Bearer ")
        self.reply(401, {"error": {"message": f"wrong key {key}"}})

    def bad_request(self, count: int, body: dict[str, Any]) -> None:
        self.reply(400, {"error": {"message": "maximum context is 4 tokens\nmore"}})

    def busy(self, count: int, body: dict[str, Any]) -> None:
        if count == 1:
            return self.reply(429, {}, **{"Retry-After": "0.3"})
        return self.ok(count, body)

    def always_busy(self, count: int, body: dict[str, Any]) -> None:
        self.reply(429, {"error": {"message": "wait"}}, **{"Retry-After": "0.01"})

    def error_once(self, count: int, body: dict[str, Any]) -> None:
        if count == 1:
            return self.reply(500, {}, **{"Retry-After": "0.01"})
        return self.ok(count, body)

    def down(self, count: int, body: dict[str, Any]) -> None:
        self.reply(503, {"error": {"message": "no room"}}, **{"Retry-After": "0.01"})

    def away(self, count: int, body: dict[str, Any]) -> None:
        """Closes the connection without a word, as a server does that is killed."""
        self.connection.shutdown(socket.SHUT_RDWR)

    def late(self, count: int, body: dict[str, Any]) -> None:
        """The headers come at once, the first byte of the answer late."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.flush()
        time.sleep(0.6)

    def first_bad(self, count: int, body: dict[str, Any]) -> None:
        """Breaks at some prompts only."""
        if "bad" in body["prompt"]:
            return self.reply(500, {"error": {"message": "engine died"}})
        return self.ok(count, body)

    def llama(self, count: int, body: dict[str, Any]) -> None:
        self.answer(body["messages"][-1]["content"] + " and more")

    def cut(self, count: int, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"choices": [')
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def cut_once(self, count: int, body: dict[str, Any]) -> None:
        return self.cut(count, body) if count == 1 else self.ok(count, body)

    def malformed(self, count: int, body: dict[str, Any]) -> None:
        self.send_bytes(200, b'{"choices": [{"message": ')

    def page(self, count: int, body: dict[str, Any]) -> None:
        self.send_bytes(200, b"<html>proxy</html>", **{"Content-Type": "text/html"})

    def no_choice(self, count: int, body: dict[str, Any]) -> None:
        self.reply(200, {"choices": []})

    def no_fields(self, count: int, body: dict[str, Any]) -> None:
        self.reply(200, {"choices": [{"message": {"content": 3}}]})

    def silent(self, count: int, body: dict[str, Any]) -> None:
        self.answer(None, "length")

    def slow(self, count: int, body: dict[str, Any]) -> None:
        time.sleep(0.4)
        self.ok(count, body)

    def reply(self, status: int, data: dict[str, Any], **headers: str) -> None:
        self.send_bytes(status, json.dumps(data).encode(), **headers)

    def send_bytes(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_engine, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(openai_engine, "LONGEST_WAIT_S", 0.04)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as faulty:
        thread = threading.Thread(target=faulty.serve_forever, args=(0.02,))
        thread.start()
        yield faulty
        faulty.shutdown()
        thread.join()


@pytest.fixture
def load(server: FaultyServer) -> Iterator[Callable[..., OpenAiEngine]]:
    engines = []

    def make(fault: str, **options: Any) -> OpenAiEngine:
        kind = OpenAiKind(environ={"SELFINVOKE_API_KEY": KEY})
        engines.append(kind.load(spec(server.url(fault), **options)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def spec(url: str, model: str = "code-model", **options: Any) -> ModelSpec:
    return ModelSpec(spec=f"openai:{url}#{model}", label="m", options=options)


def test_kind_keeps_the_protocol() -> None:
    assert isinstance(OpenAiKind(), ModelKind)


def test_chat_and_completion(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("ok")
    chat, plain, long = engine.generate(
        [ask([("system", "be short"), ("user", "hello")]), ask("def f"), ask("a long")]
    )
    assert isinstance(chat, Completion)
    assert chat.text == "answer to hello"
    assert (chat.finish_reason, chat.prompt_tokens, chat.completion_tokens) == (
        "stop",
        7,
        3,
    )
    assert chat.duration_s is not None
    assert isinstance(plain, Completion)
    assert plain.text == "answer to def f"
    assert isinstance(long, Completion)
    assert long.finish_reason == "length"
    assert server.paths == {"/ok/v1/chat/completions": 1, "/ok/v1/completions": 2}
    [sent] = [body for body in server.seen if "messages" in body]
    assert sent == {
        "model": "code-model",
        "messages": [
            {"role": "system", "content": "be short"},
            {"role": "user", "content": "hello"},
        ],
        "max_tokens": 12,
        "temperature": 0.0,
    }
    assert server.keys == {f"Bearer {KEY}"}


def test_sampling_is_sent_only_where_it_is_asked_for(ask: Ask) -> None:
    body = request_body(
        ask("x", temperature=0.5, top_p=0.9, top_k=5, seed=11, stop=("\n\n",)), "m", {}
    )
    assert body == {
        "model": "m",
        "prompt": "x",
        "max_tokens": 12,
        "temperature": 0.5,
        "seed": 11,
        "top_p": 0.9,
        "stop": ["\n\n"],
        "extra_body": {"top_k": 5},
    }


def test_extra_body_and_begun_answers(ask: Ask) -> None:
    body = request_body(
        ask([("user", "x"), ("assistant", "def")]), "m", {"max_completion_tokens": 9}
    )
    assert "max_tokens" not in body
    assert body["extra_body"] == {
        "add_generation_prompt": False,
        "continue_final_message": True,
        "max_completion_tokens": 9,
    }


def test_text_is_cut_at_a_stop_string(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    [answer] = load("ok").generate([ask("a long one", stop=("long",))])
    assert isinstance(answer, Completion)
    assert (answer.text, answer.finish_reason) == ("answer to a ", "stop")


def test_answer_without_text_is_empty(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    [answer] = load("silent").generate([ask([("user", "think")])])
    assert isinstance(answer, Completion)
    assert (answer.text, answer.finish_reason) == ("", "length")


@pytest.mark.parametrize("fault", ["busy", "error-once", "cut-once"])
def test_passing_faults_are_retried(
    fault: str, server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    [answer] = load(fault).generate([ask("x")])
    assert isinstance(answer, Completion)
    assert answer.text == "answer to x"
    assert len(server.seen) == 2
    if fault == "busy":
        assert answer.duration_s is not None
        assert answer.duration_s >= 0.3


@pytest.mark.parametrize(
    ("fault", "retries", "requests", "said"),
    [
        ("bad-key", 2, 1, "status 401: wrong key $SELFINVOKE_API_KEY"),
        ("bad-request", 2, 1, "status 400: maximum context is 4 tokens"),
        ("down", 3, 4, "status 503: no room"),
        ("cut", 0, 1, "peer closed connection"),
        ("malformed", 2, 1, "the answer is malformed: JSONDecodeError"),
        ("page", 2, 1, "the answer is malformed: JSONDecodeError"),
        ("no-choice", 2, 1, "the answer is malformed: ValueError: no choices"),
        ("no-fields", 2, 1, "the answer is malformed: TypeError"),
    ],
)
def test_lasting_faults_are_one_line(
    fault: str,
    retries: int,
    requests: int,
    said: str,
    server: FaultyServer,
    load: Callable[..., OpenAiEngine],
    ask: Ask,
) -> None:
    [answer] = load(fault, max_retries=retries).generate([ask([("user", "x")])])
    assert isinstance(answer, Failure)
    assert answer.reason.startswith(f"{server.url(fault)}/chat/completions: ")
    assert said in answer.reason
    assert "\n" not in answer.reason
    assert KEY not in answer.reason
    assert len(server.seen) == requests


def test_a_request_has_a_deadline(load: Callable[..., OpenAiEngine], ask: Ask) -> None:
    [answer] = load("slow", timeout=0.1).generate([ask("x")])
    assert isinstance(answer, Failure)
    assert answer.reason.endswith("/slow/v1: no answer within 0.1 s")


def test_a_slow_first_byte_is_no_fault_before_the_deadline(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    [answer] = load("slow", timeout=30).generate([ask("x")])
    assert isinstance(answer, Completion)
    assert answer.duration_s is not None
    assert answer.duration_s >= 0.4
    [answer] = load("late", timeout=0.2).generate([ask("x")])
    assert isinstance(answer, Failure)
    assert answer.reason.endswith("no answer within 0.2 s")


def test_the_deadline_covers_the_retries(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("down", timeout=0.2, max_retries=1000)
    [answer] = engine.generate([ask("x")])
    assert isinstance(answer, Failure)
    assert ": no answer within 0.2 s, at last " in answer.reason
    assert answer.reason.endswith("status 503: no room")


def test_requests_are_under_way_together(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("slow", max_batch=4)
    asked = [ask(f"number {i}") for i in range(8)]
    answers = engine.generate(asked)
    assert [a.text for a in answers if isinstance(a, Completion)] == [
        f"answer to number {i}" for i in range(8)
    ]
    assert server.most_under_way == 4
    assert engine.max_batch == 4


def test_a_prompt_that_is_no_text_is_a_failure(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    failed, done = load("ok").generate([ask("\ud800"), ask("x")])
    assert isinstance(failed, Failure)
    assert "the prompt cannot be sent: surrogates not allowed" in failed.reason
    assert isinstance(done, Completion)


def test_one_fault_leaves_its_neighbours(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("busy", max_retries=0)
    first, second = engine.generate([ask("a")]) + engine.generate([ask("b")])
    assert isinstance(first, Failure)
    assert "status 429" in first.reason
    assert isinstance(second, Completion)


def test_server_that_goes_away_is_one_line(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("ok", max_retries=0)
    server.shutdown()
    server.server_close()
    [answer] = engine.generate([ask("x")])
    assert isinstance(answer, Failure)
    assert answer.reason.startswith(server.url("ok"))
    assert "\n" not in answer.reason


def test_after_a_lost_server_nobody_waits_for_long(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("away", max_retries=3)
    asked = [ask(f"number {i}") for i in range(10)]
    assert all(isinstance(a, Failure) for a in engine.generate(asked[:1]))
    assert len(server.seen) == 4
    assert all(isinstance(a, Failure) for a in engine.generate(asked))
    assert len(server.seen) == 4 + 10


def test_patience_comes_back_with_the_server(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("first-bad", max_retries=2)
    for _ in range(2):
        [failed] = engine.generate([ask("bad")])
        assert isinstance(failed, Failure)
        assert failed.reason.endswith("status 500: engine died")
        [done] = engine.generate([ask("good")])
        assert isinstance(done, Completion)
    assert len(server.seen) == 2 * (3 + 1)


def test_waiting_for_a_busy_server_is_no_loss_of_patience(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("always-busy", max_retries=2)
    for _ in range(2):
        assert isinstance(engine.generate([ask("x")])[0], Failure)
    assert len(server.seen) == 2 * 3


def test_the_wait_doubles_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.undo()
    fault = openai_engine.Fault(reason="")
    waits = [openai_engine._wait_s(fault, n, ask("x")) for n in (0, 1, 2, 6, 99)]
    assert waits == [0.5, 1.0, 2.0, 30.0, 30.0]
    # Requests that failed together come back one after the other.
    assert 0.37 < openai_engine._wait_s(fault, 0, ask("x", seed=255)) < 0.38
    asked_for = replace(fault, wait_s=7.0)
    assert openai_engine._wait_s(asked_for, 5, ask("x")) == 7.0


def test_replicas_share_the_requests(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    url = server.url("ok")
    engine = load(f"slow/v1,{url[: -len('/ok/v1')]}/ok", max_batch=3)
    assert engine.max_batch == 6
    assert engine.info.notes[-1] == "2 replicas"
    answers = engine.generate([ask(f"number {i}") for i in range(20)])
    assert [a.text for a in answers if isinstance(a, Completion)] == [
        f"answer to number {i}" for i in range(20)
    ]
    # Least outstanding: the quick one does most, the slow one is never idle.
    assert server.paths["/ok/v1/completions"] > server.paths["/slow/v1/completions"]
    assert server.paths["/slow/v1/completions"] >= 2


@pytest.mark.parametrize("fault", ["away", "down", "always-busy"])
def test_another_replica_takes_over_at_once(
    fault: str,
    server: FaultyServer,
    load: Callable[..., OpenAiEngine],
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai_engine, "FIRST_WAIT_S", 60)
    monkeypatch.setattr(openai_engine, "LONGEST_WAIT_S", 60)
    engine = load(f"{fault}/v1,{server.url('ok').removesuffix('/v1')}")
    answers = engine.generate([ask(f"number {i}") for i in range(8)])
    assert all(isinstance(answer, Completion) for answer in answers), answers
    before = server.paths[f"/{fault}/v1/completions"]
    assert before >= 1
    if fault == "away":
        # It rests now.
        engine.generate([ask(f"again {i}") for i in range(8)])
        assert server.paths["/away/v1/completions"] == before


def test_replicas_that_are_all_lost_are_one_line(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load(f"away/v1,{server.url('down').removesuffix('/v1')}", max_retries=1)
    [answer] = engine.generate([ask("x")])
    assert isinstance(answer, Failure)
    assert "\n" not in answer.reason
    assert sorted(server.paths.values()) == [2, 2]


def test_deterministic_is_one_request_at_a_time(
    server: FaultyServer, load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    engine = load("slow", deterministic=True)
    engine.generate([ask(f"number {i}") for i in range(3)])
    assert server.most_under_way == engine.max_batch == 1
    assert engine.info.notes == ("one request at a time",)


@pytest.mark.parametrize(
    ("fault", "version", "precision", "parameters", "context"),
    [
        ("vllm", "vllm 0.32.0", None, None, 2048),
        ("llama", "llamacpp", "Q4_1", 134_515_008, 8192),
        ("strange", "scripted/1", None, None, None),
    ],
)
def test_info_is_what_the_server_says(
    fault: str,
    version: str,
    precision: str | None,
    parameters: int | None,
    context: int | None,
    load: Callable[..., OpenAiEngine],
) -> None:
    info = load(fault).info
    assert info.context == context
    assert info.engine_version == version
    assert (info.precision, info.total_parameters) == (precision, parameters)
    assert info.architecture is info.alignment is info.revision is info.device is None
    assert info.active_parameters is info.experts is info.chat_template is None
    assert "depend on how the server batches" in info.notes[0]


def test_a_begun_answer_is_not_repeated(
    load: Callable[..., OpenAiEngine], ask: Ask
) -> None:
    begun = ask([("user", "x"), ("assistant", "def add")])
    [answer] = load("llama").generate([begun])
    assert isinstance(answer, Completion)
    assert answer.text == " and more"
    choice = {"message": {"content": "def add and more"}}
    kept = read_answer({"choices": [choice]}, begun, 0.1)
    assert kept.text == "def add and more"


def test_info(server: FaultyServer) -> None:
    kind = OpenAiKind(environ={"OPENAI_API_KEY": KEY})
    asked = replace(spec(server.url("ok")), declared={"architecture": "moe"})
    engine = kind.load(asked)
    assert kind.inspect(asked) == engine.info
    assert (engine.info.name, engine.info.engine) == ("code-model", "openai")
    assert engine.info.engine_version == "scripted/1"
    assert engine.info.architecture == "moe"
    assert engine.info.total_parameters is None
    assert KEY not in json.dumps(engine.info.to_json())
    engine.close()


def test_the_only_model_needs_no_name(server: FaultyServer) -> None:
    engine = OpenAiKind(environ={}).load(spec(server.url("single"), model=""))
    assert engine.info.name == "code-model"
    engine.close()


def test_preflight_takes_a_server_without_a_list_at_its_word(
    server: FaultyServer,
) -> None:
    OpenAiKind(environ={}).preflight(spec(server.url("unlisted")))
    with pytest.raises(UserError, match="does not list its models"):
        OpenAiKind(environ={}).preflight(spec(server.url("unlisted"), model=""))


@pytest.mark.parametrize(
    ("fault", "model", "message"),
    [
        ("closed", "m", r"status 401.*SELFINVOKE_API_KEY or OPENAI_API_KEY"),
        ("broken", "m", r"status 500 .*check_model = false"),
        ("moved", "m", r"moved to http://127\.0\.0\.1:1/"),
        ("unlike", "m", r"not a list of models"),
        ("ok", "cod-model", r"did you mean 'code-model'\? it has: code-model, other"),
        ("ok", "", r"has 2 models: .* one of: code-model, other"),
    ],
)
def test_preflight_says_what_to_change(
    fault: str, model: str, message: str, server: FaultyServer
) -> None:
    kind = OpenAiKind(environ={"OPENAI_API_KEY": KEY})
    with pytest.raises(UserError, match=message) as caught:
        kind.preflight(spec(server.url(fault), model=model))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["broken", "unlike", "ok", "unlisted"])
def test_a_trusted_server_may_list_what_it_likes(
    fault: str, server: FaultyServer
) -> None:
    kind = OpenAiKind(environ={})
    engine = kind.load(spec(server.url(fault), model="mine", check_model=False))
    assert engine.info.name == "mine"
    engine.close()
    with pytest.raises(UserError):
        kind.preflight(spec(server.url(fault), model="", check_model=False))
    with pytest.raises(UserError, match="refuses the key"):
        kind.preflight(spec(server.url("closed"), model="mine", check_model=False))


def test_preflight_asks_every_replica(server: FaultyServer) -> None:
    kind = OpenAiKind(environ={})
    kind.preflight(spec(f"{server.url('ok')},{server.url('single')}"))
    with pytest.raises(UserError, match=r"/closed/v1 refuses the key"):
        kind.preflight(spec(f"{server.url('ok')},{server.url('closed')}"))
    with pytest.raises(UserError, match=r"/ok/v1 has 2 models"):
        kind.preflight(spec(f"{server.url('single')},{server.url('ok')}", model=""))


def test_preflight_of_a_closed_port() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        UserError,
        match=rf"^cannot reach http://127\.0\.0\.1:{port}/v1: Connection refused$",
    ):
        OpenAiKind(environ={}).preflight(spec(f"http://127.0.0.1:{port}/v1"))


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("", "not an http address"),
        ("127.0.0.1:8000#m", "not an http address"),
        ("ftp://host/v1#m", "not an http address"),
        ("http://#m", "not an http address"),
        ("http://host:port/v1#m", "not an address"),
        ("http://user:hidden@host/v1#m", "must not hold credentials"),
        ("http://host/v1?key=hidden#m", "must not hold credentials"),
        ("http://one/v1,#m", "not an http address"),
        ("http://one/v1,http://one/v1/#m", "http://one/v1 is named twice"),
    ],
)
def test_preflight_refuses_addresses(argument: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        OpenAiKind(environ={}).preflight(ModelSpec(spec=f"openai:{argument}", label=""))
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "'timeout' must be above 0"),
        ({"max_retries": -1}, "0 or more"),
        ({"api_key": "x"}, "unknown openai option"),
    ],
)
def test_preflight_refuses_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        OpenAiKind(environ={}).preflight(spec("http://127.0.0.1:1/v1", **options))


def test_key_does_not_show(load: Callable[..., OpenAiEngine]) -> None:
    assert KEY not in repr(load("ok"))
    assert KEY not in str(vars(load("ok"))["_info"])
