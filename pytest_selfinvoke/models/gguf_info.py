"""What the header of a GGUF file says of the model."""

from __future__ import annotations

from dataclasses import replace

from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.models.gguf_header import GgufHeader
from pytest_selfinvoke.models.info import layer_count


def describe_header(header: GgufHeader, *, name: str, engine: str) -> ModelInfo:
    """The facts of a header; experts by the fields and tensors of llama.cpp."""
    experts = header.of_architecture("expert_count") or 0
    used = header.of_architecture("expert_used_count") or None
    total = sum(header.tensors.values())
    info = ModelInfo(
        name=name,
        engine=engine,
        chat_template=header.has_chat_template,
        architecture="moe" if experts else "dense",
        layers=header.of_architecture("block_count"),
        context=header.of_architecture("context_length"),
        total_parameters=total,
        active_parameters=None if experts else total,
    )
    if not experts:
        return info
    # Routed experts are fused: blk.0.ffn_up_exps.weight.
    routed = {name: n for name, n in header.tensors.items() if "_exps." in name}
    visited = None if used is None else sum(routed.values()) * used // experts
    return replace(
        info,
        experts=experts,
        top_k=used,
        moe_layers=layer_count(routed),
        shared_experts=header.of_architecture("expert_shared_count"),
        active_parameters=None
        if visited is None
        else total - sum(routed.values()) + visited,
    )
