from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec, Prompt, Sampling
from pytest_selfinvoke.models.base import Failure, ModelKind, Request
from pytest_selfinvoke.models.custom import CustomEngine, CustomKind

REQUEST = Request(key="k", prompt=Prompt(style="x", text="hi"), sampling=Sampling())

MODULE = """
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.models.base import Failure

class Model:
    closed = False
    def __init__(self, spec): self.spec = spec
    def generate(self, requests):
        assert type(requests) is list
        return [f"{self.spec.label} {r.prompt.text}" for r in requests]
    def close(self): Model.closed = True

def factory(spec): return Model(spec)
ready = Model(type("S", (), {"label": "ready"}))
number = 7
def wrong_factory(spec): return 7
def no_arguments(): return ready
def crashing(spec): raise ValueError("no weights")

class Answers:
    info = ModelInfo(name="n", engine="e")
    max_batch = 8
    def __init__(self, spec): self.answers = spec.options["answers"]
    def generate(self, requests): return self.answers

class BadInfo(Model): info = "a model"
class BadBatch(Model): max_batch = 0
"""


@pytest.fixture(autouse=True)
def _house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "house_model.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("house_model", None)


def load(attribute: str, **options: object) -> CustomEngine:
    spec = ModelSpec(spec="house", label="label", options=options)
    return CustomKind(f"house_model:{attribute}").load(spec)


@pytest.mark.parametrize(
    ("attribute", "label"), [("Model", "label"), ("factory", "label"), ("ready",) * 2]
)
def test_a_class_a_factory_or_an_object(attribute: str, label: str) -> None:
    engine = load(attribute)
    assert engine.generate([REQUEST]) == [Completion(text=f"{label} hi")]
    assert engine.max_batch == 1
    assert engine.info.engine == "custom"
    assert engine.info.chat_template is None
    engine.close()
    assert sys.modules["house_model"].Model.closed


def test_completions_failures_and_facts_pass_through() -> None:
    answers = [Completion(text="a", completion_tokens=1), Failure(reason="no"), "b"]
    engine = load("Answers", answers=answers)
    assert engine.generate([REQUEST] * 3) == [*answers[:2], Completion(text="b")]
    assert (engine.info.name, engine.max_batch) == ("n", 8)
    engine.close()


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (None, "returned a NoneType, expected a list"),
        ("text", "returned a str, expected a list"),
        ([None], "list with a NoneType, expected str or Completion"),
    ],
)
def test_wrong_answers_are_named(answers: object, problem: str) -> None:
    with pytest.raises(GenerationError, match=problem):
        load("Answers", answers=answers).generate([REQUEST])


@pytest.mark.parametrize(
    ("attribute", "problem"),
    [
        ("number", "is a int, expected an object with generate"),
        ("wrong_factory", "gives a int, expected an object with generate"),
        ("no_arguments", "must take one argument, the ModelSpec"),
        ("gone", "has no attribute 'gone'"),
        ("BadInfo", "'info' is a str, expected ModelInfo"),
        ("BadBatch", "'max_batch' is 0, expected a positive int"),
    ],
)
def test_wrong_models_are_named(attribute: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        load(attribute)


def test_a_factorys_own_error_is_not_disguised() -> None:
    with pytest.raises(ValueError, match="no weights"):
        load("crashing")


def test_preflight_imports_nothing() -> None:
    kind = CustomKind("house_model:Model")
    kind.preflight(ModelSpec(spec="house", label="x"))
    assert "house_model" not in sys.modules
    assert isinstance(kind, ModelKind)


def test_preflight_looks_where_pytest_was_started_and_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above_model.py").write_text("class Model: ...\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    sys.path.remove(str(tmp_path))
    spec = ModelSpec(spec="above_model:Model", label="x")
    CustomKind(spec.spec).preflight(spec)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("class Modle: ...\n", r"a_model.py has no 'Model': did you mean 'Modle'\?"),
        ("def f():\n    Model = 1\nprint(Model)\n", "a_model.py has no 'Model'$"),
        ("class Model(:\n", r"a_model.py cannot be compiled: .*line 1"),
        ("class Model: ...", None),
        ("def Model(spec): ...", None),
        ("Model = 1", None),
        ("from elsewhere import Model", None),
        ("import elsewhere as Model", None),
        ("from elsewhere import *", None),
        ("def __getattr__(name): ...", None),
        ("globals()['Mod' + 'el'] = 1", None),
    ],
)
def test_preflight_reads_what_a_file_defines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str | None
) -> None:
    (tmp_path / "a_model.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    spec = ModelSpec(spec="a_model:Model", label="x")
    if problem is None:
        CustomKind(spec.spec).preflight(spec)
    else:
        with pytest.raises(UserError, match=problem):
            CustomKind(spec.spec).preflight(spec)


def test_preflight_names_a_module_that_is_not_there() -> None:
    spec = ModelSpec(spec="opneai:Model", label="x")
    with pytest.raises(
        UserError, match=r"no module named 'opneai'.*kinds: gguf, hf, openai"
    ):
        CustomKind(spec.spec).preflight(spec)


@pytest.mark.parametrize("reference", ["house_model", "house_model:", ":Model"])
def test_preflight_names_a_registration_that_is_no_reference(reference: str) -> None:
    with pytest.raises(UserError, match="is not 'module:attr'"):
        CustomKind(reference).preflight(ModelSpec(spec="house", label="x"))
