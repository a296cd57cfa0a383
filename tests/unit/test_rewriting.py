from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from pytest_selfinvoke.attacks.paragraphs import paragraphs
from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.rewriting import Rewritings, rewrite
from tests.unit.attacks.samples import PLAIN, PRO


@dataclass
class Scripted:
    """Answers by a function of the request, and keeps what it was told."""

    answer: Callable[[Request], str]
    chat: bool = True
    planned: list[Request] = field(default_factory=list)

    def info(self, label: str) -> ModelInfo:
        return ModelInfo(name="scripted", engine="test", chat_template=self.chat)

    def plan(self, label: str, requests: Sequence[Request]) -> None:
        self.planned += requests

    def generate(self, label: str, request: Request) -> Completion:
        assert request in self.planned
        return Completion(text=self.answer(request))


def text_of(request: Request) -> str:
    """The paragraph that a chat question ends with."""
    return request.prompt.messages[0].content.rpartition("\n\n")[2]


def run(model: Scripted, *problems: object, **options: object) -> Rewritings:
    chosen = {"variables": False, "count": 1, "seed": 0, **options}
    return rewrite(problems or (PLAIN,), model, "m", **chosen)  # type: ignore[arg-type]


def test_each_paragraph_is_asked_for_and_stands_in_its_place() -> None:
    found = run(Scripted(lambda r: f"In short: {text_of(r)}"), PRO)
    [record] = found.records
    assert (record["problem"], record["problem_hash"]) == (PRO.id, PRO.hash)
    assert record["model"] == "scripted"
    for name, part in (("base", PRO.base), ("target", PRO.target)):
        assert part is not None
        texts = [p.text for p in paragraphs(part.prompt)]
        said = record["paragraphs"][name]
        assert len(said) == len(texts)
        assert any(
            new == f"In short: {old}" for new, old in zip(said, texts, strict=True)
        )


def test_every_rewriting_has_a_seed_of_its_own() -> None:
    model = Scripted(lambda r: f"{r.seed}: {text_of(r)}")
    found = run(model, count=3)
    assert len({str(record["paragraphs"]) for record in found.records}) == 3
    assert len({request.seed for request in model.planned}) == len(model.planned)
    assert not model.planned[0].sampling.is_greedy


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda r: "", "the answer is empty"),
        (text_of, "the answer is the text itself"),
        (lambda r: f'{text_of(r)} """ end', "the answer is no paragraph"),
        (lambda r: text_of(r) * 9, "the answer is no paragraph"),
        (
            lambda r: "Something else.",
            "the answer lost a name, a number or a quotation",
        ),
    ],
    ids=["empty", "same", "quotes", "long", "lost"],
)
def test_answers_that_cannot_be_used_are_counted(
    answer: Callable[[Request], str], reason: str
) -> None:
    found = run(Scripted(answer))
    assert found.records == []
    assert found.left_out == {reason: 1}


def test_a_model_without_a_template_continues_a_text() -> None:
    model = Scripted(lambda r: f"In short: {r.prompt.text}", chat=False)
    run(model)
    assert {request.prompt.is_chat for request in model.planned} == {False}
    assert all(request.prompt.stop == ("\n",) for request in model.planned)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("`closest_pairs`\nbecause", "closest_pairs"),
        ("two words", "the answer is no name"),
        ("", "the answer is no name"),
        ("len", "the name is in use"),
    ],
)
def test_names_of_variables(answer: str, expected: str) -> None:
    found = run(Scripted(lambda r: answer), PRO, variables=True)
    names = [record["variable"] for record in found.records]
    assert [*names, *found.left_out] == [expected]


def test_a_lost_answer_is_counted_and_the_rest_goes_on() -> None:
    def answer(request: Request) -> str:
        if request.case["number"] == 0:
            raise GenerationError("the server is gone")
        return f"In short: {text_of(request)}"

    found = run(Scripted(answer), count=2)
    assert len(found.records) == 1
    assert found.left_out == {"no answer: the server is gone": 1}
