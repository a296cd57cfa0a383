from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.models.folder_info import read_folder

INFO = ModelInfo(name="m", engine="vllm")
DENSE = {"a.weight": ("BF16", [3, 4]), "b.bias": ("F32", [5])}
MIXTURE = {
    "layers.0.mlp.experts.0.up_proj.weight": ("F16", [4, 5]),
    "layers.0.mlp.experts.1.up_proj.weight": ("F16", [4, 5]),
    "layers.0.mlp.shared_experts.up_proj.weight": ("F16", [2, 5]),
}


def save(path: Path, tensors: dict[str, tuple[str, list[int]]]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for name, (dtype, shape) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [0, 0]}
    data = json.dumps(header).encode()
    path.write_bytes(len(data).to_bytes(8, "little") + data)


def folder(path: Path, config: Any, tensors: Any = None) -> Path:
    (path / "config.json").write_text(json.dumps(config))
    if tensors is not None:
        save(path / "model.safetensors", tensors)
    return path


def test_dense(tmp_path: Path) -> None:
    info = read_folder(INFO, folder(tmp_path, {"hidden_size": 4}, DENSE))
    assert info.architecture == "dense"
    assert info.total_parameters == info.active_parameters == 17
    assert info.revision is not None
    assert info.revision.startswith("sha256:")
    # Neither is in the files: the engine decides the one, people the other.
    assert info.precision is info.alignment is None


def test_mixture(tmp_path: Path) -> None:
    config = {"num_experts": 2, "num_experts_per_tok": 1}
    info = read_folder(INFO, folder(tmp_path, config, MIXTURE))
    assert (info.architecture, info.experts, info.top_k) == ("moe", 2, 1)
    assert (info.total_parameters, info.active_parameters) == (50, 30)
    del config["num_experts_per_tok"]
    info = read_folder(INFO, folder(tmp_path, config, MIXTURE))
    assert (info.top_k, info.active_parameters) == (None, None)


def test_experts_without_weights_leave_the_architecture_unknown(
    tmp_path: Path,
) -> None:
    info = read_folder(INFO, folder(tmp_path, {"num_experts": 8}, DENSE))
    assert (info.architecture, info.total_parameters) == (None, 17)
    assert info.active_parameters is None
    assert "declare the architecture" in info.notes[0]


@pytest.mark.parametrize(
    "config",
    [
        {"text_config": {"num_local_experts": 16, "num_experts_per_tok": 1}},
        {"ffn_config": {"moe_num_experts": 16, "moe_top_k": 1}},
    ],
    ids=["parts", "dbrx"],
)
def test_fields_in_parts_of_the_config(tmp_path: Path, config: dict[str, Any]) -> None:
    info = read_folder(INFO, folder(tmp_path, config))
    assert (info.architecture, info.experts, info.top_k) == ("moe", 16, 1)


def test_weights_in_several_files(tmp_path: Path) -> None:
    folder(tmp_path, {}, DENSE)
    save(tmp_path / "other.safetensors", {"c": ("F16", [7])})
    assert read_folder(INFO, tmp_path).total_parameters == 24


@pytest.mark.parametrize(
    ("config", "tensors"),
    [
        ({"quantization_config": {"quant_method": "awq"}}, DENSE),
        ({}, {"a": ("I32", [4]), "b": ("F16", [4])}),
        ({}, None),
    ],
    ids=["quantised", "packed", "no-safetensors"],
)
def test_what_cannot_be_counted_is_unknown(
    tmp_path: Path, config: dict[str, Any], tensors: Any
) -> None:
    info = read_folder(INFO, folder(tmp_path, config, tensors))
    assert info.architecture == "dense"
    assert info.total_parameters is info.active_parameters is None


@pytest.mark.parametrize("data", [b"", b"12", b"\xff" * 8, b"\2" + bytes(7) + b"{x"])
def test_damaged_weights_are_unknown(tmp_path: Path, data: bytes) -> None:
    folder(tmp_path, {})
    (tmp_path / "model.safetensors").write_bytes(data)
    assert read_folder(INFO, tmp_path).total_parameters is None


@pytest.mark.parametrize("text", ["", "[]", "3", "{"])
def test_a_damaged_config_is_unknown(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    info = read_folder(INFO, tmp_path)
    assert info.architecture is info.total_parameters is None
