from __future__ import annotations

import itertools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_selfinvoke.core.errors import DataError, GenerationError, UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.generation import host as host_module
from pytest_selfinvoke.generation.batching import Answer
from pytest_selfinvoke.generation.host import EngineHost
from pytest_selfinvoke.generation.wire import Activity
from pytest_selfinvoke.models.base import Request

Ask = Callable[..., Request]


class FakeEngine:
    """Runs a function per batch and remembers who asked and in which thread."""

    info = ModelInfo(name="fake", engine="fake")

    def __init__(self, max_batch: int = 4) -> None:
        self.max_batch = max_batch
        self.batches: list[list[str]] = []
        self.threads = {threading.get_ident()}
        self.is_closed = False
        self.run: Callable[[Sequence[Request]], Sequence[Answer]] = lambda requests: [
            Completion(text=request.key, completion_tokens=3) for request in requests
        ]

    def generate(self, requests: Sequence[Request]) -> Sequence[Answer]:
        self.batches.append([request.key for request in requests])
        self.threads.add(threading.get_ident())
        return self.run(requests)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def hosts() -> Iterator[list[EngineHost]]:
    opened: list[EngineHost] = []
    yield opened
    for host in opened:
        host.close(timeout_s=5)


def serve(
    hosts: list[EngineHost], engine: FakeEngine | Callable[[], FakeEngine]
) -> EngineHost:
    ticks = itertools.count()
    load = engine if not isinstance(engine, FakeEngine) else lambda: engine
    hosts.append(EngineHost("m", load, clock=lambda: float(next(ticks))))
    return hosts[-1]


def test_a_model_is_loaded_at_the_first_question_and_once(
    hosts: list[EngineHost], ask: Ask
) -> None:
    loaded: list[FakeEngine] = []

    def load() -> FakeEngine:
        loaded.append(FakeEngine())
        return loaded[-1]

    host = serve(hosts, load)
    assert loaded == []
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(host.generate, ask(str(n))) for n in range(50)]
        infos = [pool.submit(host.info) for _ in range(8)]
    assert [future.result().text for future in asked] == [str(n) for n in range(50)]
    assert {future.result().name for future in infos} == {"fake"}
    assert len(loaded) == 1
    assert len(loaded[0].threads) == 1
    assert threading.get_ident() not in loaded[0].threads


def test_statistics_count_what_the_engine_did(
    hosts: list[EngineHost], ask: Ask
) -> None:
    host = serve(hosts, FakeEngine())
    assert host.stats.requests == 0
    host.generate(ask("a"))
    host.generate(ask("b"))
    # The engine's thread counts before it answers. One tick passes inside each call.
    assert host.stats.requests == 2
    assert host.stats.batches == 2
    assert host.stats.tokens == 6
    assert host.stats.busy_s == 2.0
    assert host.stats.load_s == 1.0


def test_the_plan_is_worked_off_while_nobody_asks(
    hosts: list[EngineHost], ask: Ask
) -> None:
    engine, finished = FakeEngine(max_batch=4), threading.Event()
    plain = engine.run

    def run(requests: Sequence[Request]) -> Sequence[Answer]:
        if requests[-1].key == "9":
            finished.set()
        return plain(requests)

    engine.run = run
    host = serve(hosts, engine)
    host.plan([ask(str(n)) for n in range(10)])
    assert finished.wait(5)
    assert host.generate(ask("7")).text == "7"
    assert [len(batch) for batch in engine.batches] == [4, 4, 2]


def test_a_small_batch_waits_for_a_plan_that_is_on_its_way(
    hosts: list[EngineHost], ask: Ask
) -> None:
    engine = FakeEngine(max_batch=4)
    host = serve(hosts, engine)
    host.plan([], more=True)
    assert host.info().name == "fake"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(host.generate, ask("0"))
        host.plan([ask("0"), ask("1")], more=True)
        host.plan([ask("2"), ask("3")], more=True)
        assert asked.result(5).text == "0"
    assert [len(batch) for batch in engine.batches] == [4]


def test_nothing_waits_for_a_plan_that_is_complete(
    hosts: list[EngineHost], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "LINGER_S", 60)
    host = serve(hosts, FakeEngine(max_batch=4))
    host.plan([], more=True)
    host.plan([ask("0")])
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(host.generate, ask("1")).result(10).text == "1"


def test_a_plan_that_never_ends_is_not_waited_for(
    hosts: list[EngineHost], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "LINGER_S", 0.05)
    host = serve(hosts, FakeEngine(max_batch=4))
    host.plan([], more=True)
    assert host.generate(ask("0")).text == "0"


@pytest.mark.parametrize("error", [ValueError("odd\nweights"), SystemExit("bye")])
def test_a_failing_engine_fails_the_batch_and_lives_on(
    hosts: list[EngineHost],
    ask: Ask,
    error: BaseException,
    capfd: pytest.CaptureFixture[str],
) -> None:
    engine = FakeEngine()
    plain = engine.run

    def fail(requests: Sequence[Request]) -> Sequence[Answer]:
        engine.run = plain
        raise error

    engine.run = fail
    host = serve(hosts, engine)
    with pytest.raises(GenerationError, match=rf"^m: {type(error).__name__}: \w+"):
        host.generate(ask("a"))
    assert "Traceback" in capfd.readouterr().err
    assert host.generate(ask("b")).text == "b"


