"""Which statements of an answer stand in which Markdown fence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.extraction.reader import Fence, Piece, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What stands between two fence lines; ``info`` is ``None`` outside of fences.

    ``start`` and ``end`` are character offsets in the answer.
    """

    info: str | None
    pieces: tuple[Piece, ...]
    start: int
    end: int

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The statements alone."""
        return tuple(p for p in self.pieces if isinstance(p, Statement))


def segments(pieces: Sequence[Piece], *, length: int) -> Iterator[Segment]:
    """Split an answer of ``length`` characters at its fences.

    Fences close by CommonMark's rule (spec 0.31, section 4.5): same character, at least
    as long, no info string. A fence with an info string closes an open one too, for
    models forget to; the end of the text closes what is still open.
    """
    opened: Fence | None = None
    start, inside = 0, list[Piece]()
    for piece in pieces:
        if not isinstance(piece, Fence) or not _counts(piece, opened):
            inside.append(piece)
            continue
        yield _segment(opened, inside, start, piece.start)
        opened = piece if opened is None or piece.info else None
        start, inside = piece.end, []
    yield _segment(opened, inside, start, length)


def _counts(fence: Fence, opened: Fence | None) -> bool:
    return opened is None or (
        fence.mark[0] == opened.mark[0] and len(fence.mark) >= len(opened.mark)
    )


def _segment(
    opened: Fence | None, inside: Sequence[Piece], start: int, end: int
) -> Segment:
    info = None if opened is None else opened.info
    return Segment(info=info, pieces=tuple(inside), start=start, end=end)
