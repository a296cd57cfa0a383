from __future__ import annotations

import ast
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import file_hash
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.models import smollm2
from pytest_selfinvoke.models.base import ModelKind, Request
from pytest_selfinvoke.models.smollm2 import SmolLM2Kind

pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("gguf", reason="the extra hf is not installed")

SPEC = ModelSpec(spec="smollm2", label="smollm2")


def test_kind_keeps_the_protocol() -> None:
    assert isinstance(SmolLM2Kind(), ModelKind)


def test_preflight(tmp_path: Path) -> None:
    kind = SmolLM2Kind(environ={"SELFINVOKE_CACHE": str(tmp_path)})
    kind.preflight(SPEC)
    with pytest.raises(UserError, match="nothing after the colon"):
        kind.preflight(ModelSpec(spec="smollm2:360M", label="m"))
    assert list(tmp_path.iterdir()) == []


def test_download_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip")
    if importlib.util.find_spec(smollm2.PACKAGE):
        pytest.skip("the package is installed, nothing is downloaded")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    kind = SmolLM2Kind(environ={"SELFINVOKE_CACHE": str(tmp_path)})
    with pytest.raises(
        UserError, match=r"^smollm2: pip cannot download: .*: run 'pip install .*$"
    ):
        kind.load(SPEC)
    assert not kind.folder.exists()


def test_installed_package_is_used_and_its_hash_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / smollm2.PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('never imported')")
    (package / smollm2.GGUF).write_bytes(b"GGUF something else")
    monkeypatch.syspath_prepend(package.parent)
    kind = SmolLM2Kind(environ={"SELFINVOKE_CACHE": str(tmp_path / "cache")})
    with pytest.raises(UserError, match="damaged or was replaced"):
        kind.load(SPEC)
    assert not kind.folder.exists()


@pytest.fixture(scope="module")
def kind(tmp_path_factory: pytest.TempPathFactory) -> SmolLM2Kind:
    cache = os.environ.get("SELFINVOKE_CACHE") or str(tmp_path_factory.mktemp("c"))
    return SmolLM2Kind(environ={"SELFINVOKE_CACHE": cache})


@pytest.mark.slow
def test_it_writes_a_function(kind: SmolLM2Kind, ask: Callable[..., Request]) -> None:
    engine = kind.load(SPEC)
    question = "Write a Python function add(a, b) that returns the sum of a and b."
    [answer] = engine.generate([ask([("user", question)], max_new_tokens=120)])
    assert isinstance(answer, Completion)
    code = answer.text.partition("```python\n")[2].partition("```")[0]
    functions = [n for n in ast.parse(code).body if isinstance(n, ast.FunctionDef)]
    assert functions[0].name == "add"
    assert "return a + b" in code
    assert answer.finish_reason == "stop"
    info = engine.info
    assert (info.name, info.architecture, info.precision) == (
        "SmolLM2-135M-Instruct",
        "dense",
        "float32",
    )
    assert info.total_parameters == 134_515_008
    assert info.chat_template is True
    assert info.alignment == "rlhf"


@pytest.mark.slow
def test_second_load_uses_the_cache(
    kind: SmolLM2Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind.load(SPEC).close()

    def refuse(folder: Path) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr(smollm2, "convert", refuse)
    kind.load(SPEC).close()


@pytest.mark.slow
def test_conversion_fetches_with_pip_and_keeps_the_template(
    tmp_path: Path, kind: SmolLM2Kind
) -> None:
    kind.load(SPEC).close()
    pytest.importorskip("pip")
    try:
        smollm2.fetch(tmp_path / smollm2.GGUF)
    except UserError as error:
        pytest.skip(str(error))
    assert file_hash(tmp_path / smollm2.GGUF) == smollm2.SHA256
    template = (kind.folder / "chat_template.jinja").read_text()
    assert "<|im_start|>" in template
    assert '"<|im_end|>"' in (kind.folder / "tokenizer_config.json").read_text()