def test_an_engines_own_error_is_passed_on_as_it_is(
    hosts: list[EngineHost], ask: Ask
) -> None:
    engine = FakeEngine()

    def fail(requests: Sequence[Request]) -> Sequence[Answer]:
        raise GenerationError("HTTP 503")

    engine.run = fail
    with pytest.raises(GenerationError, match=r"^HTTP 503$"):
        serve(hosts, engine).generate(ask("a"))


@pytest.mark.parametrize(
    ("answers", "problem"),
    [([], "0 answers to 1 requests"), (["text"], "gave a str, expected a Completion")],
)
def test_an_engine_that_breaks_its_promise_is_told_so(
    hosts: list[EngineHost], ask: Ask, answers: list[Answer], problem: str
) -> None:
    engine = FakeEngine()
    engine.run = lambda requests: answers
    with pytest.raises(GenerationError, match=problem):
        serve(hosts, engine).generate(ask("a"))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (DataError("w.bin", "is empty"), UserError, "^w.bin: is empty$"),
        (MemoryError(), GenerationError, "^cannot load m: MemoryError$"),
        (SystemExit(3), GenerationError, "^cannot load m: SystemExit: 3$"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_tried_once_and_told_to_all(
    hosts: list[EngineHost],
    ask: Ask,
    error: BaseException,
    kind: type[Exception],
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tries = []

    def load() -> FakeEngine:
        tries.append(1)
        raise error

    host = serve(hosts, load)
    host.plan([ask("p")])
    for key in ("p", "d"):
        with pytest.raises(kind, match=message):
            host.generate(ask(key))
    with pytest.raises(kind, match=message):
        host.info()
    host.plan([ask("q")])
    assert tries == [1]


def test_a_remembered_error_does_not_grow(
    hosts: list[EngineHost], ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    host = serve(hosts, lambda: sys.exit(1))
    lengths = []
    for n in range(5):
        with pytest.raises(GenerationError) as caught:
            host.generate(ask(str(n)))
        lengths.append(len(traceback.extract_tb(caught.value.__traceback__)))
    assert lengths[1:] == [lengths[1]] * 4


def test_closing_waits_for_the_batch_and_closes_the_engine(
    hosts: list[EngineHost], ask: Ask
) -> None:
    engine = FakeEngine()
    host = serve(hosts, engine)
    host.generate(ask("a"))
    host.close(timeout_s=5)
    assert engine.is_closed


def test_closing_does_not_wait_for_ever(hosts: list[EngineHost], ask: Ask) -> None:
    engine, release = FakeEngine(), threading.Event()
    entered = threading.Event()
    plain = engine.run

    def stuck(requests: Sequence[Request]) -> Sequence[Answer]:
        entered.set()
        release.wait(5)
        return plain(requests)

    engine.run = stuck
    host = serve(hosts, engine)
    host.plan([ask("p")])
    assert entered.wait(5)
    host.close(timeout_s=0.01)
    assert not engine.is_closed
    release.set()


def test_closing_a_model_that_was_never_asked_loads_nothing() -> None:
    host = EngineHost("m", lambda: pytest.fail("loaded"))
    host.close(timeout_s=1)


def test_activity_says_who_is_waited_for(hosts: list[EngineHost], ask: Ask) -> None:
    loading, go = threading.Event(), threading.Event()
    engine, generating, answer = FakeEngine(), threading.Event(), threading.Event()
    plain = engine.run

    def load() -> FakeEngine:
        loading.set()
        assert go.wait(5)
        return engine

    def run(requests: Sequence[Request]) -> Sequence[Answer]:
        generating.set()
        assert answer.wait(5)
        return plain(requests)

    engine.run = run
    host = serve(hosts, load)
    assert host.activity == Activity()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(host.generate, ask("a"))
        assert loading.wait(5)
        assert host.activity == Activity(loading=True, waiting=1)
        go.set()
        assert generating.wait(5)
        assert host.activity == Activity(waiting=1)
        answer.set()
        asked.result()
    assert host.activity == Activity(made=1, tokens=3)


def test_a_model_that_cannot_be_loaded_is_not_loading(
    hosts: list[EngineHost], ask: Ask
) -> None:
    def load() -> FakeEngine:
        raise UserError("no weights")

    host = serve(hosts, load)
    with pytest.raises(UserError):
        host.generate(ask("a"))
    assert host.activity == Activity()


def test_an_errand_uses_the_engine_in_its_own_thread(
    hosts: list[EngineHost], ask: Ask
) -> None:
    engine = FakeEngine()
    host = serve(hosts, engine)
    assert host.visit(lambda found: (found, threading.get_ident()))[0] is engine
    assert host.generate(ask("a")).text == "a"
    engine.threads.clear()
    host.generate(ask("b"))
    assert engine.threads == {host.visit(lambda _: threading.get_ident())}


def test_what_an_errand_raises_goes_to_who_asked(
    hosts: list[EngineHost], ask: Ask
) -> None:
    host = serve(hosts, FakeEngine())

    def fail(error: BaseException) -> Callable[[object], None]:
        def errand(_: object) -> None:
            raise error

        return errand

    with pytest.raises(UserError, match="dense"):
        host.visit(fail(UserError("dense")))
    with pytest.raises(GenerationError, match="ZeroDivisionError: x"):
        host.visit(fail(ZeroDivisionError("x")))
    assert host.generate(ask("a")).text == "a"


def test_an_errand_of_a_model_that_cannot_be_loaded_fails(
    hosts: list[EngineHost],
) -> None:
    def load() -> FakeEngine:
        raise UserError("no such model")

    host = serve(hosts, load)
    for _ in "twice":
        with pytest.raises(UserError, match="no such model"):
            host.visit(lambda engine: engine)
