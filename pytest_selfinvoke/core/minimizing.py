"""Delta debugging: the smallest part of a change that does what the whole does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum(Generic[T]):
    """What is left of a set of changes.

    ``is_minimal`` says that leaving out any single one of ``kept`` was tried and is one
    too many; it is false where the probes did not suffice for that.
    """

    kept: tuple[T, ...]
    probes: int
    is_minimal: bool


class _SpentError(Exception):
    """No probe is left."""


def minimize(
    changes: Sequence[T], breaks: Callable[[tuple[T, ...]], bool], *, probes: int
) -> Minimum[T]:
    """A subset of the changes that breaks, from which none can be left out.

    The algorithm is ddmin (Zeller & Hildebrandt 2002, IEEE TSE 28(2), fig. 4): try
    parts, then complements of parts, then smaller parts. All changes together are taken
    to break and none to hold, without a probe. No subset is probed twice.

    :param breaks: whether a subset, in the given order, still breaks.
    :param probes: how often ``breaks`` may be called; then the smallest subset so far
        is the result.
    """
    kept = tuple(range(len(changes)))
    known: dict[tuple[int, ...], bool] = {(): False, kept: bool(kept)}
    asked = 0

    def breaking(chosen: tuple[int, ...]) -> bool:
        nonlocal asked
        if chosen not in known:
            if asked >= probes:
                raise _SpentError
            asked += 1
            known[chosen] = breaks(tuple(changes[i] for i in chosen))
        return known[chosen]

    parts = 2
    is_minimal = True
    try:
        while len(kept) > 1:
            found = next(filter(lambda s: breaking(s[0]), _smaller(kept, parts)), None)
            if found is not None:
                kept, parts = found
            elif parts < len(kept):
                parts = min(len(kept), 2 * parts)
            else:
                break
    except _SpentError:
        is_minimal = False
    return Minimum(
        kept=tuple(changes[i] for i in kept), probes=asked, is_minimal=is_minimal
    )


def _smaller(
    kept: tuple[int, ...], parts: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Subsets to try, each with the number of parts to go on with if it breaks."""
    borders = [len(kept) * n // parts for n in range(parts + 1)]
    pairs = list(pairwise(borders))
    for start, end in pairs:
        yield kept[start:end], 2
    for start, end in pairs:
        # Of two parts the complements are the parts.
        rest = kept[:start] + kept[end:]
        yield rest, min(len(rest), max(parts - 1, 2))
