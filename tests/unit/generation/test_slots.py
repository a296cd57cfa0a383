from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from pytest_selfinvoke.generation.slots import Slots


def never() -> bool:
    return False


def nothing() -> None:
    return


def test_who_waits_is_noticed_and_gets_the_place_that_is_given_up() -> None:
    slots, nudged = Slots(1), threading.Event()
    assert slots.acquire(nudged.set, never)
    assert not slots.contended
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(slots.acquire, nothing, never)
        assert nudged.wait(5)
        assert slots.contended
        assert not second.done()
        slots.release(nudged.set)
        assert second.result(timeout=5)
    assert not slots.contended


def test_as_many_as_there_are_places() -> None:
    slots = Slots(2)
    assert slots.acquire(nothing, never)
    assert slots.acquire(nothing, never)
    assert not slots.contended


def test_waiting_can_be_cancelled() -> None:
    slots, cancelled = Slots(0), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slots.acquire, nothing, cancelled.is_set)
        cancelled.set()
        slots.wake()
        assert waiting.result(timeout=5) is False
    assert not slots.contended
