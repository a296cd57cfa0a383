"""Search for words that make a model's right answer unlikely: a white-box attack.

Words of a prompt's prose are replaced one by one. *hotflip* tries the replacements that
the gradient of the reference's loss names, *random* as many that are drawn: the control
of equal budget. Names, numbers and quotations stay. The result is text: it is certified
like every other variant, and can be asked of any model.
"""

from __future__ import annotations

import ast
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.paragraphs import paragraphs
from pytest_selfinvoke.attacks.prose import code_names
from pytest_selfinvoke.attacks.rewritten import reworded
from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.core.seeding import derive_rng
from pytest_selfinvoke.models.likelihood import Replacement

METHODS = ("hotflip", "random")
_WORD = re.compile(r"[^\W\d_]{3,}")
_KEPT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|>>>.*")


class Losses(Protocol):
    """A model's losses: :class:`~pytest_selfinvoke.models.likelihood.Likelihood`."""

    words: list[str]

    def loss(self, prompt: Prompt, answer: str) -> float:
        """Of an answer after a prompt."""

    def text(self, prompt: Prompt) -> str:
        """The prompt as the model reads it."""

    def replacements(
        self, prompt: Prompt, answer: str, starts: list[int], *, each: int
    ) -> list[Replacement]:
        """The words that should make an answer least likely, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """``steps`` words are replaced; for each, ``tries`` losses are computed."""

    steps: int = 3
    tries: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    part: str
    paragraph: int
    start: int
    text: str


def search(
    problem: Problem,
    losses: Losses,
    render: Callable[[Problem], Prompt],
    *,
    method: str,
    budget: Budget,
    seed: int,
    model: str,
) -> dict[str, Any]:
    """The record of the worst wording that was found, for ``rewritten:FILE``.

    :param render: the prompt of a problem, as a run of the model would ask it.
    :raises NotApplicableError: if there is no word that could be replaced.
    :raises GenerationError: if the prompt does not fit the model.
    """
    rng = derive_rng(seed, method, problem.benchmark, problem.id)
    texts = {
        name: [paragraph.text for paragraph in paragraphs(part.prompt)]
        for name, part in _parts(problem).items()
    }
    answer = _answer(problem, render(problem))
    before = worst = losses.loss(render(problem), answer)
    changes: list[tuple[str, str]] = []
    for _ in range(budget.steps):
        words = list(_words(problem, texts))
        if not words:
            raise NotApplicableError("there is no word that could be replaced")
        best = None
        tried = _tried(problem, texts, words, losses, render, answer, method, rng)
        for word, new in tried[: budget.tries]:
            changed = _replaced(texts, word, new)
            loss = losses.loss(render(reworded(problem, changed)), answer)
            if loss > worst:
                worst, best = loss, (changed, (word.text, new))
        if best is None:
            break
        texts, change = best
        changes.append(change)
    if not changes:
        raise NotApplicableError("no replacement made the answer less likely")
    return {
        "benchmark": problem.benchmark,
        "problem": problem.id,
        "problem_hash": problem.hash,
        "paragraphs": texts,
        "threat": "white-box",
        "method": method,
        "budget": [budget.steps, budget.tries],
        "seed": seed,
        "loss": [round(before, 4), round(worst, 4)],
        "changes": changes,
        "model": model,
    }


def _tried(
    problem: Problem,
    texts: dict[str, list[str]],
    words: list[_Word],
    losses: Losses,
    render: Callable[[Problem], Prompt],
    answer: str,
    method: str,
    rng: random.Random,
) -> list[tuple[_Word, str]]:
    """Words and what to put in their places, in the order in which to try them."""
    if method == "random":
        drawn = [(rng.choice(words), rng.choice(losses.words)) for _ in range(64)]
        return [(word, new) for word, new in drawn if word.text != new]
    prompt = render(reworded(problem, texts))
    starts = _starts(losses.text(prompt), texts, words)
    placed = [(w, s) for w, s in zip(words, starts, strict=True) if s is not None]
    if not placed:
        raise NotApplicableError("the prompt does not show the prose of the problem")
    found = losses.replacements(prompt, answer, [s for _, s in placed], each=4)
    # The best of each place, then the second best: what is likely to first order only
    # is no better for being the eighth in the same place.
    rank: Counter[int] = Counter()
    ordered: list[tuple[int, int, tuple[_Word, str]]] = []
    for one in found:
        word = placed[one.place][0]
        if word.text != one.word:
            ordered.append((rank[one.place], len(ordered), (word, one.word)))
            rank[one.place] += 1
    return [tried for _, _, tried in sorted(ordered, key=lambda item: item[:2])]


def _words(problem: Problem, texts: dict[str, list[str]]) -> Iterator[_Word]:
    """The words that may be replaced: prose, and no name of the code."""
    names = {name for part in _parts(problem).values() for name in _names(part)}
    for part, found in texts.items():
        for number, text in enumerate(found):
            kept = [match.span() for match in _KEPT.finditer(text)]
            for match in _WORD.finditer(text):
                start, end = match.span()
                is_kept = any(first <= start < last for first, last in kept)
                around = text[max(0, start - 1) : start] + text[end : end + 1]
                if is_kept or match[0] in names or "_" in around or "(" in around:
                    continue
                yield _Word(part=part, paragraph=number, start=start, text=match[0])


def _names(part: Part) -> set[str]:
    return {part.entry_point, *code_names(part.prompt)}


def _starts(
    shown: str, texts: dict[str, list[str]], words: list[_Word]
) -> list[int | None]:
    """Where each word stands in the text that the model reads, if it does."""
    places: dict[tuple[str, int], list[int]] = {}
    for part, found in texts.items():
        for number, text in enumerate(found):
            # Lines may be broken elsewhere, and begin with a number sign.
            pieces = text.split()
            match = re.search(r"[\s#]+".join(map(re.escape, pieces)), shown)
            if match is None:
                continue
            at = match.start()
            place: list[int] = []
            for piece in pieces:
                at = shown.index(piece, at)
                place.append(at)
                at += len(piece)
            places[part, number] = place
    result: list[int | None] = []
    for word in words:
        stands = places.get((word.part, word.paragraph))
        before = texts[word.part][word.paragraph][: word.start]
        is_inside = bool(before) and not before[-1].isspace()
        # The piece between blanks that holds the word, and where in it it begins.
        number = len(before.split()) - is_inside
        inside = len(before.split()[-1]) if is_inside else 0
        result.append(None if stands is None else stands[number] + inside)
    return result


def _replaced(
    texts: dict[str, list[str]], word: _Word, new: str
) -> dict[str, list[str]]:
    text = texts[word.part][word.paragraph]
    new = new.capitalize() if word.text[0].isupper() else new
    changed = text[: word.start] + new + text[word.start + len(word.text) :]
    found = list(texts[word.part])
    found[word.paragraph] = changed
    return {**texts, word.part: found}


def _parts(problem: Problem) -> dict[str, Part]:
    base = {} if problem.base is None else {"base": problem.base}
    return {**base, "target": problem.target}


def _answer(problem: Problem, prompt: Prompt) -> str:
    """The reference as the model would write it: without docstrings and comments.

    Else words that the prompt loses would count as words that the answer misses.
    """
    tree = ast.parse(problem.reference)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    code = ast.unparse(tree)
    if not prompt.prefix:
        return f"```python\n{code}\n```" if prompt.is_chat else code
    first = problem.entry_points[0]
    begin = re.search(rf"^def {re.escape(first)}\b[^\n]*\n", code, re.M)
    return code if begin is None else code[begin.end() :]
