from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.records import Completion, Message, Prompt, Sampling
from pytest_selfinvoke.generation import batching
from pytest_selfinvoke.generation.batching import WINDOW, Schedule
from pytest_selfinvoke.generation.identity import fingerprint
from pytest_selfinvoke.models.base import Failure, Request

Ask = Callable[..., Request]


def keys(batch: list[Request]) -> list[str]:
    return [request.key for request in batch]


def done(batch: list[Request]) -> list[Completion]:
    return [Completion(text=f"answer to {request.key}") for request in batch]


@pytest.fixture
def schedule() -> Schedule:
    return Schedule()


def test_nothing_asked_nothing_to_do(schedule: Schedule) -> None:
    assert schedule.next_batch(4) == []


def test_the_demanded_go_first_and_the_plan_fills_the_batch(
    schedule: Schedule, ask: Ask
) -> None:
    schedule.plan([ask("p1"), ask("p2"), ask("p3")])
    schedule.demand(ask("d1"))
    assert keys(schedule.next_batch(3)) == ["d1", "p1", "p2"]
    assert keys(schedule.next_batch(3)) == ["p3"]
    assert schedule.next_batch(3) == []


def test_a_demanded_one_is_never_displaced_by_a_planned_one_of_better_length(
    schedule: Schedule, ask: Ask
) -> None:
    schedule.plan([ask("p1", "x"), ask("p2", "x")])
    schedule.demand(ask("d1", "x"))
    schedule.demand(ask("d2", "x" * 100))
    assert keys(schedule.next_batch(2)) == ["d1", "d2"]


def test_like_lengths_meet(schedule: Schedule, ask: Ask) -> None:
    lengths = {"a": 50, "b": 500, "c": 60, "d": 480, "e": 40}
    schedule.plan([ask(key, "x" * n) for key, n in lengths.items()])
    assert keys(schedule.next_batch(3)) == ["a", "c", "e"]
    assert keys(schedule.next_batch(3)) == ["b", "d"]


@pytest.mark.parametrize(
    "other", [{"sampling": Sampling(temperature=0.5)}, {"stop": ("\ndef",)}]
)
def test_only_like_settings_share_a_batch(
    schedule: Schedule, ask: Ask, other: dict[str, object]
) -> None:
    schedule.plan([ask("p1", **other), ask("p2"), ask("p3", **other)])
    schedule.demand(ask("d1"))
    schedule.demand(ask("d2", **other))
    assert keys(schedule.next_batch(4)) == ["d1", "p2"]
    assert keys(schedule.next_batch(4)) == ["d2", "p1", "p3"]


def test_the_plan_goes_on_with_other_settings(schedule: Schedule, ask: Ask) -> None:
    hot = Sampling(temperature=0.5)
    schedule.plan([ask("p1"), ask("p2", sampling=hot), ask("p3")])
    batches = [keys(schedule.next_batch(4)) for _ in range(3)]
    assert batches == [["p1", "p3"], ["p2"], []]


def test_the_oldest_demand_leads_whatever_keeps_coming(
    schedule: Schedule, ask: Ask
) -> None:
    hot = Sampling(temperature=0.5)
    schedule.demand(ask("old 1"))
    schedule.demand(ask("rare", sampling=hot))
    assert keys(schedule.next_batch(1)) == ["old 1"]
    schedule.demand(ask("new 1"))
    assert keys(schedule.next_batch(1)) == ["rare"]


def test_only_the_near_future_is_looked_at(schedule: Schedule, ask: Ask) -> None:
    far = [ask(f"far {n}", "x") for n in range(WINDOW * 2 + 5)]
    near = [ask(f"near {n}", "x" * 100) for n in range(WINDOW * 2)]
    schedule.plan([ask("first", "x"), *near, *far])
    assert keys(schedule.next_batch(2)) == ["first", "near 0"]


