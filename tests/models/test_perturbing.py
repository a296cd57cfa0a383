"""Perturbed embeddings, on tiny random checkpoints."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.records import Completion, ModelSpec, Perturbation
from pytest_selfinvoke.models import hf_engine
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.hf import HfKind
from pytest_selfinvoke.models.hf_engine import HfEngine
from pytest_selfinvoke.models.perturbing import perturbed

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

Ask = Callable[..., Request]
TEXT = "write a function that sums the numbers of a list"
ANSWER = "def add(a, b):\n    return a + b\n"


@pytest.fixture(scope="module", params=["llama", "mixtral"])
def engine(request: pytest.FixtureRequest) -> Iterator[HfEngine]:
    folder: Path = request.getfixturevalue(request.param)
    engine = HfKind(environ={}).load(ModelSpec(spec=f"hf:{folder}", label="tiny"))
    yield engine
    engine.close()


def moved(request: Request, method: str, epsilon: float, **more: Any) -> Request:
    wanted = Perturbation(method=method, epsilon=epsilon, answer=ANSWER, **more)
    return replace(request, prompt=replace(request.prompt, perturbation=wanted))


def completion(engine: HfEngine, request: Request) -> Completion:
    [answer] = engine.generate([request])
    assert isinstance(answer, Completion), answer
    return answer


class Bowl:
    """A loss that is greatest far from 1: the sum of squared distances."""

    def embeddings(self, tokens: Sequence[int]) -> Any:
        return torch.ones(len(tokens), 4) * 2.0

    def slope(self, embeddings: Any, answer: Sequence[int]) -> tuple[float, Any]:
        away = embeddings - 1.0
        return float((away**2).sum()), 2 * away


def test_the_budget_is_a_share_of_the_root_mean_square() -> None:
    given = Bowl().embeddings([1, 2, 3])
    for method in ("fgsm", "noise", "pgd"):
        wanted = Perturbation(method=method, epsilon=0.1, steps=3, seed=5)
        found = perturbed(Bowl(), [1, 2, 3], [4], wanted)
        offset = (found.embeddings - given).abs()
        assert float(offset.max()) == pytest.approx(0.2)
        if method != "pgd":
            assert float(offset.min()) == pytest.approx(0.2)
        assert found.losses[0] == pytest.approx(12.0)


def test_directions_are_uphill_and_those_of_the_control_are_not() -> None:
    found = {
        method: perturbed(
            Bowl(), [1] * 50, [4], Perturbation(method=method, epsilon=0.1, steps=5)
        )
        for method in ("fgsm", "noise", "pgd")
    }
    up = found["fgsm"].embeddings
    assert bool((up > 2.0).all())
    assert torch.allclose(found["pgd"].embeddings, up)
    assert found["fgsm"].losses[1] == pytest.approx(200 * 1.2**2)
    share = float((found["noise"].embeddings > 2.0).float().mean())
    assert 0.35 < share < 0.65


def test_pgd_keeps_the_worst_point_that_it_saw() -> None:
    class Ridge(Bowl):
        def __init__(self) -> None:
            self.seen: list[float] = []

        def slope(self, embeddings: Any, answer: Sequence[int]) -> tuple[float, Any]:
            # The gradient points the wrong way: every step makes the loss smaller.
            loss, gradient = super().slope(embeddings, answer)
            self.seen.append(loss)
            return loss, -gradient

    model = Ridge()
    wanted = Perturbation(method="pgd", epsilon=0.1, steps=4, seed=1)
    found = perturbed(model, [1, 2], [4], wanted)
    assert found.losses == (model.seen[0], max(model.seen[1:]))
    assert found.losses[1] == model.seen[1] > model.seen[-1]


def test_without_a_budget_the_answer_is_that_of_the_clean_prompt(
    engine: HfEngine, ask: Ask
) -> None:
    texts = [TEXT, "x", "def add(a, b):"]
    plain = [completion(engine, ask(text)).text for text in texts]
    asked = [moved(ask(text), "fgsm", 0.0) for text in texts]
    answers = engine.generate(asked)
    assert [a.text for a in answers if isinstance(a, Completion)] == plain
    stopped = moved(ask(TEXT, stop=(plain[0][4:6],)), "fgsm", 0.0)
    assert completion(engine, stopped).text == plain[0].split(plain[0][4:6])[0]


@pytest.mark.parametrize(
    ("family", "fields"),
    [
        # Embeddings that are scaled, before and after they leave their module.
        ("Gemma2", {"head_dim": 8}),
        ("Granite", {"embedding_multiplier": 3.0}),
        ("GPTNeoX", {}),
        (
            "DeepseekV3",
            {
                "moe_intermediate_size": 16,
                "n_routed_experts": 8,
                "n_group": 2,
                "topk_group": 1,
                "first_k_dense_replace": 1,
                "num_key_value_heads": 4,
            },
        ),
    ],
)
def test_families(
    family: str,
    fields: dict[str, Any],
    make_checkpoint: Callable[..., Path],
    tmp_path: Path,
    ask: Ask,
) -> None:
    folder = make_checkpoint(tmp_path, family, pad_token_id=0, **fields)
    engine = HfKind(environ={}).load(ModelSpec(spec=f"hf:{folder}", label="tiny"))
    try:
        still = completion(engine, moved(ask(TEXT), "fgsm", 0.0))
        assert still.text == completion(engine, ask(TEXT)).text
        worst = completion(engine, moved(ask(TEXT), "pgd", 0.05, steps=5))
        chance = completion(engine, moved(ask(TEXT), "noise", 0.05))
        assert worst.reference_loss is not None
        assert chance.reference_loss is not None
        assert worst.reference_loss[1] > chance.reference_loss[1]
    finally:
        engine.close()


def test_rows_beside_a_moved_one_stay_as_they_are(engine: HfEngine, ask: Ask) -> None:
    plain = [completion(engine, ask(text)).text for text in ("x", TEXT)]
    far = moved(ask(TEXT), "noise", 2.0, seed=3)
    first, middle, last = engine.generate([ask("x"), far, ask(TEXT)])
    assert isinstance(first, Completion)
    assert isinstance(middle, Completion)
    assert isinstance(last, Completion)
    assert [first.text, last.text] == plain
    assert first.reference_loss is None
    assert middle.text == completion(engine, far).text != plain[1]


def test_the_loss_is_that_of_the_model_itself(engine: HfEngine, ask: Ask) -> None:
    model, tokenizer = engine._model, engine._tokenizer
    head = tokenizer(TEXT)["input_ids"]
    tail = tokenizer(ANSWER, add_special_tokens=False)["input_ids"]
    labels = torch.tensor([[-100] * len(head) + tail])
    with torch.no_grad():
        expected = float(
            model(input_ids=torch.tensor([head + tail]), labels=labels).loss
        )
    losses = completion(engine, moved(ask(TEXT), "noise", 0.1)).reference_loss
    assert losses is not None
    assert losses[0] == pytest.approx(expected, rel=1e-4)


def test_gradients_harm_more_than_chance(engine: HfEngine, ask: Ask) -> None:
    def gain(method: str, seed: int = 0) -> float:
        asked = moved(ask(TEXT), method, 0.05, steps=5, seed=seed)
        losses = completion(engine, asked).reference_loss
        assert losses is not None
        return losses[1] - losses[0]

    chance = [gain("noise", seed) for seed in range(5)]
    assert gain("fgsm") > max(chance)
    assert gain("pgd") > max(chance)


def test_routes_are_those_of_the_moved_prompt(engine: HfEngine, ask: Ask) -> None:
    if engine.info.architecture != "moe":
        pytest.skip("a dense model has no routes")
    plain = engine.routes(ask(TEXT), ANSWER)
    same = engine.routes(moved(ask(TEXT), "fgsm", 0.0), ANSWER)
    other = engine.routes(moved(ask(TEXT), "noise", 1.0), ANSWER)
    assert same.chosen == plain.chosen
    assert other.chosen != plain.chosen
    assert other.tokens == plain.tokens


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotJudgedError("out of memory with 5 tokens"), "out of memory with 5 tokens"),
        (RuntimeError("no derivative\nat all"), "gives no gradients: no derivative"),
    ],
)
def test_what_cannot_be_moved_fails_alone(
    engine: HfEngine,
    ask: Ask,
    error: Exception,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(hf_engine, "perturbed", fail)
    first, second = engine.generate([moved(ask(TEXT), "fgsm", 0.1), ask("x")])
    assert isinstance(first, Failure)
    assert first.reason.endswith(reason)
    assert isinstance(second, Completion)


def test_an_answer_longer_than_the_context_is_cut(engine: HfEngine, ask: Ask) -> None:
    long = moved(ask(TEXT), "fgsm", 0.1)
    assert long.prompt.perturbation is not None
    wanted = replace(long.prompt.perturbation, answer="return a " * 100)
    asked = replace(long, prompt=replace(long.prompt, perturbation=wanted))
    assert completion(engine, asked).reference_loss is not None


def test_a_session_judges_what_moved_embeddings_give(
    pytester: pytest.Pytester, own_cache: Path
) -> None:
    zoo = Path(__file__).parents[2] / "examples" / "zoo"
    attacks = ("noise@epsilon=0.2", "pgd@epsilon=0.2@steps=3")
    result = pytester.runpytest_subprocess(
        f"--model=hf:{zoo / 'checkpoints' / 'dense-base'}",
        "--model=oracle",
        f"--benchmark=jsonl={zoo / 'problems.jsonl'}",
        f"--prompt-style=template:{zoo / 'prompt.txt'}",
        f"--attack=clean,{','.join(f'gradient.{name}' for name in attacks)}",
        *("--limit=4", "--tb=no", "-q", "-rs", "-oselfinvoke_max_new_tokens=96"),
        timeout=120,
    )
    [run] = pytester.path.glob(".selfinvoke/*/records.jsonl")
    records = [json.loads(line) for line in run.read_text().splitlines()]
    solved = Counter(
        r["case"]["attack"]
        for r in records
        if r["verdict"] == "solved" and r["case"]["model"] != "oracle"
    )
    moved = [r["completion"]["reference_loss"] for r in records if r.get("completion")]
    assert solved["clean"] == 4
    assert (
        solved["gradient.noise@epsilon=0.2"]
        > solved["gradient.pgd@epsilon=0.2@steps=3"]
    )
    assert len([pair for pair in moved if pair]) == 8
    left_out = [r for r in records if r["status"] == "skipped"]
    assert {r["case"]["model"] for r in left_out} == {"oracle"}
    result.stdout.fnmatch_lines(
        [
            "*loss of the reference 0.* +0.* nats*",
            "*oracle gives no gradients: gradient.noise*",
        ]
    )
