"""The engine's host with a store behind it, and with other models beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.generation.batching import Answer
from pytest_selfinvoke.generation.host import EngineHost
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings
from pytest_selfinvoke.generation.shelf import Shelf
from pytest_selfinvoke.generation.slots import Slots
from pytest_selfinvoke.generation.store import CompletionStore
from pytest_selfinvoke.models.base import Failure, Request

Ask = Callable[..., Request]
SPEC = ModelSpec(spec="hf:x", label="m")


class Engine:
    max_batch = 4

    def __init__(self, revision: str = "1") -> None:
        self.info = ModelInfo(name="x", engine="fake", revision=revision)
        self.asked: list[str] = []
        self.closed = 0

    def generate(self, requests: Sequence[Request]) -> Sequence[Answer]:
        self.asked += [request.key for request in requests]
        return [
            Failure(reason="no") if r.prompt.text == "fail" else Completion(text=r.key)
            for r in requests
        ]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CompletionStore]:
    with CompletionStore(tmp_path / "s") as opened:
        yield opened


@pytest.fixture
def serve(store: CompletionStore) -> Iterator[Callable[..., EngineHost]]:
    hosts: list[EngineHost] = []

    def make(engine: Engine, mode: str = "read-write", run: str = "1") -> EngineHost:
        settings = StoreSettings(path="s", mode=CacheMode(mode), run=run)
        shelf = Shelf(store, settings, SPEC)
        hosts.append(EngineHost("m", lambda: engine, shelf=shelf))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close(timeout_s=5)


Serve = Callable[..., EngineHost]


def test_the_second_session_loads_nothing(serve: Serve, ask: Ask) -> None:
    engine, idle = Engine(), Engine()
    first = serve(engine)
    first.plan([ask(key, key) for key in "abc"])
    assert first.generate(ask("c", "c")) == Completion(text="c")
    assert first.generate(ask("a", "a")) == Completion(text="a")
    second = serve(idle, run="2")
    assert second.info() == first.info()
    assert second.info().notes[0].startswith("batches of up to 4")
    second.plan([ask(key, key) for key in "abc"])
    for key in "abc":
        found = second.generate(ask(key, key))
        assert found == Completion(text=key, stored=True)
    assert idle.asked == []
    assert (second.stats.loads, second.stats.requests, second.stats.stored) == (0, 0, 3)


def test_equal_questions_of_one_batch_are_asked_once(serve: Serve, ask: Ask) -> None:
    engine = Engine()
    host = serve(engine)
    host.plan([ask("a", "same"), ask("b", "same"), ask("c", "other")])
    texts = {host.generate(ask(key, "same")).text for key in "ab"}
    assert len(texts) == 1
    assert len(engine.asked) == 2


def test_failures_are_not_kept(serve: Serve, ask: Ask, store: CompletionStore) -> None:
    engine = Engine()
    host = serve(engine)
    for _ in range(2):
        with pytest.raises(GenerationError, match=r"^no$"):
            host.generate(ask("a", "fail"))
    assert engine.asked == ["a", "a"]
    assert store.count() == 0


def test_read_only_never_loads(serve: Serve, ask: Ask) -> None:
    serve(Engine()).generate(ask("a", "a"))
    idle = Engine()
    host = serve(idle, "read-only", run="2")
    host.plan([ask("b", "b")])
    assert host.generate(ask("a", "a")).stored
    with pytest.raises(GenerationError, match="b: not in the store"):
        host.generate(ask("b", "b"))
    assert idle.asked == []
    assert host.stats.loads == 0


def test_a_model_that_changed_behind_its_name_is_not_mixed(
    serve: Serve, ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    serve(Engine("1")).generate(ask("a", "a"))
    changed = serve(Engine("2"), run="2")
    assert changed.generate(ask("a", "a")).stored
    with pytest.raises(UserError, match=r"^m changed since .*: run again"):
        changed.generate(ask("b", "b"))
    again = serve(Engine("2"), run="3")
    assert again.info().revision == "2"
    assert not again.generate(ask("a", "a")).stored


def test_a_model_that_changed_before_anything_was_used_is_just_used(
    serve: Serve, ask: Ask
) -> None:
    serve(Engine("1")).generate(ask("a", "a"))
    changed = serve(Engine("2"), run="2")
    assert not changed.generate(ask("b", "b")).stored
    assert not changed.generate(ask("a", "a")).stored


def test_a_full_disk_ends_keeping_and_not_the_session(
    serve: Serve,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    store: CompletionStore,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise UserError("disk is full")

    monkeypatch.setattr(store, "add", full)
    engine = Engine()
    host = serve(engine)
    host.plan([ask(key, key) for key in "abcdef"])
    for key in "abcdef":
        assert host.generate(ask(key, key)).text == key
    assert sorted(engine.asked) == list("abcdef")
    assert host.stats.store_error == "disk is full"


def test_a_model_gives_its_place_up_when_it_has_no_work(ask: Ask) -> None:
    slots, one, two = Slots(1), Engine(), Engine()
    first = EngineHost("1", lambda: one, slots=slots)
    second = EngineHost("2", lambda: two, slots=slots)
    first.generate(ask("a"))
    assert one.closed == 0
    second.generate(ask("b"))
    assert one.closed == 1
    first.generate(ask("c"))
    assert two.closed == 1
    assert first.stats.loads == 2
    for host in (first, second):
        host.close(timeout_s=5)


def test_a_model_finishes_its_plan_before_it_gives_its_place_up(ask: Ask) -> None:
    slots, one, two = Slots(1), Engine(), Engine()
    has_place = threading.Event()

    def load() -> Engine:
        has_place.set()
        return one

    first = EngineHost("1", load, slots=slots)
    second = EngineHost("2", lambda: two, slots=slots)
    first.plan([ask(str(n)) for n in range(50)])
    # Else the other one may come first.
    assert has_place.wait(timeout=30)
    second.generate(ask("b"))
    assert len(one.asked) == 50
    assert first.generate(ask("7")).text == "7"
    assert first.stats.loads == 1
    for host in (first, second):
        host.close(timeout_s=5)
