from __future__ import annotations

import pytest

from pytest_selfinvoke.core.errors import UnknownNameError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.models import BUILTIN
from pytest_selfinvoke.models.base import ModelKind
from pytest_selfinvoke.models.custom import CustomKind
from pytest_selfinvoke.models.lookup import kind_for
from pytest_selfinvoke.models.replay import ReplayKind
from pytest_selfinvoke.models.scripted import OracleKind


def kind(spec: str, **registered: str) -> ModelKind:
    return kind_for(ModelSpec(spec=spec, label="x"), registered)


def test_built_in_kinds() -> None:
    assert isinstance(kind("oracle"), OracleKind)
    assert isinstance(kind("replay:my.file:v1"), ReplayKind)
    # The registry that users add to also holds what is built in.
    assert isinstance(kind("oracle", **BUILTIN), OracleKind)


@pytest.mark.parametrize("spec", ["house", "house:large"])
def test_registered_names(spec: str) -> None:
    assert isinstance(kind(spec, house="house:load"), CustomKind)


def test_a_users_reference() -> None:
    assert isinstance(kind("our.models:Best"), CustomKind)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("oracel", "unknown model 'oracel': did you mean 'oracle'"),
        ("opena1:http://x/v1#m", "did you mean 'openai'"),
        ("hause", "did you mean 'house'"),
        ("a-b:c", "known: gguf"),
        ("a:", "known: gguf"),
        (":a", "known: gguf"),
        ("", "known: gguf"),
    ],
)
def test_anything_else_is_unknown(spec: str, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        kind(spec, house="house:load")
