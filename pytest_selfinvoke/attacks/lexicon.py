"""The words that attacks on prose know: synonyms, forms of verbs and nouns, phrases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from pytest_selfinvoke.core.errors import UserError

FILE = "lexicon.txt"
_SECTIONS = ("synonyms", "verbs", "nouns", "phrases")


@dataclass(frozen=True, slots=True)
class Verb:
    """The forms of a verb: ``write``, ``writes``, ``wrote``, ``writing``."""

    base: str
    third: str
    past: str
    ing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """All words in lower case; ``phrases`` keep their case, the longest come first."""

    synonyms: Mapping[str, tuple[str, ...]]
    verbs: Mapping[str, Verb]
    thirds: Mapping[str, Verb]
    numbers: Mapping[str, str]
    phrases: tuple[tuple[str, str], ...]


def parse(text: str) -> Lexicon:
    """A lexicon from its file's text.

    :raises UserError: naming the line that cannot be read.
    """
    found: dict[str, list[list[str]]] = {name: [] for name in _SECTIONS}
    for section, number, line in _lines(text):
        separator = {"synonyms": ":", "phrases": "=>"}.get(section)
        parts = [p.strip() for p in line.split(separator)]
        count = {"synonyms": 2, "verbs": 4, "nouns": 2, "phrases": 2}.get(section)
        if len(parts) != count or not all(parts):
            raise UserError(f"{FILE}, line {number}: cannot be read: {line!r}")
        found[section].append(parts)
    verbs = [Verb(*parts) for parts in found["verbs"]]
    phrases = [(old, new) for old, new in found["phrases"]]
    return Lexicon(
        synonyms={
            word: tuple(other.strip() for other in others.split(","))
            for word, others in found["synonyms"]
        },
        verbs={verb.base: verb for verb in verbs},
        thirds={verb.third: verb for verb in verbs},
        numbers={a: b for pair in found["nouns"] for a, b in (pair, pair[::-1])},
        phrases=tuple(sorted(phrases, key=lambda pair: len(pair[0]), reverse=True)),
    )


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that comes with the package.

    :raises UserError: if it is missing or broken.
    """
    try:
        text = (resources.files(__package__) / FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{FILE} of pytest-selfinvoke cannot be read ({error.strerror}): "
            "install the package again"
        ) from error
    return parse(text)


def _lines(text: str) -> Iterator[tuple[str, int, str]]:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            yield section, number, line
