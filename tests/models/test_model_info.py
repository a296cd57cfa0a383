"""The detection against real transformers families, built without weights."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.models.info import detect

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
transformers = pytest.importorskip("transformers", reason="the extra hf is missing")

SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
SPARSE = {"moe_intermediate_size": 16, "num_experts_per_tok": 2}
#: family, fields, experts, top-k, inner width of an expert, layers with experts
FAMILIES: list[tuple[str, dict[str, Any], int, int, int, int]] = [
    ("Mixtral", {"num_local_experts": 8, "num_experts_per_tok": 2}, 8, 2, 48, 2),
    ("Qwen2Moe", {**SPARSE, "num_experts": 6}, 6, 2, 16, 2),
    ("Qwen3Moe", {**SPARSE, "num_experts": 6}, 6, 2, 16, 2),
    ("Olmoe", {"num_experts": 4, "num_experts_per_tok": 3}, 4, 3, 48, 2),
    (
        "DeepseekV3",
        {
            **SPARSE,
            "n_routed_experts": 8,
            "n_group": 2,
            "topk_group": 1,
            # The first layer is dense.
            "first_k_dense_replace": 1,
            "num_key_value_heads": 4,
        },
        8,
        2,
        16,
        1,
    ),
]


def build(family: str, **fields: Any) -> tuple[Any, Any]:
    config = getattr(transformers, f"{family}Config")(**{**SIZES, **fields})
    with torch.device("meta"):
        return config, transformers.AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize(
    ("family", "fields", "experts", "top_k", "width", "layers"),
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
) -> None:
    config, model = build(family, **fields)
    info = detect(ModelInfo(name="m", engine="hf"), config, model)
    assert (info.architecture, info.experts, info.top_k) == ("moe", experts, top_k)
    total = sum(parameter.numel() for parameter in model.parameters())
    assert info.total_parameters == total
    # An expert has three matrices: gate, up and down.
    unused = (experts - top_k) * 3 * 32 * width * layers
    assert info.active_parameters == total - unused


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "Olmo2"])
def test_dense(family: str) -> None:
    config, model = build(family)
    info = detect(ModelInfo(name="m", engine="hf"), config, model)
    assert info.architecture == "dense"
    assert info.total_parameters == info.active_parameters
    assert (info.experts, info.top_k) == (None, None)


def test_a_real_size() -> None:
    """Mixtral-8x7B: 46.7 billion parameters, 12.9 active (arXiv 2401.04088, 2)."""
    config = transformers.MixtralConfig()
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    info = detect(ModelInfo(name="m", engine="hf"), config, model)
    assert info.total_parameters == pytest.approx(46.7e9, rel=0.001)
    assert info.active_parameters == pytest.approx(12.9e9, rel=0.005)
