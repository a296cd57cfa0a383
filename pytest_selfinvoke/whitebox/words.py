"""The words of a prompt that may be exchanged, and the tokens behind them.

Only words of prose count (:mod:`pytest_selfinvoke.attacks.prose`), and of these only
such as are one token each: exchanged for another such word, the prompt keeps its number
of tokens and all its other ones, so that a gradient says what an exchange would do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.attacks.prose import code_names, prose_words
from pytest_selfinvoke.attacks.whitebox import with_prompts
from pytest_selfinvoke.core.records import Part, Problem

_WORD = re.compile(r" ?[A-Za-z]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word of prose: ``start`` to ``end`` of the prompt of ``part``."""

    part: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A word that is the token number ``token`` of the model's input.

    ``lead`` is the blank that belongs to the token, if one does.
    """

    word: Word
    token: int
    lead: str


def parts_of(problem: Problem) -> dict[str, Part]:
    """The parts of a problem by name, in the order of the prompt."""
    base = {} if problem.base is None else {"base": problem.base}
    return {**base, "target": problem.target}


def exchanged(problem: Problem, word: Word, new: str) -> Problem:
    """The problem with another word in the place of one."""
    old = parts_of(problem)[word.part].prompt
    return with_prompts(
        problem, {word.part: f"{old[: word.start]}{new}{old[word.end :]}"}
    )


def words_of(problem: Problem) -> Iterator[Word]:
    """The words of a problem's prose that are a name in none of its parts."""
    names = code_names(problem.prompt)
    for name, part in parts_of(problem).items():
        for start, end in prose_words(part.prompt):
            text = part.prompt[start:end]
            if text not in names:
                yield Word(part=name, start=start, end=end, text=text)


def places(
    problem: Problem, text: str, spans: Sequence[tuple[int, int]]
) -> tuple[Place, ...]:
    """The words of a problem that are one token each of a text made of it.

    :param text: what the model is given. The problem's lines stand in it, each part's
        in order; indentation and a ``#`` before them may differ.
    :param spans: where each token of the text stands.
    """
    by_end = {end: (number, start) for number, (start, end) in enumerate(spans)}
    offsets = {name: _Offsets(part.prompt, text) for name, part in _parts(problem)}
    found = []
    for word in words_of(problem):
        at = offsets[word.part].of(word.start)
        end = None if at is None else at + len(word.text)
        number, start = by_end.get(end, (-1, -1)) if end is not None else (-1, -1)
        # Some tokenizers count the blank in front, others mark it and do not.
        if at is None or number < 0 or text[start:end].lstrip(" ") != word.text:
            continue
        lead = " " if text[at - 1 : at] == " " else ""
        found.append(Place(word=word, token=number, lead=lead))
    return tuple(found)


def _parts(problem: Problem) -> list[tuple[str, Part]]:
    return list(parts_of(problem).items())


class _Offsets:
    """From offsets in a code to offsets in a text that shows its lines in order."""

    def __init__(self, code: str, text: str) -> None:
        self._lines: list[tuple[int, int, int | None]] = []
        start = at = 0
        for line in code.splitlines(keepends=True):
            shown = line.strip().lstrip("#").strip()
            begin = start + line.find(shown)
            found = text.find(shown, at) if shown else -1
            place = None if found < 0 else found
            at = at if place is None else place + len(shown)
            self._lines.append((begin, begin + len(shown), place))
            start += len(line)

    def of(self, offset: int) -> int | None:
        """Where a character of the code stands in the text, if its line is shown."""
        for start, end, place in self._lines:
            if start <= offset < end and place is not None:
                return place + offset - start
        return None


def replacements(vocabulary: Sequence[str]) -> dict[str, dict[int, str]]:
    """Words that are one token each: blank in front or none -> token -> word."""
    found: dict[str, dict[int, str]] = {" ": {}, "": {}}
    for number, text in enumerate(vocabulary):
        if _WORD.fullmatch(text):
            word = text.removeprefix(" ")
            found[text[: len(text) - len(word)]][number] = word
    return found
