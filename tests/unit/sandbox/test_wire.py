from __future__ import annotations

import socket
import threading

import pytest

from pytest_selfinvoke.sandbox import wire


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


def test_messages_arrive_whole_and_in_order(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    left, right = pair
    messages = [{"a": 1}, {"text": "é\ud800\n" * 100_000}, []]

    def send() -> None:
        for message in messages:
            wire.send(left, message)
        left.close()

    thread = threading.Thread(target=send)
    thread.start()
    assert [wire.receive(right) for _ in messages] == messages
    assert wire.receive(right) is None
    thread.join()
    right.close()


def test_the_other_side_may_leave_in_the_middle(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    left, right = pair
    left.sendall(wire.frame({"a": "x" * 100})[:20])
    left.close()
    assert wire.receive(right) is None
    right.close()


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000, b"nonsense"])
def test_what_is_no_message_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(wire.FrameError):
        wire.parse(data)


def test_frames_are_ascii_behind_their_length() -> None:
    data = wire.frame({"é": 1})
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    assert data[4:].isascii()
