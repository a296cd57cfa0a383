"""A universal patch: one line of words that harms many problems (arXiv 1908.07125).

It stands where :func:`pytest_selfinvoke.attacks.whitebox.patched` puts it. Its words
are exchanged one after the other so that the mean loss over the problems of one split
grows; whether it harms is seen on problems of the other split only.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.whitebox import patched
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.core.seeding import derive_rng
from pytest_selfinvoke.whitebox.settings import SearchSettings
from pytest_selfinvoke.whitebox.substitution import Searcher, Shown

#: The word that a patch begins with, again and again.
START = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchStep:
    """The patch after so many steps, and the mean loss over the training split."""

    step: int
    patch: str
    loss: float


def split(
    problems: Sequence[Problem], settings: SearchSettings, seed: int
) -> tuple[list[Problem], list[Problem]]:
    """Problems to train on, at most half of them, and those to be attacked.

    :raises NotApplicableError: if there are fewer than two problems.
    """
    if len(problems) < 2:
        raise NotApplicableError("a patch needs two problems: one to train on")
    order = list(problems)
    derive_rng(seed, "patch split").shuffle(order)
    count = min(settings.train, len(order) // 2)
    return order[:count], order[count:]


class PatchSearcher:
    """Searches a patch on one model.

    :param problems: the training split.
    """

    def __init__(self, searcher: Searcher, problems: Sequence[Problem]) -> None:
        self._searcher = searcher
        self._model = searcher.model
        self._settings = searcher.settings
        self._problems = problems
        self._answers = [searcher.answer(problem) for problem in problems]
        # All words of a patch follow a blank but the first, which stays as it is.
        self._words = searcher.words[" "]

    def loss(self, patch: str) -> float:
        """The mean loss of the training split under a patch; none if it is empty."""
        total = 0.0
        for problem, answer in zip(self._problems, self._answers, strict=True):
            made = patched(problem, patch) if patch else problem
            [one] = self._model.losses([self._searcher.shown(made).tokens], answer)
            total += one
        return total / len(self._problems)

    def steps(self, seed: int, last: PatchStep | None = None) -> Iterator[PatchStep]:
        """The patch after each step, from the beginning or from where it was left.

        Each step draws from a generator of its own, so that a search which was killed
        goes on to the same end.
        """
        if last is None:
            patch = " ".join([START] * (self._settings.words + 1))
            last = PatchStep(step=0, patch=patch, loss=self.loss(patch))
            yield last
        while last.step < self._settings.steps:
            rng = derive_rng(seed, "patch step", last.step)
            last = self._next(last, rng)
            yield last

    def _next(self, last: PatchStep, rng: random.Random) -> PatchStep:
        words = last.patch.split(" ")
        best, patch = last.loss, last.patch
        for place, word in self._candidates(last.patch, rng):
            tried = " ".join([*words[:place], word, *words[place + 1 :]])
            if (loss := self.loss(tried)) > best:
                best, patch = loss, tried
        return PatchStep(step=last.step + 1, patch=patch, loss=best)

    def _candidates(self, patch: str, rng: random.Random) -> list[tuple[int, str]]:
        """``width`` pairs of a word's number and the word to stand there."""
        count = self._settings.words
        pool = self._guided(patch) if self._settings.is_guided else []
        if not pool:
            words = list(self._words.values())
            draws = (
                (rng.randint(1, count), rng.choice(words))
                for _ in range(4 * self._settings.width)
            )
            return list(dict.fromkeys(draws))[: self._settings.width]
        return rng.sample(pool, min(self._settings.width, len(pool)))

    def _guided(self, patch: str) -> list[tuple[int, str]]:
        """The ``top_k`` best words of each place, by the sum over all problems."""
        sums: list[Counter[int]] = [Counter() for _ in patch.split(" ")]
        numbers = list(self._words)
        for problem, answer in zip(self._problems, self._answers, strict=True):
            shown = self._searcher.shown(patched(problem, patch))
            places = patch_tokens(shown, patch)
            wanted = [(token, numbers) for token in places.values()]
            # Twice as many: those that are good for one problem only fall out.
            count = 2 * self._settings.top_k
            rows = self._model.best(shown.tokens, answer, wanted, count)
            for place, row in zip(places, rows, strict=True):
                for effect, token in row:
                    sums[place][token] += effect  # type: ignore[assignment]
        return [
            (place, self._words[token])
            for place, counted in enumerate(sums)
            for token, _ in counted.most_common(self._settings.top_k)
        ]


def patch_tokens(shown: Shown, patch: str) -> dict[int, int]:
    """Number of a patch's word -> the token that it is; words of several are left out.

    The first word is never there: no blank need stand before it.
    """
    at = shown.text.rfind(patch)
    ends = {end: (number, start) for number, (start, end) in enumerate(shown.spans)}
    found, offset = {}, at
    for place, word in enumerate(patch.split(" ")):
        end = offset + len(word)
        number, start = ends.get(end, (-1, -1))
        if at >= 0 and place and shown.text[start:end].lstrip(" ") == word:
            found[place] = number
        offset = end + 1
    return found