def test_a_kept_answer_is_delivered_when_asked_for_and_generated_once(
    schedule: Schedule, ask: Ask
) -> None:
    schedule.plan([ask("p")])
    batch = schedule.next_batch(1)
    schedule.complete(batch, done(batch))
    future = schedule.demand(ask("p"))
    assert future.result(timeout=0).text == "answer to p"
    assert schedule.next_batch(1) == []


def test_a_demand_joins_what_is_in_flight(schedule: Schedule, ask: Ask) -> None:
    schedule.plan([ask("p")])
    batch = schedule.next_batch(1)
    first, second = schedule.demand(ask("p")), schedule.demand(ask("p"))
    assert schedule.next_batch(1) == []
    schedule.complete(batch, done(batch))
    assert first.result(timeout=0) == second.result(timeout=0)


def test_two_demands_of_one_key_are_one_request(schedule: Schedule, ask: Ask) -> None:
    first, second = schedule.demand(ask("d")), schedule.demand(ask("d"))
    batch = schedule.next_batch(4)
    assert keys(batch) == ["d"]
    schedule.complete(batch, done(batch))
    assert first.result(timeout=0) == second.result(timeout=0)


def test_a_planned_one_that_is_demanded_moves_to_the_front(
    schedule: Schedule, ask: Ask
) -> None:
    schedule.plan([ask("p1"), ask("p2"), ask("p3")])
    schedule.demand(ask("p3"))
    assert keys(schedule.next_batch(1)) == ["p3"]
    assert keys(schedule.next_batch(3)) == ["p1", "p2"]


def test_a_late_plan_repeats_nothing(schedule: Schedule, ask: Ask) -> None:
    schedule.demand(ask("delivered"))
    batch = schedule.next_batch(1)
    schedule.complete(batch, done(batch))
    schedule.plan([ask("kept"), ask("flying")])
    kept, flying = schedule.next_batch(1), schedule.next_batch(1)
    schedule.complete(kept, done(kept))
    schedule.plan([ask("delivered"), ask("kept"), ask("flying"), ask("new")])
    assert keys(flying) == ["flying"]
    assert keys(schedule.next_batch(9)) == ["new"]


def test_what_was_delivered_can_be_asked_for_again(
    schedule: Schedule, ask: Ask
) -> None:
    for _ in range(2):
        future = schedule.demand(ask("d"))
        batch = schedule.next_batch(1)
        schedule.complete(batch, done(batch))
        assert future.result(timeout=0).text == "answer to d"


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "other"},
        {"sampling": Sampling(max_new_tokens=1)},
        {"seed": 1},
        {"stop": ("x",)},
    ],
)
@pytest.mark.parametrize("when", ["planned", "delivered"])
def test_one_key_with_other_settings_is_another_request(
    schedule: Schedule, ask: Ask, changed: dict[str, object], when: str
) -> None:
    schedule.plan([ask("k", "text")])
    if when == "delivered":
        batch = schedule.next_batch(1)
        schedule.demand(ask("k", "text"))
        schedule.complete(batch, done(batch))
    other = ask("k", **{"text": "text", **changed})
    future = schedule.demand(other)
    batch = schedule.next_batch(1)
    assert batch == [other]
    schedule.complete(batch, done(batch))
    assert future.done()


def test_stop_strings_of_chat_prompts_count() -> None:
    def chat(*stop: str) -> Request:
        messages = (Message(role="user", content="?"),)
        prompt = Prompt(style="chat", messages=messages, stop=stop)
        return Request(key="k", prompt=prompt, sampling=Sampling())

    assert fingerprint(chat("a")) != fingerprint(chat("b"))
    assert fingerprint(chat("a")) == fingerprint(chat("a"))


def test_a_failure_is_one_requests_own(schedule: Schedule, ask: Ask) -> None:
    good, bad = schedule.demand(ask("good")), schedule.demand(ask("bad"))
    batch = schedule.next_batch(2)
    schedule.complete(batch, [Completion(text="1"), Failure(reason="too long")])
    assert good.result(timeout=0).text == "1"
    with pytest.raises(GenerationError, match=r"^too long$"):
        bad.result(timeout=0)


