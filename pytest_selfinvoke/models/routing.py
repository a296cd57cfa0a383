"""Mixture-of-experts layers of a torch model: read what they chose, silence experts.

transformers 5 hands the chosen experts and their weights, each ``(tokens, top_k)``, to
the module that holds the experts. What arrives there is what is used: the logits of the
router need not tell it, for some families add a bias or choose among groups first.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.models.info import expert_modules, experts_of, layer_of

#: Where the hand-over was seen; each family is tried by the tests.
SEEN = (
    "transformers 5.23: Mixtral, Qwen2-MoE, Qwen3-MoE, Qwen3-Next, OLMoE, DeepSeek-V2,"
    " DeepSeek-V3, GLM-4-MoE, Granite-MoE, gpt-oss and Phi-MoE"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertLayer:
    """The module with the routed experts of one decoder layer."""

    number: int
    module: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a router hands over: two tensors ``(tokens, top_k)``."""

    experts: Any
    weights: Any


def expert_layers(model: Any, name: str) -> tuple[list[ExpertLayer], int]:
    """The layers with experts, in order, and how many experts each has.

    :param name: of the model, for messages.
    :raises UserError: if the model is dense, or its experts are not where they are
        looked for.
    """
    experts = experts_of(model.config)
    if experts is None:
        raise UserError(f"{name} is dense: there is no router to read")
    found = list(expert_modules(model, experts.count))
    if not found:
        # Packed (quantised) experts, say.
        raise UserError(_unreadable(model, name))
    layers = [
        ExpertLayer(number=layer_of(module_name) or 0, module=module)
        for module_name, module in found
    ]
    return layers, experts.count


def read_choice(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Choice | None:
    """The choice among the arguments of a module with experts, if it is there."""
    tensors = [a for a in (*args, *kwargs.values()) if getattr(a, "ndim", 0) == 2]
    for chosen in tensors:
        if chosen.is_floating_point():
            continue
        for weights in tensors:
            if weights.is_floating_point() and weights.shape == chosen.shape:
                return Choice(experts=chosen, weights=weights)
    return None


def read_routes(
    model: Any,
    tokens: Sequence[int],
    *,
    name: str,
    prompt_tokens: int | None = None,
    moved: Any = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Routes:
    """The experts that each token visits, by one forward pass.

    :param prompt_tokens: how many tokens are the prompt; by default all.
    :param moved: embeddings (prompt tokens, width) to be read in the prompt's place.
    :raises UserError: if the model is dense, or does not say what it chose.
    """
    torch = require("torch", extra="hf")
    layers, count = expert_layers(model, name)
    choices: dict[int, Choice] = {}

    def hook(layer: ExpertLayer) -> Callable[..., None]:
        def keep(_: Any, args: Any, kwargs: Any) -> None:
            choice = read_choice(args, kwargs)
            if choice is not None:
                choices[layer.number] = choice

        return keep

    started = clock()
    with ExitStack() as stack, torch.no_grad():
        for layer in layers:
            handle = layer.module.register_forward_pre_hook(
                hook(layer), with_kwargs=True
            )
            stack.callback(handle.remove)
        # Without the head: its logits are the largest tensor, and not needed.
        ids = torch.tensor([list(tokens)], device=model.device)
        inputs = {"input_ids": ids}
        if moved is not None:
            embedded = model.get_input_embeddings()(ids)
            embedded[0, : len(moved)] = moved
            inputs = {"inputs_embeds": embedded}
        model.base_model(**inputs, use_cache=False)
    if set(choices) != {layer.number for layer in layers}:
        raise UserError(_unreadable(model, name))
    read = len(tokens) if prompt_tokens is None else prompt_tokens
    return _routes(choices, tokens, count, read, clock() - started)


def _routes(
    choices: Mapping[int, Choice],
    tokens: Sequence[int],
    count: int,
    prompt_tokens: int,
    duration_s: float,
) -> Routes:
    torch = require("torch", extra="hf")
    chosen = torch.stack([choice.experts.cpu() for choice in choices.values()])
    weights = torch.stack(
        [choice.weights.cpu().to(torch.float16) for choice in choices.values()]
    )
    return Routes(
        tokens=array("I", tokens),
        layers=tuple(choices),
        experts=count,
        top_k=chosen.shape[-1],
        chosen=array("H", chosen.flatten().tolist()),
        weights=weights.contiguous().view(torch.uint8).numpy().tobytes(),
        prompt_tokens=prompt_tokens,
        duration_s=duration_s,
    )


def _unreadable(model: Any, name: str) -> str:
    version = require("transformers", extra="hf").__version__
    return (
        f"{name}: {type(model).__name__} of transformers {version} does not hand the"
        f" chosen experts to plain experts: they can be read, unless they are"
        f" quantised, with {SEEN}"
    )


def silence(
    model: Any, silenced: Mapping[int, frozenset[int]], *, name: str
) -> list[Any]:
    """Let experts contribute nothing, wherever the model is used from now on.

    The weight of a silenced expert becomes 0; those of the others that were chosen for
    the token grow, so that their sum is what it was. A token of which all experts are
    silenced keeps what shared experts and the residual stream give it.

    :return: the handles of the hooks; ``remove`` brings the experts back.
    :raises UserError: for a layer or an expert that the model does not have.
    """
    layers, count = expert_layers(model, name)
    by_number = {layer.number: layer.module for layer in layers}
    for number, experts in silenced.items():
        if number not in by_number:
            raise UserError(
                f"option 'silence': {name} has no experts in layer {number}: it has in"
                f" {', '.join(map(str, by_number))}"
            )
        if beyond := sorted(e for e in experts if e >= count):
            raise UserError(
                f"option 'silence': {name} has the experts 0 to {count - 1}, not"
                f" {beyond[0]}"
            )
    return [
        by_number[number].register_forward_pre_hook(
            _silencer(model, name, sorted(experts)), with_kwargs=True
        )
        for number, experts in silenced.items()
    ]


def _silencer(
    model: Any, name: str, experts: Sequence[int]
) -> Callable[..., tuple[Any, Any]]:
    torch = require("torch", extra="hf")

    def hook(_: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        choice = read_choice(args, kwargs)
        if choice is None:
            raise UserError(_unreadable(model, name))
        muted = torch.tensor(experts, device=choice.experts.device)
        heard = ~torch.isin(choice.experts, muted)
        weights = choice.weights
        kept = torch.where(heard, weights, torch.zeros_like(weights))
        left = kept.sum(-1, keepdim=True)
        scale = weights.sum(-1, keepdim=True) / left.clamp(min=1e-9)
        # Tokens that chose no silenced expert keep their numbers to the last bit.
        scale = torch.where(heard.all(-1, keepdim=True), torch.ones_like(scale), scale)
        changed = kept * scale

        def swap(value: Any) -> Any:
            return changed if value is weights else value

        return tuple(map(swap, args)), {k: swap(v) for k, v in kwargs.items()}

    return hook
