from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke import prompts
from pytest_selfinvoke.core.errors import UnknownNameError
from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.prompts import BUILTIN, PromptStyle, default_style, get_style


@pytest.mark.parametrize("name", sorted(BUILTIN))
def test_builtin_styles(name: str) -> None:
    style = get_style(name)
    assert isinstance(style, PromptStyle)
    assert style.name == name
    assert len(style.template_hash) == 64


def test_hashes_tell_styles_apart() -> None:
    assert len({get_style(name).template_hash for name in BUILTIN}) == len(BUILTIN)


def test_an_unknown_style_is_named_with_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'chat'.*template:FILE"):
        get_style("chats")


@pytest.mark.parametrize(
    ("chat_template", "style"),
    [(True, "chat"), (None, "chat"), (False, "completion")],
)
def test_the_style_follows_the_model(chat_template: bool | None, style: str) -> None:
    info = ModelInfo(name="m", engine="e", chat_template=chat_template)
    assert default_style(info) == style


@pytest.mark.parametrize(
    ("module", "constants"),
    [
        ("chat", ["SYSTEM", "USER", "AND", "CALL"]),
        ("completion", ["ANNOUNCEMENT", "COMMENT", "STOP", "STOP_AFTER_ONE"]),
    ],
)
def test_every_change_of_wording_changes_the_hash(
    module: str, constants: list[str]
) -> None:
    path = Path(prompts.__file__).with_name(f"{module}.py")
    source = path.read_text()
    hashes = {_hash_of(source)}
    for name in constants:
        changed, count = re.subn(
            rf'^({name} = (?:Template\(|\()?\s*"+(?:\\\n)?)', r"\1X", source, flags=re.M
        )
        assert count == 1
        hashes.add(_hash_of(changed))
    assert len(hashes) == len(constants) + 1


def _hash_of(source: str) -> str:
    namespace: dict[str, Any] = {"__name__": "changed"}
    exec(compile(source, "changed.py", "exec"), namespace)
    (style,) = (v for k, v in namespace.items() if k.endswith("Style"))
    return str(style.template_hash)
