"""Family ``docstring``: noise in the natural-language part of a prompt.

Threat model: natural (typing errors, another way to say it, careless style, missing
examples). Definitions after the families of ReCode (Wang et al., arXiv 2212.10264,
section 3.2); probabilities are those of its released configuration. Prose is docstrings
and comments; see :mod:`.prose` for what in them is never changed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError, facts, map_prompts
from pytest_selfinvoke.attacks.lexicon import Lexicon, lexicon
from pytest_selfinvoke.attacks.prose import change_words, prose_spans, prose_words
from pytest_selfinvoke.attacks.typehints import without_types
from pytest_selfinvoke.core.records import Problem

_RECODE = "ReCode, arXiv 2212.10264, section 3.2 (docstrings)"

#: Each key of a QWERTY keyboard with the letters around it.
NEIGHBOURS = {
    "q": "wa", "w": "qeas", "e": "wrsd", "r": "etdf", "t": "ryfg", "y": "tugh",
    "u": "yihj", "i": "uojk", "o": "ipkl", "p": "ol", "a": "qwsz", "s": "awedxz",
    "d": "serfcx", "f": "drtgvc", "g": "ftyhbv", "h": "gyujnb", "j": "huikmn",
    "k": "jiolm", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb",
    "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip

_EXAMPLE = re.compile(
    r"^[ \t]*>>>.*\n(?:(?![ \t]*(?:>>>|\"\"\"|'''))[ \t]*\S.*\n)*", re.M
)
#: What a sentence, or a line that begins one, begins after.
_START = re.compile(r"(?:[.:!?]\s*|\"{3}\s*|'{3}\s*|#\s*|\n[ \t]*[-*]?[ \t]*)$")


@facts(threat="natural", source=_RECODE)
def butter_fingers(
    problem: Problem, rng: random.Random, *, probability: float = 0.05
) -> Problem:
    """Each letter of the prose becomes a neighbouring key with a probability."""

    def slip(letter: str) -> str:
        near = NEIGHBOURS.get(letter.lower())
        if near is None or rng.random() >= probability:
            return letter
        other = rng.choice(near)
        return other.upper() if letter.isupper() else other

    return _words(problem, lambda word: "".join(map(slip, word)))


@facts(threat="natural", source=_RECODE)
def swap_characters(
    problem: Problem, rng: random.Random, *, probability: float = 0.05
) -> Problem:
    """Each two adjacent letters of a word change places with a probability."""

    def swapped(word: str) -> str:
        letters = list(word)
        for i in range(len(letters) - 1):
            if rng.random() < probability:
                letters[i], letters[i + 1] = letters[i + 1], letters[i]
        return "".join(letters)

    return _words(problem, swapped)


@facts(threat="natural", source=_RECODE)
def change_case(
    problem: Problem, rng: random.Random, *, probability: float = 0.35
) -> Problem:
    """Each letter of the prose changes its case with a probability."""

    def flip(letter: str) -> str:
        return letter.swapcase() if rng.random() < probability else letter

    return _words(problem, lambda word: "".join(map(flip, word)))


@facts(threat="natural", source=_RECODE)
def whitespace(
    problem: Problem, rng: random.Random, *, add: float = 0.05, remove: float = 0.1
) -> Problem:
    """Blanks come into words, and go from between them, each with a probability."""

    def changed(code: str) -> str:
        parts, at = [], 0
        for start, end in prose_words(code):
            gap = code[at:start]
            if gap == " " and at and rng.random() < remove:
                gap = ""
            letters = list(code[start:end])
            spaced = (
                letter + (" " if i < len(letters) - 1 and rng.random() < add else "")
                for i, letter in enumerate(letters)
            )
            parts += [gap, *spaced]
            at = end
        return "".join([*parts, code[at:]])

    return map_prompts(problem, changed)


@facts(threat="natural", source=_RECODE)
def synonym_substitution(
    problem: Problem, rng: random.Random, *, probability: float = 0.35
) -> Problem:
    """Each word that has synonyms becomes one of them with a probability."""
    return _with_synonyms(problem, rng, probability, "{other}")


@facts(threat="natural", source=_RECODE)
def synonym_insertion(
    problem: Problem, rng: random.Random, *, probability: float = 0.35
) -> Problem:
    """Before each word that has synonyms one of them comes with a probability."""
    return _with_synonyms(problem, rng, probability, "{other} {word}")


def _with_synonyms(
    problem: Problem, rng: random.Random, probability: float, form: str
) -> Problem:
    known = lexicon().synonyms

    def said(word: str) -> str:
        others = known.get(word.lower())
        if others is None or rng.random() >= probability:
            return word
        return _like(word, form.format(other=rng.choice(others), word=word.lower()))

    return _words(problem, said)


@facts(threat="natural", source=_RECODE)
def inflection(
    problem: Problem, rng: random.Random, *, probability: float = 0.35
) -> Problem:
    """Verbs take another form, nouns the other number, each with a probability."""
    found = lexicon()

    def inflected(word: str) -> str:
        lower = word.lower()
        verb = found.verbs.get(lower) or found.thirds.get(lower)
        if verb is not None and rng.random() < probability:
            forms = [f for f in (verb.base, verb.third, verb.ing) if f != lower]
            return _like(word, rng.choice(forms))
        other = found.numbers.get(lower)
        if verb is None and other is not None and rng.random() < probability:
            return _like(word, other)
        return word

    return _words(problem, inflected)


@facts(threat="natural", source=_RECODE)
def tense_past(problem: Problem, rng: random.Random) -> Problem:
    """Verbs of main clauses go into the past: ``Returns`` becomes ``Returned``."""
    return map_prompts(problem, lambda code: _tensed(code, future=False))


@facts(threat="natural", source=_RECODE)
def tense_future(problem: Problem, rng: random.Random) -> Problem:
    """Verbs of main clauses go into the future: ``Returns`` becomes ``Will return``."""
    return map_prompts(problem, lambda code: _tensed(code, future=True))


@facts(threat="natural", source=f"{_RECODE}: by rules in place of back-translation")
def paraphrase(problem: Problem, rng: random.Random) -> Problem:
    """Phrases are said in other words that mean the same."""
    return map_prompts(problem, _paraphrased)


@facts(threat="natural", source="this project")
def drop_examples(problem: Problem, rng: random.Random) -> Problem:
    """The ``>>>`` examples and their expected output are left out."""
    attacked = map_prompts(problem, lambda code: _EXAMPLE.sub("", code))
    if attacked == problem:
        raise NotApplicableError("the prompt has no >>> examples")
    return attacked


@facts(threat="natural", source="this project")
def drop_types(problem: Problem, rng: random.Random) -> Problem:
    """The type hints of the functions to be written are left out."""
    attacked = map_prompts(problem, without_types)
    if attacked == problem:
        raise NotApplicableError("the prompt has no type hints")
    return attacked


def _words(problem: Problem, change: Callable[[str], str]) -> Problem:
    return map_prompts(problem, lambda code: change_words(code, change))


def _like(word: str, other: str) -> str:
    """Another word with a capital where the word has one."""
    return other[:1].upper() + other[1:] if word[:1].isupper() else other


@lru_cache(maxsize=4096)
def _tensed(code: str, *, future: bool) -> str:
    """Verbs in the third person, and commands at the start of a sentence, in a tense.

    Other base forms are infinitives, or nouns that look like them.
    """
    found, parts, at = lexicon(), [], 0
    for start, end in prose_words(code):
        word = code[start:end]
        verb = found.thirds.get(word.lower())
        if verb is None and _START.search(code, max(0, start - 40), start):
            verb = found.verbs.get(word.lower())
        if verb is not None:
            word = _like(word, f"will {verb.base}" if future else verb.past)
        parts += [code[at:start], word]
        at = end
    return "".join([*parts, code[at:]])


@lru_cache(maxsize=4096)
def _paraphrased(code: str) -> str:
    pattern, others = _phrases(lexicon())
    parts, at = [], 0
    for start, end in prose_spans(code):
        said = pattern.sub(lambda match: others[match.group()], code[start:end])
        parts += [code[at:start], said]
        at = end
    return "".join([*parts, code[at:]])


def _phrases(found: Lexicon) -> tuple[re.Pattern[str], dict[str, str]]:
    phrases = "|".join(re.escape(old) for old, _ in found.phrases)
    return re.compile(rf"\b(?:{phrases})(?!\w)"), dict(found.phrases)
