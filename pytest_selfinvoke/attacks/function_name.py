"""Family ``function_name``: the functions that are asked for have other names.

Threat model: natural (another convention, a slip of the finger, another word).
Definitions after the transformations of function names of ReCode (Wang et al., arXiv
2212.10264). There the text of the prompt alone is replaced; here signature, words,
examples, tests, recursion and callers are renamed together. Of a self-invoking problem
both functions are, where both can be; ``both=false`` leaves the base function.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

from pytest_selfinvoke.attacks.base import NotApplicableError, facts
from pytest_selfinvoke.attacks.docstring import NEIGHBOURS
from pytest_selfinvoke.attacks.name_words import forms, synonyms
from pytest_selfinvoke.attacks.renaming import is_free, rename
from pytest_selfinvoke.core.records import Problem

_SOURCE = "ReCode, arXiv 2212.10264, transformations of function names"
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
#: How often a name is drawn before a problem is given up.
_TRIES = 16


@facts(threat="natural", source=_SOURCE)
def camel_case(problem: Problem, rng: random.Random, *, both: bool = True) -> Problem:
    """``is_prime`` becomes ``isPrime``; a name with humps and no ``_`` gets ``_``.

    As in ReCode's released data, a name of one word stays as it is.
    """

    def other(name: str) -> Iterator[str]:
        words = [word for word in name.split("_") if word]
        if len(words) < 2:
            yield _HUMP.sub("_", name).lower()
            return
        capitals = "".join(word[0].upper() + word[1:] for word in words[1:])
        yield words[0][0].lower() + words[0][1:] + capitals

    return _renamed(problem, other, both=both)


@facts(threat="natural", source=_SOURCE)
def butter_finger(
    problem: Problem, rng: random.Random, *, both: bool = True
) -> Problem:
    """One letter becomes that of a neighbouring key."""

    def slips(name: str) -> Iterator[str]:
        places = [i for i, letter in enumerate(name) if letter.lower() in NEIGHBOURS]
        for _ in range(_TRIES if places else 0):
            place = rng.choice(places)
            letter = rng.choice(NEIGHBOURS[name[place].lower()])
            key = letter.upper() if name[place].isupper() else letter
            yield name[:place] + key + name[place + 1 :]

    return _renamed(problem, slips, both=both)


@facts(threat="natural", source=_SOURCE)
def swap_character(
    problem: Problem, rng: random.Random, *, both: bool = True
) -> Problem:
    """Two adjacent letters change places."""

    def swaps(name: str) -> Iterator[str]:
        pairs = [
            i for i, (a, b) in enumerate(pairwise(name)) if a.isalpha() and b.isalpha()
        ]
        for i in rng.sample(pairs, len(pairs)):
            yield name[:i] + name[i + 1] + name[i] + name[i + 2 :]

    return _renamed(problem, swaps, both=both)


@facts(threat="natural", source=_SOURCE)
def change_character(
    problem: Problem,
    rng: random.Random,
    *,
    probability: float = 0.35,
    both: bool = True,
) -> Problem:
    """Each letter changes its case with a probability, at least one of them."""

    def flips(name: str) -> Iterator[str]:
        for _ in range(_TRIES):
            yield "".join(
                letter.swapcase()
                if letter.isascii() and rng.random() < probability
                else letter
                for letter in name
            )

    return _renamed(problem, flips, both=both)


@facts(threat="natural", source=_SOURCE)
def inflection(problem: Problem, rng: random.Random, *, both: bool = True) -> Problem:
    """One word of the name has another tense or number: ``add`` becomes ``adding``."""
    return _renamed(problem, lambda name: _reworded(name, forms, rng), both=both)


@facts(threat="natural", source=_SOURCE)
def synonym(problem: Problem, rng: random.Random, *, both: bool = True) -> Problem:
    """One word of the name becomes another that means the same."""
    return _renamed(problem, lambda name: _reworded(name, synonyms, rng), both=both)


def _reworded(
    name: str, others: Callable[[str], tuple[str, ...]], rng: random.Random
) -> Iterator[str]:
    """The name with one word replaced, first by a word drawn at random."""
    choices = [
        (match.start(), match.end(), _in_case_of(match.group(), other))
        for match in _WORD.finditer(name)
        for other in others(match.group().lower())
    ]
    for start, end, word in rng.sample(choices, len(choices)):
        yield name[:start] + word + name[end:]


def _in_case_of(model: str, word: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word.capitalize() if model[0].isupper() else word


def _renamed(
    problem: Problem, candidates: Callable[[str], Iterable[str]], *, both: bool
) -> Problem:
    """The problem with each name replaced by its first candidate that is free.

    :raises NotApplicableError: if there is none for any name.
    """
    wanted = problem.entry_points if both else problem.entry_points[-1:]
    names: dict[str, str] = {}
    for old in dict.fromkeys(wanted):
        for new in candidates(old):
            if new not in names.values() and is_free(problem, new):
                names[old] = new
                break
    if not names:
        raise NotApplicableError("no other name of this kind is free")
    return rename(problem, names)
