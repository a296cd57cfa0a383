"""Exchange words of one problem's prose so that its reference solution is less likely.

``hotflip`` ranks exchanges by their first-order effect on the loss (Ebrahimi et al.,
arXiv 1712.06751) and tries the best of each place; ``gcg`` tries exchanges drawn from
the best of each place (greedy coordinate gradient, Zou et al., arXiv 2307.15043);
``random`` tries exchanges drawn from all. Each spends the same forward passes, measures
the loss of the text as the model would read it, and keeps the best exchange if it
helps.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.core.records import Problem, Prompt
from pytest_selfinvoke.prompts.answers import reference_answer
from pytest_selfinvoke.whitebox.settings import SearchSettings
from pytest_selfinvoke.whitebox.words import (
    Place,
    exchanged,
    places,
    replacements,
    words_of,
)

Tensor = Any


class Differentiable(Protocol):
    """A model's likelihoods and gradients."""

    def text(self, prompt: Prompt) -> str:
        """The text that the model is given."""

    def encode(
        self, text: str, *, is_chat: bool
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Tokens and where they stand."""

    def answer(self, text: str) -> list[int]:
        """Tokens of an answer."""

    def vocabulary(self) -> list[str]:
        """The text of every token."""

    def losses(
        self, prompts: Sequence[Sequence[int]], answer: Sequence[int]
    ) -> list[float]:
        """The loss of the answer after each prompt."""

    def best(
        self,
        prompt: Sequence[int],
        answer: Sequence[int],
        wanted: Sequence[tuple[int, Sequence[int]]],
        count: int,
    ) -> list[list[tuple[float, int]]]:
        """First-order changes of the loss and tokens, the greatest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A problem as the model is given it."""

    problem: Problem
    text: str
    tokens: list[int]
    spans: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One word for another, at a place."""

    place: Place
    token: int
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The problem that a search ended with, its losses, and what it has spent.

    ``changes`` are the words that were exchanged, old and new.
    """

    problem: Problem
    before: float
    after: float
    changes: tuple[tuple[str, str], ...]
    forwards: int
    backwards: int


class Searcher:
    """Searches on one model, under one prompt style.

    :param render: the prompt of a problem.
    """

    def __init__(
        self,
        model: Differentiable,
        render: Callable[[Problem], Prompt],
        settings: SearchSettings,
    ) -> None:
        self.model = model
        self.settings = settings
        self._render = render
        self.words = replacements(model.vocabulary())

    def shown(self, problem: Problem) -> Shown:
        """A problem in tokens."""
        prompt = self._render(problem)
        text = self.model.text(prompt)
        tokens, spans = self.model.encode(text, is_chat=prompt.is_chat)
        return Shown(problem=problem, text=text, tokens=tokens, spans=spans)

    def answer(self, problem: Problem) -> list[int]:
        """The tokens whose likelihood is lowered."""
        return self.model.answer(reference_answer(problem, self._render(problem)))

    def substitute(self, problem: Problem, rng: random.Random) -> Found:
        """Exchange up to ``steps`` words.

        :raises NotApplicableError: if there is no word that can be exchanged.
        """
        if not any(True for _ in words_of(problem)):
            raise NotApplicableError("the prompt has no prose")
        answer, shown = self.answer(problem), self.shown(problem)
        free = list(places(problem, shown.text, shown.spans))
        if not free:
            raise NotApplicableError("no word of the prose is one token of this model")
        [before] = self.model.losses([shown.tokens], answer)
        after, forwards, backwards = before, 1, 0
        changes: list[tuple[str, str]] = []
        for _ in range(min(self.settings.steps, len(free))):
            tried = self._exchanges(shown, answer, free, rng)
            backwards += self.settings.is_guided
            made = [
                (exchange, new)
                for exchange in tried
                if (new := self._applied(shown, exchange)) is not None
            ]
            if not made:
                break
            losses = self.model.losses([new.tokens for _, new in made], answer)
            forwards += len(made)
            best = max(range(len(made)), key=losses.__getitem__)
            if losses[best] <= after:
                continue
            after, (exchange, shown) = losses[best], made[best]
            changes.append((exchange.place.word.text, exchange.new))
            # Offsets have moved; a word that was exchanged stays as it is now.
            kept = {place.token for place in free} - {exchange.place.token}
            now = places(shown.problem, shown.text, shown.spans)
            free = [place for place in now if place.token in kept]
            if not free:
                break
        return Found(
            problem=shown.problem,
            before=before,
            after=after,
            changes=tuple(changes),
            forwards=forwards,
            backwards=backwards,
        )

    def _exchanges(
        self,
        shown: Shown,
        answer: Sequence[int],
        free: Sequence[Place],
        rng: random.Random,
    ) -> list[Exchange]:
        """``width`` exchanges to be tried, each once."""
        if self.settings.method == "random":
            return drawn(self.settings.width, lambda: self._any(free, rng))
        # One more, for the word that is there may be among them.
        count = self.settings.top_k + 1
        wanted = [(place.token, list(self.words[place.lead])) for place in free]
        best = self.model.best(shown.tokens, answer, wanted, count)
        rows = [
            [
                (effect, _exchange(place, token, self.words[place.lead]))
                for effect, token in row
                if self.words[place.lead][token] != place.word.text
            ]
            for place, row in zip(free, best, strict=True)
        ]
        if self.settings.method == "hotflip":
            # The best of each place before the second best of any: to first order,
            # all that is good in one place is good for one reason.
            ranked = [
                (rank, -effect, number, exchange)
                for number, row in enumerate(rows)
                for rank, (effect, exchange) in enumerate(row)
            ]
            ranked.sort(key=lambda entry: entry[:3])
            return [exchange for *_, exchange in ranked[: self.settings.width]]
        pool = [exchange for row in rows for _, exchange in row]
        return rng.sample(pool, min(self.settings.width, len(pool)))

    def _any(self, free: Sequence[Place], rng: random.Random) -> Exchange | None:
        place = rng.choice(free)
        words = self.words[place.lead]
        token = rng.choice(list(words)) if words else -1
        if token < 0 or words[token] == place.word.text:
            return None
        return _exchange(place, token, words)

    def _applied(self, shown: Shown, exchange: Exchange) -> Shown | None:
        """The text with an exchange, if it is read as the one token meant."""
        problem = exchanged(shown.problem, exchange.place.word, exchange.new)
        new = self.shown(problem)
        wanted = list(shown.tokens)
        wanted[exchange.place.token] = exchange.token
        return new if new.tokens == wanted else None


def _exchange(place: Place, token: int, words: dict[int, str]) -> Exchange:
    return Exchange(place=place, token=token, new=words[token])


def drawn(count: int, draw: Callable[[], Exchange | None]) -> list[Exchange]:
    """Distinct exchanges from a source that may repeat itself, or have too few."""
    found: dict[Exchange, None] = {}
    for _ in range(4 * count):
        exchange = draw()
        if exchange is not None:
            found[exchange] = None
        if len(found) == count:
            break
    return list(found)
