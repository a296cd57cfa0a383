"""Losses and gradients of answers, on tiny random checkpoints."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.records import ModelSpec, Part, Problem, Prompt
from pytest_selfinvoke.models.checkpoint import Checkpoint
from pytest_selfinvoke.models.gradients import Gradients
from pytest_selfinvoke.models.hf import HfKind
from pytest_selfinvoke.models.hf_engine import HfEngine
from pytest_selfinvoke.whitebox.settings import SearchSettings
from pytest_selfinvoke.whitebox.substitution import Searcher

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

TEXT = "write a function that sums the numbers of a list"
ANSWER = "def add(a, b):\n    return a + b\n"
PROBLEM = Problem(
    id="p",
    benchmark="b",
    target=Part(
        entry_point="add",
        prompt=f'def add(a, b):\n    """{TEXT}, assistant, system."""\n',
        solution="    return a + b\n",
        tests="assert add(1, 2) == 3",
    ),
)


@pytest.fixture(scope="module", params=["llama", "mixtral"])
def engine(request: pytest.FixtureRequest) -> Iterator[HfEngine]:
    folder: Path = request.getfixturevalue(request.param)
    engine = HfKind(environ={}).load(ModelSpec(spec=f"hf:{folder}", label="tiny"))
    yield engine
    engine.close()


@pytest.fixture
def model(engine: HfEngine) -> Gradients:
    return engine.gradients()


def tokens(model: Gradients, text: str = TEXT) -> list[int]:
    return model.encode(text, is_chat=False)[0]


def test_losses_are_those_of_the_model_whatever_the_company(
    engine: HfEngine, model: Gradients
) -> None:
    prompts = [tokens(model, text) for text in (TEXT, "x", f"a {TEXT}", "y", TEXT)]
    answer = model.answer(ANSWER)
    expected = []
    for prompt in prompts:
        labels = torch.tensor([[-100] * len(prompt) + answer])
        ids = torch.tensor([prompt + answer])
        with torch.no_grad():
            expected.append(float(engine._model(input_ids=ids, labels=labels).loss))
    assert model.losses(prompts, answer) == pytest.approx(expected, rel=1e-4)
    assert model.slope(model.embeddings(prompts[0]), answer)[0] == pytest.approx(
        expected[0], rel=1e-4
    )


def test_the_gradient_is_the_slope_of_the_loss(model: Gradients) -> None:
    given, answer = model.embeddings(tokens(model)), model.answer(ANSWER)
    loss, slope = model.slope(given, answer)
    torch.manual_seed(0)
    # So small that no token is sent to another expert on the way.
    step = 1e-4 * torch.randn(given.shape)
    ahead, behind = (model.slope(given + s, answer)[0] for s in (step, -step))
    assert (ahead - behind) / 2 == pytest.approx(float((slope * step).sum()), rel=0.02)
    assert behind != loss != ahead


def test_the_best_exchanges_are_the_greatest_products(model: Gradients) -> None:
    prompt, answer = tokens(model), model.answer(ANSWER)
    allowed = [5, 7, 9, prompt[2]]
    [found, none] = model.best(prompt, answer, [(2, allowed), (3, [prompt[3]])], 3)
    assert [effect for effect, _ in found] == sorted(
        (effect for effect, _ in found), reverse=True
    )
    assert len(found) == 3
    given = model.embeddings(prompt)
    slope = model.slope(given, answer)[1]
    for effect, token in found:
        product = float(slope[2] @ (model.embeddings([token])[0] - given[2]))
        assert effect == pytest.approx(product, abs=1e-4)
    assert none[0][0] == pytest.approx(0.0, abs=1e-4)


def test_weights_collect_no_gradients(engine: HfEngine, model: Gradients) -> None:
    model.slope(model.embeddings(tokens(model)), model.answer(ANSWER))
    assert all(weight.grad is None for weight in engine._model.parameters())


def test_where_memory_runs_out_rows_are_fewer(
    model: Gradients, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, sizes = model._loss, []

    def narrow(targets: Any, **inputs: Any) -> Any:
        sizes.append(len(targets))
        if len(targets) > 2:
            raise MemoryError
        return plain(targets, **inputs)

    prompts, answer = [tokens(model)] * 5, model.answer(ANSWER)
    expected = model.losses(prompts, answer)
    monkeypatch.setattr(model, "_loss", narrow)
    assert model.losses(prompts, answer) == pytest.approx(expected)
    assert sizes == [5, 2, 2, 1]
    monkeypatch.setattr(
        model, "_loss", lambda *a, **b: (_ for _ in ()).throw(MemoryError)
    )
    for ask in (
        lambda: model.losses(prompts, answer),
        lambda: model.slope(model.embeddings(prompts[0]), answer),
    ):
        with pytest.raises(NotJudgedError, match=r"out of memory with .* tokens"):
            ask()


def test_a_tokenizer_must_say_where_its_tokens_stand(engine: HfEngine) -> None:
    loaded = Checkpoint(model=engine._model, tokenizer=SimpleNamespace(is_fast=False))
    with pytest.raises(UserError, match="does not say where its tokens stand"):
        Gradients(loaded, lambda prompt: "")


def test_a_found_text_is_read_as_the_search_read_it(model: Gradients) -> None:
    def render(problem: Problem) -> Prompt:
        return Prompt(style="completion", text=problem.prompt)

    searcher = Searcher(model, render, SearchSettings(method="hotflip", steps=2))
    found = searcher.substitute(PROBLEM, random.Random(0))
    again = replace(PROBLEM, target=found.problem.target)
    shown = searcher.shown(again)
    assert model.losses([shown.tokens], searcher.answer(again)) == pytest.approx(
        [found.after], rel=1e-4
    )
    assert len(shown.tokens) == len(searcher.shown(PROBLEM).tokens)


def test_a_search_writes_what_another_session_asks(
    pytester: pytest.Pytester, own_cache: Path
) -> None:
    zoo = Path(__file__).parents[2] / "examples" / "zoo"
    shared = (
        f"--benchmark=jsonl={zoo / 'problems.jsonl'}",
        f"--prompt-style=template:{zoo / 'prompt.txt'}",
        "--limit=4",
    )
    model = f"--model=hf:{zoo / 'checkpoints' / 'dense-base'}"
    search = "--selfinvoke-search=gcg@steps=1@width=4:found.jsonl"
    made = pytester.runpytest_subprocess(model, search, *shared, timeout=120)
    assert made.ret == pytest.ExitCode.OK
    made.stdout.fnmatch_lines(
        [
            "[[]4/4] seen_04*: loss *: * > *",
            "4 texts: *changed by +0.*",
            "ask any model with them: --attack=clean,whitebox:found.jsonl",
        ]
    )
    lines = (pytester.path / "found.jsonl").read_text().splitlines()
    assert [json.loads(line)["search"]["settings"]["method"] for line in lines] == [
        "gcg"
    ] * 4
    # Nothing is searched twice, and the texts can be put to any model.
    again = pytester.runpytest_subprocess(model, search, *shared, timeout=120)
    assert "seen_01" not in again.stdout.str()
    asked = pytester.runpytest_subprocess(
        "--model=oracle", "--attack=whitebox:found.jsonl", *shared, timeout=120
    )
    asked.assert_outcomes(passed=4)
