"""Family ``function_name``: other names for the functions to be written.

Threat model: natural (another team's naming style, a slip of the finger). Signature,
prose, examples, tests and callers are renamed together; of a self-invoking problem both
functions are. Definitions after ReCode (Wang et al., arXiv 2212.10264, section 3.2);
where chance would change nothing, one place is changed.
"""

from __future__ import annotations

import builtins
import keyword
import random
import re
from collections.abc import Callable

from pytest_selfinvoke.attacks.base import NotApplicableError, facts
from pytest_selfinvoke.attacks.docstring import NEIGHBOURS
from pytest_selfinvoke.attacks.renaming import rename
from pytest_selfinvoke.core.records import Problem

_RECODE = "ReCode, arXiv 2212.10264, section 3.2 (function names)"
_TRIES = 20

#: word -> words that mean the same in a function's name.
_SYNONYMS = {
    "add": ("plus", "sum_up"), "all": ("every",), "any": ("some",),
    "average": ("mean",),
    "big": ("large",), "biggest": ("largest",), "build": ("make",), "by": ("per",),
    "calculate": ("compute", "determine"), "check": ("verify", "test"),
    "chars": ("letters",), "close": ("near",), "common": ("shared",),
    "compute": ("calculate",), "concatenate": ("join",), "convert": ("transform",),
    "correct": ("right",), "count": ("tally", "number_of"), "create": ("make",),
    "decode": ("decipher",), "delete": ("remove",), "difference": ("gap",),
    "digits": ("figures",), "divide": ("split",), "elements": ("items",),
    "encode": ("encipher",), "equal": ("same",), "extract": ("pull_out",),
    "fetch": ("get",), "filter": ("select",), "find": ("locate", "search"),
    "first": ("initial",), "flip": ("swap",), "fruit": ("produce",), "get": ("obtain",),
    "greatest": ("largest",), "has": ("contains",), "how": ("what",),
    "intersperse": ("interleave",), "items": ("elements",), "join": ("combine",),
    "largest": ("biggest", "greatest"), "last": ("final",), "longest": ("lengthiest",),
    "make": ("create", "build"), "many": ("numerous",), "match": ("fit",),
    "max": ("maximum",), "maximum": ("largest",), "mean": ("average",),
    "merge": ("combine",), "min": ("minimum",), "minimum": ("smallest",),
    "monotonic": ("ordered",), "multiply": ("times",), "next": ("following",),
    "number": ("figure",), "numbers": ("figures",), "odd": ("uneven",),
    "order": ("arrange",), "pairs": ("couples",), "parse": ("interpret",),
    "position": ("place",), "product": ("multiple",), "remove": ("delete", "drop"),
    "replace": ("substitute",), "reverse": ("invert",), "rounded": ("approximate",),
    "same": ("equal",), "search": ("find",), "select": ("choose",), "shift": ("move",),
    "simplify": ("reduce",), "skip": ("omit",), "smallest": ("least",),
    "solve": ("resolve",), "sort": ("order", "arrange"), "special": ("particular",),
    "split": ("divide",), "starts": ("begins",), "sum": ("total",),
    "swap": ("exchange",),
    "total": ("sum",), "triangle": ("three_sided",), "truncate": ("cut",),
    "unique": ("distinct",), "valid": ("proper",), "values": ("entries",),
    "words": ("terms",), "below": ("under",), "is": ("check_if",), "to": ("into",),
}  # fmt: skip

_IRREGULAR = {
    "is": "being", "has": "having", "get": "got", "find": "found", "make": "made",
    "build": "built", "split": "splitting", "sort": "sorted", "sum": "sums",
    "max": "maximal", "min": "minimal", "count": "counting", "list": "lists",
    "string": "strings", "number": "numbers", "element": "elements", "word": "words",
    "digit": "digits", "char": "chars", "prime": "primes", "sequence": "sequences",
    "array": "arrays", "tuple": "tuples", "value": "values", "pair": "pairs",
    "vowels": "vowel", "numbers": "number", "words": "word", "elements": "element",
    "digits": "digit", "primes": "prime", "strings": "string", "lists": "list",
}  # fmt: skip


def _part_words(name: str) -> list[str]:
    return [word for word in name.split("_") if word]


