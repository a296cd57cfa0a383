"""Capture and silencing on tiny random checkpoints of real families."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.models.hf import HfKind
from pytest_selfinvoke.models.hf_engine import HfEngine
from pytest_selfinvoke.models.routing import read_routes, silence

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
transformers = pytest.importorskip("transformers", reason="the extra hf is missing")

Ask = Callable[..., Request]
SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.4,
    "pad_token_id": 0,
}
SPARSE = {"moe_intermediate_size": 16, "num_experts_per_tok": 2}
LOCAL = {"num_local_experts": 4, "num_experts_per_tok": 2}
GROUPED = {
    **SPARSE,
    "n_routed_experts": 8,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "num_key_value_heads": 4,
}
#: family, fields, numbers of the layers with experts
FAMILIES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("Mixtral", LOCAL, (0, 1)),
    ("Qwen2Moe", {**SPARSE, "num_experts": 6}, (0, 1)),
    ("Qwen3Moe", {**SPARSE, "num_experts": 6, "head_dim": 8}, (0, 1)),
    ("Olmoe", {"num_experts": 4, "num_experts_per_tok": 3}, (0, 1)),
    ("DeepseekV2", {**GROUPED, "topk_method": "greedy"}, (1,)),
    ("DeepseekV3", GROUPED, (1,)),
    ("GraniteMoe", LOCAL, (0, 1)),
    ("GptOss", {**LOCAL, "head_dim": 8}, (0, 1)),
    ("Phimoe", LOCAL, (0, 1)),
    ("Glm4Moe", {**GROUPED, "n_group": 1, "head_dim": 8}, (1,)),
    (
        "Qwen3Next",
        {
            **SPARSE,
            "num_experts": 6,
            "shared_expert_intermediate_size": 16,
            "head_dim": 8,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
        },
        (0, 1),
    ),
]
TOKENS = [5, 17, 2, 63, 63, 8, 91, 30, 44]


def build(family: str, **fields: Any) -> Any:
    config = getattr(transformers, f"{family}Config")(**{**SIZES, **fields})
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    model.set_experts_implementation("eager")
    return model


def forward(model: Any, **more: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=torch.tensor([TOKENS]), use_cache=False, **more)


def chosen(routes: Routes) -> Any:
    """``(layers, tokens, top_k)``."""
    shape = (len(routes.layers), len(routes.tokens), routes.top_k)
    return torch.tensor(list(routes.chosen)).reshape(shape)


def weights(routes: Routes) -> Any:
    found = torch.frombuffer(bytearray(routes.weights), dtype=torch.float16)
    return found.reshape(chosen(routes).shape)


@pytest.mark.parametrize(
    ("family", "fields", "layers"), FAMILIES, ids=[family[0] for family in FAMILIES]
)
def test_routes_are_those_of_a_direct_forward_pass(
    family: str, fields: dict[str, Any], layers: tuple[int, ...]
) -> None:
    model = build(family, **fields)
    routes = read_routes(model, TOKENS, name=family)
    assert routes.layers == layers
    assert list(routes.tokens) == TOKENS
    logits = forward(model, output_router_logits=True).router_logits
    found = chosen(routes)
    assert len(logits) == len(layers)
    for layer, scores in enumerate(logits):
        expected = scores.topk(routes.top_k, dim=-1).indices
        if family == "DeepseekV3":
            # The groups with the two best experts come first: here one of two.
            groups = scores.sigmoid().reshape(-1, 2, 4)
            best = groups.topk(2, dim=-1).values.sum(-1).argmax(-1)
            mask = torch.arange(2)[None, :, None] == best[:, None, None]
            masked = torch.where(mask, groups, 0.0).reshape(-1, 8)
            expected = masked.topk(routes.top_k, dim=-1).indices
        assert torch.equal(found[layer].sort().values, expected.sort().values)


def test_weights_are_those_of_the_router() -> None:
    """Mixtral: the softmax over the chosen logits."""
    model = build("Mixtral", **LOCAL)
    routes = read_routes(model, TOKENS, name="m")
    logits = forward(model, output_router_logits=True).router_logits
    for layer, scores in enumerate(logits):
        picked = scores.gather(-1, chosen(routes)[layer])
        expected = picked.softmax(-1)
        assert torch.allclose(weights(routes)[layer].float(), expected, atol=1e-3)


def test_reading_leaves_no_trace() -> None:
    model = build("Mixtral", **LOCAL)
    before = forward(model).logits
    read_routes(model, TOKENS, name="m")
    assert torch.equal(forward(model).logits, before)
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_router_that_does_not_say_names_versions_that_do() -> None:
    model = build("JetMoe", **LOCAL, kv_channels=8)
    with pytest.raises(UserError, match=r"JetMoeForCausalLM .* with transformers"):
        read_routes(model, TOKENS, name="m")
    with pytest.raises(UserError, match="m is dense"):
        read_routes(build("Llama"), TOKENS, name="m")
    packed = build("Llama")
    packed.config.num_local_experts = 4
    with pytest.raises(UserError, match="unless they are quantised"):
        read_routes(packed, TOKENS, name="m")


@pytest.mark.parametrize("family", ["Mixtral", "DeepseekV3", "GptOss"])
def test_a_silenced_expert_contributes_nothing(family: str) -> None:
    """The same as a model in which the weights of the expert are 0, but for the scale:
    with every expert of a layer silenced there is no scale, so compare that."""
    fields, layers = next((f, n) for name, f, n in FAMILIES if name == family)
    model = build(family, **fields)
    before = forward(model).logits
    count = read_routes(model, TOKENS, name="m").experts
    everyone = {layers[-1]: frozenset(range(count))}
    handles = silence(model, everyone, name="m")
    silenced = forward(model).logits
    for handle in handles:
        handle.remove()
    assert torch.equal(forward(model).logits, before)
    for name, parameter in model.named_parameters():
        if f"layers.{layers[-1]}." in name and ".experts." in name:
            parameter.data.zero_()
    assert not torch.allclose(silenced, before, atol=1e-3)
    assert torch.allclose(silenced, forward(model).logits, atol=1e-5)


def test_the_others_take_the_weight_of_a_silenced_expert() -> None:
    model = build("Mixtral", **LOCAL)
    plain = read_routes(model, TOKENS, name="m")
    silence(model, {1: frozenset({2})}, name="m")
    # Hooks run in the order in which they were added: this one sees what is left.
    muted = read_routes(model, TOKENS, name="m")
    assert torch.equal(chosen(plain)[0], chosen(muted)[0])
    picked, left = chosen(muted)[1], weights(muted)[1].float()
    hit = (picked == 2).any(-1)
    assert hit.any()
    assert not hit.all()
    assert torch.all(left[picked == 2] == 0)
    assert torch.allclose(left.sum(-1), torch.ones(len(TOKENS)), atol=2e-3)
    assert torch.equal(left[~hit], weights(plain)[1].float()[~hit])


@pytest.mark.parametrize(
    ("silenced", "message"),
    [({0: [4]}, "experts 0 to 3, not 4"), ({7: [0]}, "no experts in layer 7: .* 0, 1")],
)
def test_only_what_is_there_can_be_silenced(
    silenced: dict[int, list[int]], message: str
) -> None:
    sets = {layer: frozenset(experts) for layer, experts in silenced.items()}
    with pytest.raises(UserError, match=message):
        silence(build("Mixtral", **LOCAL), sets, name="m")


def load(folder: Path, **options: Any) -> HfEngine:
    spec = ModelSpec(spec=f"hf:{folder}", label="m", options=options)
    return HfKind(environ={}).load(spec)


def test_the_engine_reads_the_prompt_that_it_would_answer(
    mixtral: Path, ask: Ask
) -> None:
    engine = load(mixtral)
    request = ask([("user", "def add(a, b):")])
    [answer] = engine.generate([request])
    assert isinstance(answer, Completion)
    routes = engine.routes(request, "return a + b")
    assert answer.prompt_tokens == routes.prompt_tokens < len(routes.tokens)
    # A causal model treats a prompt alike whatever follows.
    alone = engine.routes(request, "")
    assert len(alone.tokens) == alone.prompt_tokens
    for layer in range(2):
        assert routes.of_layer(layer) == alone.of_layer(layer)
        assert len(routes.of_layer(layer, answer=True)) > 0
        assert len(alone.of_layer(layer, answer=True)) == 0
    assert (routes.experts, routes.top_k) == (4, 2)
    assert Routes.from_json(routes.to_json()) == routes
    with pytest.raises(GenerationError, match="empty"):
        engine.routes(ask(""), "")


def test_silence_is_an_option_of_the_model(
    mixtral: Path, llama: Path, ask: Ask
) -> None:
    requests = [ask(text) for text in ("def add(a, b):", "return", "for item in")]
    muted = load(mixtral, silence={"0": [0, 1], "1": [2, 3]})
    texts = [
        [answer.text for answer in engine.generate(requests)]  # type: ignore[union-attr]
        for engine in (load(mixtral), load(mixtral, silence={"0": []}), muted)
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    assert "4 experts in 2 layers are silenced" in muted.info.notes
    with pytest.raises(UserError, match="is dense"):
        load(llama, silence={"0": [1]})
