"""Family ``docstring``: noise in the natural-language part of a prompt.

Threat model: natural (typing errors, careless style, missing examples). Definitions
after the families of ReCode (Wang et al., arXiv 2212.10264, section 3.2); probabilities
are those of its released configuration.
"""

from __future__ import annotations

import random
import re

from pytest_selfinvoke.attacks.base import NotApplicableError, map_prompts
from pytest_selfinvoke.attacks.prose import change_words
from pytest_selfinvoke.core.records import Problem

#: Each key of a QWERTY keyboard with the letters around it.
_NEIGHBOURS = {
    "q": "wa", "w": "qeas", "e": "wrsd", "r": "etdf", "t": "ryfg", "y": "tugh",
    "u": "yihj", "i": "uojk", "o": "ipkl", "p": "ol", "a": "qwsz", "s": "awedxz",
    "d": "serfcx", "f": "drtgvc", "g": "ftyhbv", "h": "gyujnb", "j": "huikmn",
    "k": "jiolm", "l": "kop", "z": "asx", "x": "zsdc", "c": "xdfv", "v": "cfgb",
    "b": "vghn", "n": "bhjm", "m": "njk",
}  # fmt: skip

_EXAMPLE = re.compile(
    r"^[ \t]*>>>.*\n(?:(?![ \t]*(?:>>>|\"\"\"|'''))[ \t]*\S.*\n)*", re.M
)


def butter_fingers(problem: Problem, rng: random.Random) -> Problem:
    """Each letter of the prose becomes a neighbouring key with probability 0.05."""

    def slip(letter: str) -> str:
        near = _NEIGHBOURS.get(letter.lower())
        if near is None or rng.random() >= 0.05:
            return letter
        other = rng.choice(near)
        return other.upper() if letter.isupper() else other

    return map_prompts(
        problem,
        lambda code: change_words(code, lambda word: "".join(map(slip, word))),
    )


def change_case(problem: Problem, rng: random.Random) -> Problem:
    """Each letter of the prose changes its case with probability 0.35."""

    def flip(letter: str) -> str:
        return letter.swapcase() if rng.random() < 0.35 else letter

    return map_prompts(
        problem,
        lambda code: change_words(code, lambda word: "".join(map(flip, word))),
    )


def drop_examples(problem: Problem, rng: random.Random) -> Problem:
    """The ``>>>`` examples and their expected output are left out."""
    attacked = map_prompts(problem, lambda code: _EXAMPLE.sub("", code))
    if attacked == problem:
        raise NotApplicableError("the prompt has no >>> examples")
    return attacked