@facts(threat="natural", source=_RECODE, seeded=False)
def camel_case(problem: Problem, rng: random.Random) -> Problem:
    """``is_prime`` becomes ``isPrime``; names of one word stay."""

    def changed(name: str) -> str:
        first, *rest = _part_words(name) or [name]
        return first + "".join(word[:1].upper() + word[1:] for word in rest)

    return _renamed(problem, changed, tries=1)


@facts(threat="natural", source=_RECODE)
def butter_finger(
    problem: Problem, rng: random.Random, *, probability: float = 0.05
) -> Problem:
    """Letters of the names become neighbouring keys, at least one in each name."""

    def slip(letter: str) -> str:
        other = rng.choice(NEIGHBOURS[letter.lower()])
        return other.upper() if letter.isupper() else other

    def changed(name: str) -> str:
        can = [i for i, letter in enumerate(name) if letter.lower() in NEIGHBOURS]
        chosen = {i for i in can if rng.random() < probability}
        if can and not chosen:
            chosen = {rng.choice(can)}
        return "".join(slip(c) if i in chosen else c for i, c in enumerate(name))

    return _renamed(problem, changed)


@facts(threat="natural", source=_RECODE)
def swap_character(
    problem: Problem, rng: random.Random, *, probability: float = 0.05
) -> Problem:
    """Neighbouring letters of the names change places, at least once in each name."""

    def changed(name: str) -> str:
        letters = list(name)
        can = [
            i
            for i in range(len(name) - 1)
            if name[i : i + 2].isalpha() and name[i] != name[i + 1]
        ]
        chosen = [i for i in can if rng.random() < probability]
        for i in chosen or ([rng.choice(can)] if can else []):
            letters[i], letters[i + 1] = letters[i + 1], letters[i]
        return "".join(letters)

    return _renamed(problem, changed)


@facts(threat="natural", source=_RECODE)
def change_character(
    problem: Problem, rng: random.Random, *, probability: float = 0.35
) -> Problem:
    """Letters of the names change their case, at least one in each name."""

    def changed(name: str) -> str:
        can = [i for i, letter in enumerate(name) if letter.isalpha()]
        chosen = {i for i in can if rng.random() < probability}
        if can and not chosen:
            chosen = {rng.choice(can)}
        return "".join(c.swapcase() if i in chosen else c for i, c in enumerate(name))

    return _renamed(problem, changed)


@facts(threat="natural", source=_RECODE)
def inflection(problem: Problem, rng: random.Random) -> Problem:
    """One word of each name takes another form: ``add`` becomes ``adding``."""
    return _renamed(problem, lambda name: _one_word(name, _inflected, rng))


@facts(threat="natural", source=_RECODE)
def synonym(problem: Problem, rng: random.Random) -> Problem:
    """One word of each name becomes one that means the same."""

    def other(word: str) -> str:
        known = _SYNONYMS.get(word.lower())
        return word if known is None else rng.choice(known)

    return _renamed(problem, lambda name: _one_word(name, other, rng))


def _inflected(word: str) -> str:
    lower = word.lower()
    if lower in _IRREGULAR:
        return _IRREGULAR[lower]
    if lower not in _SYNONYMS or len(lower) < 3 or lower.endswith(("est", "ed", "ing")):
        return word
    return lower[:-1] + "ing" if lower.endswith("e") else f"{lower}ing"


def _one_word(name: str, change: Callable[[str], str], rng: random.Random) -> str:
    """The name with one of its words changed, of those that can be."""
    pieces = re.split(r"(_|(?<=[a-z])(?=[A-Z]))", name)
    places = list(range(len(pieces)))
    rng.shuffle(places)
    for place in places:
        word = pieces[place]
        other = change(word) if word.isalpha() else word
        if other.lower() != word.lower():
            pieces[place] = other.capitalize() if word[:1].isupper() else other
            return "".join(pieces)
    return name


def _renamed(
    problem: Problem, change: Callable[[str], str], *, tries: int = _TRIES
) -> Problem:
    """The problem with its functions renamed, those whose name can be changed."""
    reason = NotApplicableError("no name that can be changed")
    for _ in range(tries):
        names = {}
        for old in problem.entry_points:
            new = change(old)
            if new != old and _is_free(new):
                names[old] = new
        if names and len(set(names.values())) == len(names):
            try:
                return rename(problem, names)
            except NotApplicableError as error:
                reason = error
    raise reason


def _is_free(name: str) -> bool:
    return (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and not keyword.issoftkeyword(name)
        and not hasattr(builtins, name)
        and not name.startswith("__")
    )
