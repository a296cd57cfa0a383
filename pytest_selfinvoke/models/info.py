"""What a model is: read from its config and its parameters, never from its name.

Mixture-of-experts facts follow the fields that transformers' configs use, and the
parameters of transformers 5, which fuses a layer's experts into 3-D tensors
``(experts, ..., ...)``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelInfo

EXPERT_FIELDS = (
    "num_local_experts",
    "num_experts",
    "n_routed_experts",
    "moe_num_experts",
)
TOP_K_FIELDS = (
    "num_experts_per_tok",
    "moe_k",
    "moe_topk",
    "moe_top_k",
    "top_k_experts",
)
SHARED_FIELDS = (
    "n_shared_experts",
    "num_shared_experts",
    "num_shared_expert",
    "moe_num_shared_experts",
)
LAYER_FIELDS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
CONTEXT_FIELDS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
)
#: ``3`` of ``model.layers.3.mlp.experts``.
_NUMBER = re.compile(r"(?:^|\.)(\d+)(?:\.|$)")
#: Modules that every token visits beside its routed experts.
_SHARED = re.compile(r"\.shared_(expert|experts|mlp)$")
#: What may be declared, and the words for it; without words it is any text.
DECLARABLE: dict[str, tuple[str, ...]] = {
    "architecture": ("dense", "moe"),
    "alignment": ("base", "sft", "rlhf"),
    "family": (),
    "base": (),
    "total_parameters": (),
    "active_parameters": (),
}
#: Declared counts are published figures, rounded: they may differ by this share.
ROUNDING = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Experts:
    """The routed experts of a layer, and how many of them see one token."""

    count: int
    top_k: int | None


def experts_of(config: Any) -> Experts | None:
    """The routed experts that a transformers config states; ``None`` if dense."""
    text = config.get_text_config()
    # DBRX keeps the fields in a part of their own.
    for part in (text, getattr(text, "ffn_config", None)):
        count = _first_integer(part, EXPERT_FIELDS)
        if count is not None and count > 1:
            return Experts(count=count, top_k=_first_integer(part, TOP_K_FIELDS))
    return None


def _first_integer(config: Any, names: tuple[str, ...]) -> int | None:
    for name in names:
        value = getattr(config, name, None)
        # HunYuan states one value per layer.
        if isinstance(value, list) and value:
            value = max(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def expert_modules(model: Any, count: int) -> Iterator[tuple[str, Any]]:
    """The modules of a torch model that hold ``count`` routed experts, by name.

    Fused experts are direct 3-D parameters; code from the hub may still keep a list of
    ``count`` modules named ``experts``.
    """
    for name, module in model.named_modules():
        own = module.parameters(recurse=False)
        fused = any(p.dim() == 3 and p.shape[0] == count for p in own)
        listed = type(module).__name__ == "ModuleList" and len(module) == count
        if fused or (listed and name.endswith("experts")):
            yield name, module


def layer_of(name: str) -> int | None:
    """The decoder layer in the name of a module or tensor: its first number."""
    found = _NUMBER.search(name)
    return None if found is None else int(found[1])


def layer_count(names: Iterable[str]) -> int:
    """How many decoder layers modules or tensors are in."""
    return len({layer_of(name) for name in names})


def detect(info: ModelInfo, config: Any, model: Any = None) -> ModelInfo:
    """``info`` with the facts of a config and, if given, of the torch model.

    Parameters are counted once where weights are tied, and include the embeddings.
    Active ones are all but the routed experts that a token does not visit. Weights that
    are packed (quantised) are not counted.
    """
    experts = experts_of(config)
    text = config.get_text_config()
    info = replace(
        info,
        architecture="dense" if experts is None else "moe",
        experts=None if experts is None else experts.count,
        top_k=None if experts is None else experts.top_k,
        layers=_first_integer(text, LAYER_FIELDS),
        shared_experts=_first_integer(text, SHARED_FIELDS) if experts else None,
        context=_first_integer(text, CONTEXT_FIELDS),
    )
    if model is None:
        return info
    quantised = _quantisation(config)
    if quantised is not None:
        note = "parameters not counted: the weights are quantised"
        return replace(info, precision=quantised, notes=(*info.notes, note))
    return _count(
        replace(info, precision=str(model.dtype).removeprefix("torch.")),
        model,
        experts,
    )


def _count(info: ModelInfo, model: Any, experts: Experts | None) -> ModelInfo:
    total = sum(parameter.numel() for parameter in model.parameters())
    info = replace(info, total_parameters=total)
    if experts is None:
        return replace(info, active_parameters=total)
    modules = dict(expert_modules(model, experts.count))
    routed = sum(p.numel() for module in modules.values() for p in module.parameters())
    shared = info.shared_experts
    if not any(_SHARED.search(name) for name, _ in model.named_modules()):
        shared = 0
    elif not shared:
        # Qwen2-MoE and Granite state its width only.
        shared = 1
    info = replace(info, shared_experts=shared, moe_layers=layer_count(modules))
    return with_active(info, routed)


def with_active(info: ModelInfo, routed: int) -> ModelInfo:
    """``info`` of a mixture of experts with its active parameters.

    :param routed: parameters of all routed experts; they are among the total ones.
    """
    assert info.total_parameters is not None
    if not routed or info.experts is None:
        # Some configs state experts that a dense sibling of the family does not have.
        note = "the config states experts, none were found: declare the architecture"
        notes = (*info.notes, note)
        return replace(
            info, architecture=None, moe_layers=None, shared_experts=None, notes=notes
        )
    if info.top_k is None:
        return info
    visited = routed * info.top_k // info.experts
    active = info.total_parameters - routed + visited
    return replace(info, active_parameters=active)


def _quantisation(config: Any) -> str | None:
    found = getattr(config, "quantization_config", None)
    if found is None:
        return None
    if not isinstance(found, Mapping):
        found = found.to_dict()
    return str(getattr(found.get("quant_method"), "value", found.get("quant_method")))


def declare(info: ModelInfo, declared: Mapping[str, str | int]) -> ModelInfo:
    """``info`` with what the user states of the model.

    A count of parameters that was read stands; the declared one only has to be near it.

    :raises UserError: for what cannot be declared, and what contradicts the checkpoint.
    """
    check_declared(declared)
    values: dict[str, Any] = {}
    for key, value in declared.items():
        read = getattr(info, key)
        if isinstance(value, int) and isinstance(read, int):
            is_wrong = abs(value - read) > ROUNDING * read
        else:
            is_wrong = key == "architecture" and read not in (None, value)
            values[key] = value
        if is_wrong:
            raise UserError(
                f"{info.name}: {key} is declared as {value!r}, but its checkpoint says"
                f" {read!r}: correct the suite, or leave it out"
            )
    return replace(info, **values)


def check_declared(declared: Mapping[str, str | int]) -> None:
    """Check what :func:`declare` would use.

    :raises UserError: for a key or a word that does not exist, a count below 1, and
        more active than total parameters.
    """
    for key, value in declared.items():
        if key not in DECLARABLE:
            raise UserError(
                f"a model has no {key!r} to declare: use {', '.join(DECLARABLE)}"
            )
        words = DECLARABLE[key]
        if words and value not in words:
            *others, last = map(repr, words)
            raise UserError(f"{key} {value!r}: write {', '.join(others)} or {last}")
        if isinstance(value, int) and value < 1:
            raise UserError(f"{key} must be at least 1, not {value}")
    total, active = (declared.get(f"{name}_parameters") for name in ("total", "active"))
    if isinstance(total, int) and isinstance(active, int) and active > total:
        raise UserError(f"{active} active parameters are more than {total} in total")


def read_local_chat_template(folder: Path) -> bool | None:
    """Whether a checkpoint folder brings a chat template; ``None`` if it cannot tell.

    Reads files only: usable where torch and transformers must not be imported.
    """
    if (folder / "chat_template.jinja").is_file():
        return True
    try:
        text = (folder / "tokenizer_config.json").read_text(encoding="utf-8")
        return bool(json.loads(text).get("chat_template"))
    except (OSError, ValueError, AttributeError):
        return None
