from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.models.info import (
    Experts,
    declare,
    detect,
    experts_of,
    read_local_chat_template,
)

INFO = ModelInfo(name="m", engine="hf")


class Parameter:
    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def dim(self) -> int:
        return len(self.shape)

    def numel(self) -> int:
        return math.prod(self.shape)


class Module:
    """As much of a torch module as the detection looks at."""

    dtype = "torch.bfloat16"

    def __init__(self, *own: Parameter, **children: Module) -> None:
        self.own = own
        self.children = children

    def named_modules(self, prefix: str = "") -> Any:
        yield prefix, self
        for name, child in self.children.items():
            yield from child.named_modules(f"{prefix}.{name}".lstrip("."))

    def parameters(self, recurse: bool = True) -> Any:
        yield from self.own
        if recurse:
            for child in self.children.values():
                yield from child.parameters()


class ModuleList(Module):
    def __len__(self) -> int:
        return len(self.children)


def config(**fields: Any) -> Any:
    made = SimpleNamespace(**fields)
    made.get_text_config = lambda: made
    return made


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"num_local_experts": 8, "num_experts_per_tok": 2}, (8, 2)),
        ({"num_experts": 64, "num_experts_per_tok": 8}, (64, 8)),
        ({"n_routed_experts": 256, "num_experts_per_tok": 8}, (256, 8)),
        ({"moe_num_experts": 64, "moe_k": 6}, (64, 6)),
        ({"num_experts": 16, "moe_topk": [1, 1]}, (16, 1)),
        ({"ffn_config": SimpleNamespace(moe_num_experts=4, moe_top_k=1)}, (4, 1)),
        ({"num_experts": 16}, (16, None)),
        ({"num_experts": 1, "num_experts_per_tok": 1}, None),
        ({"num_experts": None}, None),
        ({"num_experts": True}, None),
        ({"hidden_size": 64}, None),
    ],
)
def test_experts_are_read_from_the_config(
    fields: dict[str, Any], expected: tuple[int, int | None] | None
) -> None:
    found = experts_of(config(**fields))
    if expected is None:
        assert found is None
    else:
        assert found == Experts(count=expected[0], top_k=expected[1])


def test_experts_of_a_model_with_several_parts_are_those_of_its_text() -> None:
    text = SimpleNamespace(num_experts=8, num_experts_per_tok=2)
    assert experts_of(SimpleNamespace(get_text_config=lambda: text)) is not None


def test_config_alone_tells_the_architecture_only() -> None:
    info = detect(INFO, config(num_experts=8, num_experts_per_tok=2))
    assert (info.architecture, info.experts, info.top_k) == ("moe", 8, 2)
    assert info.total_parameters is None
    assert detect(INFO, config()).architecture == "dense"


def test_dense_model_uses_all_its_parameters() -> None:
    model = Module(Parameter(10, 4), mlp=Module(Parameter(4, 4)))
    info = detect(INFO, config(), model)
    assert (info.total_parameters, info.active_parameters) == (56, 56)
    assert info.precision == "bfloat16"


def test_fused_experts_are_active_by_the_share_that_is_visited() -> None:
    experts = Module(Parameter(8, 6, 4), Parameter(8, 4, 3))
    # A convolution has three dimensions too.
    model = Module(Parameter(10, 4), mlp=experts, conv=Module(Parameter(5, 1, 4)))
    info = detect(INFO, config(num_experts=8, num_experts_per_tok=2), model)
    assert info.total_parameters == 40 + 8 * 36 + 20
    assert info.active_parameters == 40 + 2 * 36 + 20


def test_listed_experts_are_found_too() -> None:
    experts = ModuleList(**{str(i): Module(Parameter(3, 5)) for i in range(4)})
    layers = ModuleList(**{str(i): Module(Parameter(2, 2)) for i in range(4)})
    model = Module(Parameter(10, 4), experts=experts, layers=layers)
    info = detect(INFO, config(num_experts=4, num_experts_per_tok=1), model)
    assert info.active_parameters == 40 + 15 + 16


def test_experts_without_weights_leave_the_architecture_unknown() -> None:
    model = Module(Parameter(10, 4))
    info = detect(INFO, config(num_experts=4, num_experts_per_tok=1), model)
    assert info.architecture is None
    assert info.total_parameters == 40
    assert info.active_parameters is None
    assert "declare the architecture" in info.notes[0]


def test_active_parameters_need_a_known_top_k() -> None:
    model = Module(Parameter(4, 2, 2))
    info = detect(INFO, config(num_experts=4), model)
    assert (info.total_parameters, info.active_parameters) == (16, None)


def test_packed_weights_are_not_counted() -> None:
    model = Module(Parameter(10, 4))
    info = detect(INFO, config(quantization_config={"quant_method": "awq"}), model)
    assert (info.precision, info.total_parameters) == ("awq", None)
    assert "quantised" in info.notes[0]


def test_what_is_declared_is_added() -> None:
    declared = {"architecture": "moe", "alignment": "sft", "family": "f", "base": "b"}
    info = declare(INFO, declared)
    assert (info.architecture, info.alignment) == ("moe", "sft")
    assert (info.family, info.base) == ("f", "b")
    assert declare(INFO, {}) == INFO
    counted = declare(INFO, {"total_parameters": 1000, "active_parameters": 300})
    assert (counted.total_parameters, counted.active_parameters) == (1000, 300)


def test_what_contradicts_the_checkpoint_is_refused() -> None:
    read = detect(INFO, config())
    with pytest.raises(UserError, match=r"declared as 'moe', but .* 'dense'"):
        declare(read, {"architecture": "moe"})
    assert declare(read, {"architecture": "dense"}) == read
    counted = replace(INFO, total_parameters=1000)
    with pytest.raises(UserError, match=r"total_parameters is declared as 1200"):
        declare(counted, {"total_parameters": 1200})
    # A published figure is rounded: what was counted stands.
    assert declare(counted, {"total_parameters": 1050}) == counted


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"experts": "8"}, "no 'experts'"),
        ({"architecture": "sparse"}, "'sparse': write 'dense' or 'moe'"),
        ({"alignment": "dpo"}, "'dpo': write 'base', 'sft' or 'rlhf'"),
        ({"total_parameters": 0}, "at least 1"),
        ({"total_parameters": 5, "active_parameters": 6}, "more than 5 in total"),
    ],
)
def test_declarations_are_checked(declared: dict[str, str | int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        declare(INFO, declared)


def test_chat_template_of_a_folder(tmp_path: Path) -> None:
    assert read_local_chat_template(tmp_path) is None
    settings = tmp_path / "tokenizer_config.json"
    settings.write_text("[]")
    assert read_local_chat_template(tmp_path) is None
    settings.write_text("{}")
    assert read_local_chat_template(tmp_path) is False
    settings.write_text(json.dumps({"chat_template": "{{ messages }}"}))
    assert read_local_chat_template(tmp_path) is True
    settings.unlink()
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert read_local_chat_template(tmp_path) is True
