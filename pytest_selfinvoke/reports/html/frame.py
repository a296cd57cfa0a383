"""Axes in the page's look, and the marks that several plots share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.reports.html import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

#: Width of a drawing in units of the page, and of one character of a label.
WIDTH, LETTER = 400.0, 6.8
#: Names longer than this are cut in drawings; tables have them whole.
LONGEST = 26
MARKERS = "osD^vPX*"

#: Model -> number of its colour and marker.
Colours: TypeAlias = dict[str, int]


def whisker(
    axes: Axes,
    found: Estimate,
    y: float,
    colour: str,
    marker: str,
    face: str | None = None,
) -> None:
    """An estimate, a share, in row ``y``; its interval if it has one."""
    if found.value is None:
        return
    if found.low is not None and found.high is not None:
        ends = [100 * found.low, 100 * found.high]
        axes.plot(ends, [y, y], color=colour, linewidth=1.5, solid_capstyle="butt")
    face = face or colour
    axes.plot(
        [100 * found.value], [y], color=colour, marker=marker, markerfacecolor=face
    )


def style(model: str, colours: Colours) -> tuple[str, str]:
    """A model's colour and marker."""
    index = colours[model]
    return svg.series(index), MARKERS[mark(index)]


def mark(index: int) -> int:
    """The number of a model's marker: where colours begin anew, another one."""
    return (index + index // svg.SERIES) % len(MARKERS)


def short(name: str) -> str:
    """A name that fits beside a plot."""
    # XML has no way to write what cannot be printed.
    shown = "".join(c if c.isprintable() else "?" for c in name)
    if len(shown) <= LONGEST:
        return shown
    # Long names differ at their ends as often as at their beginnings.
    half = LONGEST // 2
    return f"{shown[:half]}…{shown[half + 1 - LONGEST :]}"


def ticks(axis: Axis, names: Sequence[str], shift: float = 0.0) -> None:
    """One label for each name, ``shift`` beside its row."""
    places = [i + shift for i in range(len(names))]
    axis.set_ticks(places, [short(name) for name in names])


@contextmanager
def axes(
    *,
    rows: int = 0,
    labels: Sequence[str] = (),
    lines: int = 2,
    height: float = 0.0,
    width: float = WIDTH,
    margins: tuple[float, float, float, float] | None = None,
) -> Iterator[tuple[Figure, Axes]]:
    """Empty axes in the page's look; with ``labels``, one row for each.

    :param lines: marks beside one another in a row.
    :param margins: left, bottom, right and top, in units of the page.
    """
    import matplotlib
    from matplotlib.figure import Figure

    if labels:
        height = 50 + rows * max(26, (12 if lines < 5 else 8) * lines)
        margins = (14 + LETTER * max(len(short(x)) for x in labels), 38, 14, 8)
    left, bottom, right, top = margins or (52, 38, 14, 10)
    look = {
        "text.parse_math": False,
        "font.size": 11,
        "text.color": svg.INK,
        "axes.labelcolor": svg.MUTED,
        "axes.edgecolor": svg.LINE,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "grid.color": svg.LINE,
        "grid.linewidth": 0.6,
        "figure.facecolor": "none",
        "xtick.color": svg.LINE,
        "ytick.color": svg.LINE,
        "xtick.labelcolor": svg.MUTED,
        "ytick.labelcolor": svg.INK,
        "lines.markersize": 6,
    }
    with matplotlib.rc_context(look):
        figure = Figure(figsize=(width / 72, height / 72), dpi=72)
        axes = figure.add_axes(
            (
                left / width,
                bottom / height,
                1 - (left + right) / width,
                1 - (bottom + top) / height,
            )
        )
        if labels:
            ticks(axes.yaxis, labels)
            axes.set_ylim(rows - 0.5, -0.5)
            axes.grid(visible=False, axis="y")
        axes.tick_params(length=0)
        yield figure, axes
