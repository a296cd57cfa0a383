"""The detection against real transformers families, built without weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec
from pytest_selfinvoke.models.folder_info import read_folder
from pytest_selfinvoke.models.hf import HfKind
from pytest_selfinvoke.models.info import detect
from pytest_selfinvoke.models.smollm2 import SmolLM2Kind

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
transformers = pytest.importorskip("transformers", reason="the extra hf is missing")

AutoModel = transformers.AutoModelForCausalLM
INFO = ModelInfo(name="m", engine="hf")
SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
SPARSE = {"moe_intermediate_size": 16, "num_experts_per_tok": 2}
LOCAL = {"num_local_experts": 4, "num_experts_per_tok": 2}
DEEPSEEK = {
    **SPARSE,
    "n_routed_experts": 8,
    "n_shared_experts": 2,
    "n_group": 2,
    "topk_group": 1,
    # The first layer is dense.
    "first_k_dense_replace": 1,
    "num_key_value_heads": 4,
}
#: family, fields, experts, top-k, inner width of an expert, layers with experts, shared
FAMILIES: list[tuple[str, dict[str, Any], int, int, int, int, int]] = [
    ("Mixtral", LOCAL, 4, 2, 48, 2, 0),
    ("Qwen2Moe", {**SPARSE, "num_experts": 6}, 6, 2, 16, 2, 1),
    ("Qwen3Moe", {**SPARSE, "num_experts": 6}, 6, 2, 16, 2, 0),
    ("Olmoe", {"num_experts": 4, "num_experts_per_tok": 3}, 4, 3, 48, 2, 0),
    ("DeepseekV2", {**DEEPSEEK, "topk_method": "greedy"}, 8, 2, 16, 1, 2),
    ("DeepseekV3", DEEPSEEK, 8, 2, 16, 1, 2),
    ("GraniteMoe", LOCAL, 4, 2, 48, 2, 0),
    ("GraniteMoeShared", {**LOCAL, "shared_intermediate_size": 16}, 4, 2, 48, 2, 1),
    ("Phimoe", LOCAL, 4, 2, 48, 2, 0),
]


def build(family: str, **fields: Any) -> tuple[Any, Any]:
    config = getattr(transformers, f"{family}Config")(**{**SIZES, **fields})
    with torch.device("meta"):
        return config, transformers.AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize(
    ("family", "fields", "experts", "top_k", "width", "layers", "shared"),
    FAMILIES,
    ids=[family[0] for family in FAMILIES],
)
def test_mixture_of_experts(
    family: str,
    fields: dict[str, Any],
    experts: int,
    top_k: int,
    width: int,
    layers: int,
    shared: int,
) -> None:
    config, model = build(family, **fields)
    info = detect(INFO, config, model)
    assert (info.architecture, info.experts, info.top_k) == ("moe", experts, top_k)
    assert (info.layers, info.moe_layers, info.shared_experts) == (2, layers, shared)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert info.total_parameters == total
    # An expert has three matrices: gate, up and down.
    unused = (experts - top_k) * 3 * 32 * width * layers
    assert info.active_parameters == total - unused


def test_experts_with_biases() -> None:
    """gpt-oss: beside its matrices an expert has a bias for each row of them."""
    config, model = build("GptOss", **LOCAL, head_dim=8)
    info = detect(INFO, config, model)
    assert (info.architecture, info.experts, info.top_k) == ("moe", 4, 2)
    assert (info.moe_layers, info.shared_experts) == (2, 0)
    total = sum(parameter.numel() for parameter in model.parameters())
    unused = 2 * (3 * 32 * 48 + 2 * 48 + 32) * 2
    assert info.active_parameters == total - unused


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        *((name, {}) for name in ("Llama", "Qwen2", "Qwen3", "Gemma", "Phi", "Olmo2")),
        *((name, {}) for name in ("GPTNeoX", "Starcoder2")),
        # A dense model of a family that also has sparse ones: of one expert.
        ("Mixtral", {"num_local_experts": 1, "num_experts_per_tok": 1}),
    ],
)
def test_dense(family: str, fields: dict[str, Any]) -> None:
    config, model = build(family, max_position_embeddings=77, **fields)
    info = detect(INFO, config, model)
    assert info.architecture == "dense"
    assert info.total_parameters == info.active_parameters
    assert info.total_parameters == sum(p.numel() for p in model.parameters())
    assert (info.experts, info.top_k, info.moe_layers) == (None, None, None)
    assert (info.layers, info.context) == (2, 77)


def test_a_checkpoint_is_inspected_without_its_weights(
    mixtral: Path, llama: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside torch, the same facts come from the files alone, but for the shared."""
    assert main(["model", f"hf:{mixtral}", f"hf:{llama}"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["layers", "with", "experts", "2"] in lines
    assert ["experts", "per", "token", "2"] in lines
    assert ["architecture", "dense"] in lines
    info = HfKind().inspect(ModelSpec(spec=f"hf:{mixtral}", label="m"))
    loaded = AutoModel.from_pretrained(mixtral, dtype="float32")
    assert info.total_parameters == sum(p.numel() for p in loaded.parameters())
    read = read_folder(INFO, mixtral)
    for name in ("experts", "top_k", "layers", "moe_layers", "context", "revision"):
        assert getattr(read, name) == getattr(info, name)
    assert read.active_parameters == info.active_parameters


def test_what_a_server_will_load_is_read_from_its_folder(
    mixtral: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["model", f"vllm:{mixtral}"]) == 0
    out = capsys.readouterr().out
    assert "engine               vllm" in out
    assert "experts per token    2" in out
    assert main(["model", "vllm:some/name"]) == 4
    assert "is read as 'hf:some/name'" in capsys.readouterr().err


def test_smollm2_is_described_once_it_was_fetched(llama: Path, tmp_path: Path) -> None:
    kind = SmolLM2Kind(environ={"SELFINVOKE_CACHE": str(tmp_path)})
    spec = ModelSpec(spec="smollm2", label="s")
    with pytest.raises(UserError, match="was not fetched yet"):
        kind.inspect(spec)
    kind.folder.parent.mkdir(parents=True)
    kind.folder.symlink_to(llama)
    info = kind.inspect(spec)
    assert (info.alignment, info.architecture, info.layers) == ("rlhf", "dense", 2)
    assert info.revision is not None
    assert info.revision.startswith("sha256:")


def test_a_config_that_cannot_be_read_is_one_line(
    mixtral: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text("{")
    assert main(["model", f"hf:{tmp_path}"]) == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"hf:{tmp_path.name}: cannot be loaded" in error


def test_a_real_size() -> None:
    """Mixtral-8x7B: 46.7 billion parameters, 12.9 active (arXiv 2401.04088, 2)."""
    config = transformers.MixtralConfig()
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    info = detect(INFO, config, model)
    assert info.total_parameters == pytest.approx(46.7e9, rel=0.001)
    assert info.active_parameters == pytest.approx(12.9e9, rel=0.005)
