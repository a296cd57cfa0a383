"""What a figure of the page is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One figure of the page. The first ``names`` columns of a row are no numbers."""

    id: str
    title: str
    caption: str
    drawing: str
    legend: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    headings: tuple[str, ...]
    names: int
    rows: tuple[tuple[str, ...], ...]
