"""From a problem to what the model is sent."""

from __future__ import annotations

from pathlib import Path

from pytest_selfinvoke.core.errors import UnknownNameError
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.prompts.base import PromptStyle
from pytest_selfinvoke.prompts.template import TemplateStyle

__all__ = ["BUILTIN", "PromptStyle", "default_style", "get_style"]

BUILTIN: dict[str, str] = {
    "chat": "pytest_selfinvoke.prompts.chat:ChatStyle",
    "completion": "pytest_selfinvoke.prompts.completion:CompletionStyle",
    "zero-shot": "pytest_selfinvoke.prompts.protocol:zero_shot",
    "one-shot": "pytest_selfinvoke.prompts.protocol:one_shot",
    "one-shot-held-out": "pytest_selfinvoke.prompts.protocol:one_shot_held_out",
    "chain-of-thought": "pytest_selfinvoke.prompts.protocol:chain_of_thought",
}
_TEMPLATE = "template:"


def get_style(name: str) -> PromptStyle:
    """The style of a name: a built-in one, or ``template:FILE``.

    :raises UnknownNameError: with the nearest known name.
    :raises UserError: if the template file cannot be used.
    """
    if name.startswith(_TEMPLATE):
        return TemplateStyle.read(Path(name.removeprefix(_TEMPLATE)))
    if name not in BUILTIN:
        raise UnknownNameError("prompt style", name, [*BUILTIN, f"{_TEMPLATE}FILE"])
    style: PromptStyle = resolve(BUILTIN[name])()
    return style


def default_style(info: ModelInfo) -> str:
    """The style for a model: ``completion`` if it is known to have no chat template."""
    return "completion" if info.chat_template is False else "chat"