def test_a_failed_batch_is_told_and_its_planned_ones_get_another_try(
    schedule: Schedule, ask: Ask
) -> None:
    schedule.plan([ask("p")])
    future = schedule.demand(ask("d"))
    schedule.fail(schedule.next_batch(2), GenerationError("out of memory"))
    with pytest.raises(GenerationError, match="out of memory"):
        future.result(timeout=0)
    assert schedule.next_batch(2) == []
    schedule.demand(ask("p"))
    assert keys(schedule.next_batch(2)) == ["p"]


def test_giving_up_tells_everybody(schedule: Schedule, ask: Ask) -> None:
    schedule.plan([ask("p1"), ask("p2")])
    futures = [schedule.demand(ask("p1")), schedule.demand(ask("d"))]
    schedule.fail_all(GenerationError("no model"))
    for future in futures:
        with pytest.raises(GenerationError, match="no model"):
            future.result(timeout=0)
    assert schedule.next_batch(9) == []


def test_what_the_store_keeps_does_not_stay_in_memory(
    schedule: Schedule, ask: Ask
) -> None:
    schedule.plan([ask("p")])
    batch = schedule.next_batch(1)
    schedule.complete(batch, done(batch), kept=True)
    assert not schedule._entries
    schedule.plan([ask("p")])
    assert schedule.next_batch(1) == []


def test_nothing_is_made_far_ahead_of_those_who_ask(
    schedule: Schedule, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "AHEAD", 6)
    requests = [ask(f"{n:02}") for n in range(40)]
    schedule.plan(requests)
    for _ in range(2):
        batch = schedule.next_batch(4)
        schedule.complete(batch, done(batch))
    assert not schedule.has_work(4)
    assert schedule.next_batch(4) == []
    schedule.demand(ask("00"))
    schedule.demand(ask("01"))
    assert schedule.demand(ask("02")).done()
    assert keys(schedule.next_batch(4)) == ["08", "09", "10", "11"]


def test_a_careful_session_makes_one_batch_and_waits_until_it_is_used(
    ask: Ask,
) -> None:
    schedule = Schedule(careful=True)
    # In the order of the plan: what is asked next is what the batch holds.
    schedule.plan([ask(f"{n:02}", "x" * (n % 2 * 100)) for n in range(40)])
    schedule.demand(ask("00"))
    batch = schedule.next_batch(4)
    assert sorted(keys(batch)) == ["00", "01", "02", "03"]
    schedule.complete(batch, done(batch))
    for request in batch[1:3]:
        assert schedule.demand(request).done()
        assert not schedule.has_work(4)
    assert schedule.demand(batch[3]).done()
    assert sorted(keys(schedule.next_batch(4))) == ["04", "05", "06", "07"]


def test_only_the_latest_deliveries_are_remembered(
    schedule: Schedule, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "REMEMBERED", 2)
    for key in "abc":
        schedule.demand(ask(key))
        batch = schedule.next_batch(1)
        schedule.complete(batch, done(batch))
    schedule.plan([ask(key) for key in "abc"])
    assert keys(schedule.next_batch(9)) == ["a"]


def test_every_request_is_generated_exactly_once(schedule: Schedule, ask: Ask) -> None:
    numbers = range(500)
    texts = ["x" * (n * 37 % 101) for n in numbers]
    schedule.plan([ask(str(n), texts[n]) for n in numbers])
    seen: list[str] = []
    for turn in count():
        for n in (turn * 3, turn * 3 + 250):
            if n in numbers:
                schedule.demand(ask(str(n), texts[n]))
        batch = schedule.next_batch(16)
        if not batch:
            break
        assert len(batch) == 16 or len(seen) + len(batch) == 500
        seen += keys(batch)
        schedule.complete(batch, done(batch))
    assert sorted(seen, key=int) == [str(n) for n in numbers]
