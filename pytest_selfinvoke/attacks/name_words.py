"""The words that names of functions are made of: other forms, and other words.

Curated for programming English. Synonyms are those that keep what a function promises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

#: Verb -> past and ongoing form, where the rules of :func:`_verb_forms` do not tell.
_IRREGULAR_VERBS = {
    "build": "built building",
    "draw": "drew drawing",
    "eat": "ate eating",
    "find": "found finding",
    "fly": "flew flying",
    "get": "got getting",
    "has": "had having",
    "hide": "hid hiding",
    "is": "was",
    "keep": "kept keeping",
    "make": "made making",
    "pay": "paid paying",
    "put": "putting",
    "read": "reading",
    "run": "ran running",
    "send": "sent sending",
    "set": "setting",
    "split": "splitting",
    "take": "took taking",
    "write": "wrote writing",
}
_VERBS = """
    add apply arrange arrive average balance calculate call change check clean close
    collapse collect combine compare complete compress compute concatenate contain
    convert count create cube decode decrypt delete derive differ divide double
    drop duplicate encode encrypt exchange expand expect extract factorize fetch fill
    filter fix flatten flip format generate give group index insert interleave
    intersperse join list locate map mask match maximize measure merge minimize mix
    move multiply normalize open order pair parse pick play pluck process rank receive
    rearrange remove repeat replace rescale return reverse rotate round sample score
    search select separate shift shorten show shuffle simplify solve sort square start
    subtract sum summarize swap test toggle track translate trim update use validate
    verify visit walk weigh
"""
_DOUBLED = frozenset({"drop", "flip", "map", "sum", "swap", "trim"})

_IRREGULAR_NOUNS = {
    "child": "children",
    "datum": "data",
    "index": "indices",
    "matrix": "matrices",
    "person": "people",
    "prefix": "prefixes",
    "radius": "radii",
    "suffix": "suffixes",
    "vertex": "vertices",
}
_NOUNS = """
    account anagram angle answer area array average balance base bit box bracket
    bucket case cell char character chunk city cliff code coin collision color column
    combination command coordinate cost cube cuboid customer cycle cylinder date day
    deviation dict dictionary difference digit distance divisor duplicate edge element
    end event expression factor file flower fraction frequency gap grade graph grid
    group height hour integer interval item key length letter level line list mark
    maximum mean median meeting message minimum minute month move multiple name
    neighbor node num number occurrence operation order owner pair palindrome parity
    part path peak percentage perimeter permutation pixel point position power price
    prime product profit program queue range rank rectangle road root rotation row
    run score section segment sentence sequence set shape side sign solution
    space square stack star start step string student sub subarray sublist subsequence
    subset substring sum swap team term text threshold time total train tree triangle
    trip triple tuple type union unit user value vector volume vowel weight window
    word year zero
"""
#: Groups of words that mean the same in a name.
_SYNONYMS = """
    accumulate aggregate
    arrange order sort
    array list
    average mean
    build construct
    change modify alter
    char character
    check verify test
    circular cyclic
    close near
    closest nearest
    collect gather
    combine unite merge join
    common shared
    compute calculate evaluate
    concatenate join
    consecutive successive adjacent
    convert transform
    count tally
    create make generate produce
    decode decipher
    delete remove erase
    dict dictionary mapping
    diff difference
    differ vary
    distinct unique different
    duplicate repeated
    element item entry
    empty blank
    equal same identical
    exchange swap
    extract pull
    fetch get retrieve
    filter sift
    find locate detect
    first initial
    fix repair
    flatten unnest
    flip invert
    frequency rate
    greater bigger larger
    group cluster
    has contains
    highest topmost
    index position
    insert inject
    int integer
    intersection overlap
    largest biggest greatest
    last final
    len length size
    max maximum
    middle central
    min minimum
    missing absent
    monotonic monotone
    move shift
    nested embedded
    next following
    num number
    occurrence appearance
    pair couple
    parse interpret
    path route
    perimeter circumference
    pick choose select pluck
    pos position
    process handle
    prod product
    profit gain
    range span
    reorder rearrange
    replace substitute
    rescale resize
    reverse invert
    rotate turn
    score grade
    search seek
    segment section
    sequence series
    shuffle scramble
    similar alike
    simplify reduce
    smaller lesser
    smallest least
    solution answer
    solve resolve
    special particular
    split separate
    start begin
    str string
    string text
    subtract deduct
    sum total
    toggle switch
    validate verify
    word term
"""


def forms(word: str) -> tuple[str, ...]:
    """The other forms of a word in lower case: tense, or number."""
    return _known()[0].get(word, ())


def synonyms(word: str) -> tuple[str, ...]:
    """Words for a word in lower case; for a plural, plurals."""
    return _known()[1].get(word, ())


@cache
def _known() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Word -> its other forms, and word -> its synonyms."""
    nouns = {noun: _plural(noun) for noun in (*_NOUNS.split(), *_IRREGULAR_NOUNS)}
    families: list[tuple[str, ...]] = list(nouns.items())
    families += [(v, *_verb_forms(v)) for v in (*_VERBS.split(), *_IRREGULAR_VERBS)]
    groups = [line.split() for line in _SYNONYMS.strip().splitlines()]
    for group in tuple(groups):
        countable = [word for word in group if word in nouns]
        groups.append([nouns[word] for word in countable])
    return _others(families), _others(groups)


def _others(groups: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Word -> the words it shares a group with."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for word in group:
            others = found.setdefault(word, {})
            others.update({other: None for other in group if other != word})
    return {word: tuple(others) for word, others in found.items() if others}


def _plural(noun: str) -> str:
    if noun in _IRREGULAR_NOUNS:
        return _IRREGULAR_NOUNS[noun]
    if re.search(r"(s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    if re.search(r"[^aeiou]y$", noun):
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def _verb_forms(verb: str) -> tuple[str, ...]:
    if verb in _IRREGULAR_VERBS:
        return tuple(_IRREGULAR_VERBS[verb].split())
    if verb in _DOUBLED:
        stem = verb + verb[-1]
        return f"{stem}ed", f"{stem}ing"
    if verb.endswith("e"):
        return f"{verb}d", f"{verb[:-1]}ing"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ied", f"{verb}ing"
    return f"{verb}ed", f"{verb}ing"
