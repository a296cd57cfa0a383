from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.core.errors import NotApplicableError
from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.models.likelihood import Replacement
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.searching import METHODS, Budget, search

BASE = Part(
    entry_point="double",
    prompt='def double(x):\n    """Return twice the `given` number, as double_it(x)."""\n',
    solution="    return 2 * x\n",
    tests="assert double(1) == 2",
)
TARGET = Part(
    entry_point="total",
    prompt='def total(xs):\n    """Add up double of every\n    number in the list."""\n',
    solution="    return sum(double(x) for x in xs)\n",
    tests="assert total([1]) == 2",
)
PROBLEM = Problem(id="p", benchmark="b", base=BASE, target=TARGET)
STYLE = get_style("chat")


def render(problem: Problem) -> Prompt:
    return STYLE.render(problem.prompt, problem)


class Fake:
    """The loss is the number of new words; places of the gradient are looked up."""

    def __init__(self) -> None:
        self.words = ["zebra", "apple"]
        self.asked: list[str] = []
        self.answers: list[str] = []
        self.losses = 0

    def loss(self, prompt: Prompt, answer: str) -> float:
        self.losses += 1
        self.answers.append(answer)
        return float(sum(self.text(prompt).lower().count(word) for word in self.words))

    def text(self, prompt: Prompt) -> str:
        return prompt.shown()

    def replacements(
        self, prompt: Prompt, answer: str, starts: list[int], *, each: int
    ) -> list[Replacement]:
        text = self.text(prompt)
        self.asked = [text[start:].split()[0].strip('."') for start in starts]
        return [
            Replacement(place=place, word=word, gain=1.0)
            for place in range(len(starts))
            for word in self.words
        ]


def found(method: str, losses: Fake, problem: Problem = PROBLEM, seed: int = 0) -> dict:  # type: ignore[type-arg]
    return search(
        problem, losses, render, method=method, budget=Budget(steps=2, tries=3),
        seed=seed, model="m",
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_two_words_of_prose_are_replaced_within_the_budget(method: str) -> None:
    losses = Fake()
    record = found(method, losses)
    assert record["loss"] == [0.0, 2.0]
    assert losses.losses <= 1 + 2 * 3
    assert len(record["changes"]) == 2
    text = " ".join(t for texts in record["paragraphs"].values() for t in texts)
    assert all(new in text.lower() for _, new in record["changes"])
    assert "`given`" in text
    assert "double_it(x)" in text
    assert "double of" in text
    assert record["threat"] == "white-box"


def test_places_are_found_in_what_the_model_reads() -> None:
    losses = Fake()
    search(
        PROBLEM, losses, render, method="hotflip", budget=Budget(steps=1, tries=1),
        seed=0, model="m",
    )  # fmt: skip
    assert losses.asked == ["Return", "twice", "the", "number,", "Add", "every", "number", "the", "list"]  # fmt: skip


def test_the_answer_is_the_code_alone() -> None:
    losses = Fake()
    found("random", losses)
    assert losses.answers[0] == (
        "```python\ndef double(x):\n    return 2 * x\n\n"
        "def total(xs):\n    return sum((double(x) for x in xs))\n```"
    )


def test_the_same_seed_gives_the_same_words() -> None:
    assert found("random", Fake(), seed=1) == found("random", Fake(), seed=1)
    draws = {str(found("random", Fake(), seed=seed)["changes"]) for seed in range(5)}
    assert len(draws) > 1


def test_what_cannot_be_attacked() -> None:
    bare = [replace(part, prompt=f"def {part.entry_point}(x):\n") for part in (BASE, TARGET)]  # fmt: skip
    with pytest.raises(NotApplicableError, match="no word that could be replaced"):
        found("random", Fake(), replace(PROBLEM, base=bare[0], target=bare[1]))

    class Deaf(Fake):
        def loss(self, prompt: Prompt, answer: str) -> float:
            return 1.0

    with pytest.raises(NotApplicableError, match="made the answer less likely"):
        found("hotflip", Deaf())
