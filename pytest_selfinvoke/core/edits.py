"""The single changes that lead from one text to another, to be made or left out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

#: A word, a run of blanks, a line end, or one other character.
_TOKEN = re.compile(r"\w+|[^\S\n]+|\n|[^\w\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Characters ``start`` to ``end`` of a text are replaced.

    ``text`` is the number of the text, for edits of several (the turns of a chat).
    """

    text: int
    start: int
    end: int
    replacement: str


def edits_between(before: Sequence[str], after: Sequence[str]) -> tuple[Edit, ...]:
    """The edits that turn each text into its counterpart, in order and disjoint.

    Changes are those of difflib: lines that come or go are one edit each, within lines
    that change every run of words is one.

    :raises ValueError: if there are not equally many texts.
    """
    return tuple(
        edit
        for number, (old, new) in enumerate(zip(before, after, strict=True))
        for edit in _edits(number, old, new)
    )


def edited(before: Sequence[str], edits: Iterable[Edit]) -> tuple[str, ...]:
    """The texts with some of their edits made."""
    chosen = sorted(edits, key=lambda e: (e.text, e.start, e.end))
    return tuple(
        _applied(text, [e for e in chosen if e.text == number])
        for number, text in enumerate(before)
    )


def _applied(text: str, edits: Sequence[Edit]) -> str:
    pieces, position = [], 0
    for edit in edits:
        pieces += [text[position : edit.start], edit.replacement]
        position = edit.end
    return "".join([*pieces, text[position:]])


def _edits(number: int, old: str, new: str) -> Iterator[Edit]:
    """Edits by line; by word where lines were changed into others."""
    lines = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for start, before, after in _differences(*lines):
        if not (before and after):
            yield from _by_line(number, start, before, after)
            continue
        words = _TOKEN.findall(before), _TOKEN.findall(after)
        for place, removed, added in _differences(*words):
            at = start + place
            if removed and added:
                yield Edit(
                    text=number, start=at, end=at + len(removed), replacement=added
                )
            else:
                yield from _by_line(number, at, removed, added)


def _by_line(number: int, start: int, removed: str, added: str) -> Iterator[Edit]:
    """Each line that is only removed, or only added."""
    for line in removed.splitlines(keepends=True):
        end = start + len(line)
        yield Edit(text=number, start=start, end=end, replacement="")
        start = end
    for line in added.splitlines(keepends=True):
        yield Edit(text=number, start=start, end=start, replacement=line)


def _differences(
    old: Sequence[str], new: Sequence[str]
) -> Iterator[tuple[int, str, str]]:
    """Where the pieces differ: the place in the old text, what was there, and is."""
    place = 0
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        removed, added = "".join(old[a0:a1]), "".join(new[b0:b1])
        if tag != "equal":
            yield place, removed, added
        place += len(removed)
