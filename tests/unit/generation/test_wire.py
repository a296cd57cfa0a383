from __future__ import annotations

import io

import pytest

from pytest_selfinvoke.core.errors import DataError, GenerationError, UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation import wire
from pytest_selfinvoke.generation.wire import (
    ServerConfig,
    WireError,
    encode,
    error_answer,
    one_line,
    read_frame,
    result_of,
)


@pytest.mark.parametrize("text", ["", "a\nb\r\n\0", "\ud800 lone", "ü\u2028😀", "\x7f"])
def test_any_text_survives_in_one_line_of_ascii(text: str) -> None:
    frame = encode({"text": text})
    assert frame.isascii()
    assert frame.count(b"\n") == 1
    assert read_frame(io.BytesIO(frame)) == {"text": text}


def test_frames_follow_each_other_until_the_end() -> None:
    stream = io.BytesIO(encode({"id": 1}) + encode({"id": 2}))
    assert [read_frame(stream), read_frame(stream), read_frame(stream)] == [
        {"id": 1},
        {"id": 2},
        None,
    ]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"nonsense\n", "no JSON"),
        (b"\xff\xfe\x00\n", "no JSON"),
        (b"[1]\n", "not a JSON object"),
        (b'{"id": 1', "cut off"),
        (b"[" * 200_000 + b"\n", "no JSON"),
    ],
)
def test_malformed_frames_are_refused(raw: bytes, problem: str) -> None:
    with pytest.raises(WireError, match=problem):
        read_frame(io.BytesIO(raw))


def test_a_frame_may_be_as_long_as_the_limit_and_no_longer() -> None:
    frame = encode({"text": "x" * 100})
    assert read_frame(io.BytesIO(frame), limit=len(frame)) is not None
    with pytest.raises(WireError, match="too long"):
        read_frame(io.BytesIO(frame), limit=len(frame) - 1)


def test_what_the_other_side_would_not_read_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "MAX_FRAME_BYTES", 50)
    with pytest.raises(WireError, match="limit 50"):
        encode({"text": "x" * 50})


def test_errors_cross_with_their_kind() -> None:
    with pytest.raises(UserError, match="line 3"):
        result_of(error_answer(1, DataError("f.jsonl", "bad line 3")))
    with pytest.raises(GenerationError, match="out of memory"):
        result_of(error_answer(1, GenerationError("out of memory")))
    with pytest.raises(GenerationError, match="KeyError: 'x'"):
        result_of(error_answer(1, KeyError("x")))


def test_messages_are_one_bounded_line() -> None:
    assert one_line(UserError("a\n  b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line(ValueError("x" * 10**6))) == wire.MAX_ERROR_CHARACTERS


def test_configuration_crosses_in_one_line() -> None:
    config = ServerConfig(
        secret="s",
        models=(ModelSpec(spec="hf:x", label="x", options={"dtype": "float32"}),),
        sys_path=("/a\nb",),
        registered={"house": "house:load"},
    )
    line = config.to_line()
    assert line.index(b"\n") == len(line) - 1
    assert ServerConfig.from_line(line) == config
