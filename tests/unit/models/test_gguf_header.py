from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.models.gguf_engine import GgufOptions, describe
from pytest_selfinvoke.models.gguf_header import (
    GgufHeader,
    part_names,
    read_header,
    read_model_header,
)

DENSE = {"blk.0.ffn_up.weight": (4, 6), "token_embd.weight": (4, 10)}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(item: Any) -> bytes:
    if isinstance(item, str):
        return struct.pack("<I", 8) + text(item)
    if isinstance(item, bool):
        return struct.pack("<I?", 7, item)
    if isinstance(item, float):
        return struct.pack("<If", 6, item)
    if isinstance(item, list) and isinstance(item[0], str):
        return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(text, item))
    if isinstance(item, list):
        return struct.pack(f"<IIQ{len(item)}i", 9, 5, len(item), *item)
    return struct.pack("<II", 4, item)


def gguf(metadata: dict[str, Any], tensors: dict[str, tuple[int, ...]]) -> bytes:
    data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for name, item in metadata.items():
        data += text(name) + value(item)
    for name, shape in tensors.items():
        data += text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        data += struct.pack("<IQ", 0, 0)
    return data


LLAMA = {
    "general.architecture": "llama",
    "tokenizer.ggml.tokens": ["a", "bc", "ü"],
    "tokenizer.ggml.token_type": [1, 2, 3],
    "llama.context_length": 2048,
    "llama.rope.freq_base": 10000.0,
    "tokenizer.ggml.add_bos_token": True,
    "tokenizer.chat_template": "{{ messages }}",
}


def test_header_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(LLAMA, DENSE) + bytes(100))
    header = read_header(path)
    assert header.of_architecture("context_length") == 2048
    assert header.of_architecture("expert_count") is None
    assert header.has_chat_template
    assert header.metadata["tokenizer.ggml.add_bos_token"] is True
    assert "tokenizer.ggml.tokens" not in header.metadata
    assert header.tensors == {"blk.0.ffn_up.weight": 24, "token_embd.weight": 40}


@pytest.mark.parametrize("length", [0, 3, 10, 30, 100, 200, 330])
def test_a_damaged_file_is_one_line(tmp_path: Path, length: int) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(LLAMA, DENSE)[:length])
    with pytest.raises(DataError, match=r"m\.gguf: is not a GGUF file, or damaged"):
        read_header(path)


@pytest.mark.parametrize(
    "data",
    [
        b"PK\3\4 something else entirely, of some length",
        b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1 << 62),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("a") + struct.pack("<I", 77),
        b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + text("a")
        + struct.pack("<IIQ", 9, 8, 1 << 62),
    ],
    ids=["zip", "version", "long-text", "kind", "long-list"],
)
def test_another_file_is_one_line(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    with pytest.raises(DataError, match="is not a GGUF file"):
        read_header(path)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_header(tmp_path)


def test_parts() -> None:
    assert part_names("m.gguf") == ("m.gguf",)
    assert part_names("m-00001-of-00002.gguf") == (
        "m-00001-of-00002.gguf",
        "m-00002-of-00002.gguf",
    )
    with pytest.raises(UserError, match="name the first part"):
        part_names("m-00002-of-00002.gguf")


def test_tensors_of_all_parts_count(tmp_path: Path) -> None:
    one, two = tmp_path / "1.gguf", tmp_path / "2.gguf"
    one.write_bytes(gguf(LLAMA, {"a": (2, 3)}))
    two.write_bytes(gguf({}, {"b": (5,)}))
    header = read_model_header((one, two))
    assert header.tensors == {"a": 6, "b": 5}
    assert header.has_chat_template


def info_of(metadata: dict[str, Any], tensors: dict[str, int]) -> Any:
    header = GgufHeader(metadata=metadata, tensors=tensors)
    return describe(header, name="m", options=GgufOptions())


def test_info_of_a_dense_model() -> None:
    info = info_of({"general.architecture": "llama"}, {"a": 24, "b": 40})
    assert (info.architecture, info.experts, info.top_k) == ("dense", None, None)
    assert (info.total_parameters, info.active_parameters) == (64, 64)
    assert info.chat_template is False
    assert info.alignment is info.precision is None


def test_info_of_a_mixture() -> None:
    mixture = {
        "general.architecture": "qwen3moe",
        "qwen3moe.expert_count": 8,
        "qwen3moe.expert_used_count": 2,
        "qwen3moe.expert_shared_count": 1,
        "qwen3moe.block_count": 3,
        "qwen3moe.context_length": 99,
    }
    tensors = {
        "blk.1.ffn_up_exps.weight": 300,
        "blk.1.ffn_down_exps.weight": 200,
        "blk.2.ffn_up_exps.weight": 300,
        "token_embd.weight": 40,
    }
    info = info_of(mixture, tensors)
    assert (info.layers, info.moe_layers, info.shared_experts) == (3, 2, 1)
    assert info.context == 99
    assert (info.architecture, info.experts, info.top_k) == ("moe", 8, 2)
    assert (info.total_parameters, info.active_parameters) == (840, 240)
    del mixture["qwen3moe.expert_used_count"]
    info = info_of(mixture, tensors)
    assert (info.top_k, info.active_parameters) == (None, None)


def test_notes_tell_what_completions_depend_on() -> None:
    header = GgufHeader(metadata={}, tensors={})
    [usual] = describe(header, name="m", options=GgufOptions(max_batch=4)).notes
    assert usual.startswith("up to 4 requests at once with a prefix cache")
    options = GgufOptions(max_batch=4, deterministic=True)
    assert options.slots == 1
    [note] = describe(header, name="m", options=options).notes
    assert note == "one request at a time, no prefix cache"


def test_a_file_is_inspected_without_llama_cpp(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(LLAMA, DENSE) + bytes(100))
    assert main(["model", f"gguf:{path}"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["m"]
    assert ["architecture", "dense"] in lines
    assert ["context", "2,048", "tokens"] in lines
    assert ["alignment", "unknown"] in lines
    # Of a file on the hub there is no header without its weights.
    assert main(["model", "gguf:a/b#m.gguf"]) == main(["model", "oracle"]) == 4
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].endswith("download the file, and name it")
    assert errors[1] == "error: oracle: says nothing of itself before it is loaded"
