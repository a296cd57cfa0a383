"""The overview's plots: a drawing, its numbers as a table, and a sentence on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_selfinvoke.metrics.assessment import Robustness
from pytest_selfinvoke.metrics.outcomes import CONTROL
from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.contents import Contents, Row
from pytest_selfinvoke.reports.html import svg
from pytest_selfinvoke.reports.html.frame import (
    LETTER,
    WIDTH,
    Colours,
    axes,
    short,
    style,
    ticks,
    whisker,
)
from pytest_selfinvoke.reports.html.plot import Plot
from pytest_selfinvoke.reports.html.routing import routing_plots
from pytest_selfinvoke.reports.robustness import Assessed
from pytest_selfinvoke.reports.views import HeatMap, Survival

#: What the steps of the heat map's colours stand for.
STEPS = ("none", "up to 25 %", "up to 50 %", "up to 75 %", "more")
#: Axes of percentages: marks at 0 and at 100 are seen whole.
EDGES = (-3, 103)
_CONTROL = (
    f" {CONTROL} is the null control: what repeating the clean prompt takes away."
)
#: Problems in one heat map, and the side of one of its cells.
ROWS, WIDE, HIGH = 40, 20.0, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The plots of one benchmark, in two columns of about the same height."""

    benchmark: str
    left: tuple[Plot, ...]
    right: tuple[Plot, ...]


def panels(contents: Contents) -> list[Panel]:
    """Every plot that has something to show."""
    models = list(dict.fromkeys(row.model for row in contents.rows))
    colours = {model: index for index, model in enumerate(models)}
    views, found = contents.views, []
    for index, benchmark in enumerate(
        dict.fromkeys(r.benchmark for r in contents.rows)
    ):
        key = f"b{index}"
        rows = [row for row in contents.rows if row.benchmark == benchmark]
        assessed = [one for one in contents.assessed if one.benchmark == benchmark]
        left = [_comparison(key, benchmark, rows, colours)]
        if any(_families(one) for one in assessed):
            left.append(_drop(key, benchmark, assessed, colours))
        if assessed:
            left.append(_scatter(key, benchmark, rows, colours))
        curves = [s for s in views.survival if s.benchmark == benchmark]
        right = [_survival(key, benchmark, curves, colours)] if curves else []
        right += [_heat(key, m) for m in views.heat if m.benchmark == benchmark]
        routed = [one for one in contents.routing if one.benchmark == benchmark]
        right += routing_plots(key, benchmark, routed, colours)
        found.append(Panel(benchmark=benchmark, left=tuple(left), right=tuple(right)))
    return found


def _comparison(
    key: str, benchmark: str, rows: Sequence[Row], colours: Colours
) -> Plot:
    with axes(rows=len(rows), labels=[row.model for row in rows]) as (figure, ax):
        for y, row in enumerate(rows):
            colour = svg.series(colours[row.model])
            whisker(ax, row.rate, y - 0.14, colour, "o", svg.PAPER)
            if row.robust is not None:
                whisker(ax, row.robust, y + 0.14, colour, "o", colour)
        ax.set_xlim(*EDGES)
        ax.set_xlabel("pass@1, %")
        drawing = svg.to_svg(
            figure,
            name=f"{key}-models",
            label=f"Models on {benchmark}: pass@1 clean and under attack",
        )
    return Plot(
        id=f"{key}-models",
        title=f"Models on {benchmark}",
        caption="Open circles: pass@1 under the clean prompt. Filled circles: robust "
        "pass@1, under every variant of every attack. Bars are 95 % intervals over "
        "problems.",
        drawing=drawing,
        headings=("Model", "Clean", "95 % interval", "Robust", "95 % interval"),
        names=1,
        rows=tuple(
            (
                row.model,
                wording.share(row.rate),
                wording.share_interval(row.rate),
                wording.share(row.robust),
                wording.share_interval(row.robust),
            )
            for row in rows
        ),
    )


def _drop(
    key: str, benchmark: str, assessed: Sequence[Assessed], colours: Colours
) -> Plot:
    drops = [(one.model, drop) for one in assessed for drop in _families(one)]
    worst: dict[str, float] = {}
    for _, drop in drops:
        worst[drop.name] = max(worst.get(drop.name, -9.0), drop.rd.value or 0.0)
    names = sorted(worst, key=lambda name: (-worst[name], name))
    models = list(dict.fromkeys(model for model, _ in drops))
    room = 0.62 / max(1, len(models) - 1)
    with axes(rows=len(names), labels=names, lines=len(models)) as (figure, ax):
        ax.axvline(0, color=svg.MUTED, linewidth=1)
        for model, drop in drops:
            y = float(names.index(drop.name))
            if len(models) > 1:
                y += room * models.index(model) - 0.31
            whisker(ax, drop.rd, y, *style(model, colours))
        ax.set_xlabel("drop, % of what is solved nominally")
        drawing = svg.to_svg(
            figure,
            name=f"{key}-drop",
            label=f"Drop per attack family on {benchmark}, with 95 % intervals",
        )
    return Plot(
        id=f"{key}-drop",
        title=f"Drop per attack family on {benchmark}",
        caption="The share of what is solved nominally that some variant of the family "
        "takes away; a point without a bar rests on too few problems."
        + (_CONTROL if CONTROL in names else ""),
        drawing=drawing,
        legend=tuple(models),
        headings=(
            *("Model", "Family", "Drop", "95 % interval", "Net of control"),
            *("Nominal", "Robust", "Broken", "Repaired", "Problems"),
        ),
        names=2,
        rows=tuple(
            (
                model,
                drop.name,
                wording.share(drop.rd),
                wording.share_interval(drop.rd),
                wording.share(drop.net_drop),
                wording.share(drop.nominal),
                wording.share(drop.rp),
                wording.share(drop.broken),
                wording.share(drop.repaired),
                str(drop.rp.n),
            )
            for model, drop in sorted(
                drops, key=lambda pair: (pair[0], names.index(pair[1].name))
            )
        ),
    )


def _families(one: Assessed) -> list[Robustness]:
    """The families of which something was judged, and the null control."""
    control = one.assessment.control
    found = [*one.assessment.families, *([] if control is None else [control])]
    return [family for family in found if family.rd.value is not None]


def _scatter(key: str, benchmark: str, rows: Sequence[Row], colours: Colours) -> Plot:
    shown = [
        (row, row.rate, row.worst.rp)
        for row in rows
        if row.worst is not None and row.rate.value is not None
    ]
    with axes(height=WIDTH * 0.78) as (figure, ax):
        ax.plot([0, 100], [0, 100], color=svg.LINE, linewidth=1, zorder=1)
        for row, clean, robust in shown:
            colour, marker = style(row.model, colours)
            x, y = 100 * (clean.value or 0), 100 * (robust.value or 0)
            if clean.low is not None and clean.high is not None:
                ax.plot([100 * clean.low, 100 * clean.high], [y, y], color=colour, lw=1)
            if robust.low is not None and robust.high is not None:
                ends = [100 * robust.low, 100 * robust.high]
                ax.plot([x, x], ends, color=colour, lw=1)
            ax.plot([x], [y], color=colour, marker=marker, markersize=8)
        ax.set_xlim(*EDGES)
        ax.set_ylim(*EDGES)
        ax.set_xlabel("pass@1 under the clean prompt, %")
        ax.set_ylabel("robust pass@1, %")
        drawing = svg.to_svg(
            figure,
            name=f"{key}-scatter",
            label=f"Clean against robust on {benchmark}, one point per model",
        )
    return Plot(
        id=f"{key}-scatter",
        title=f"Clean against robust on {benchmark}",
        caption="A model on the line loses nothing: what it solves clean it solves "
        "under every attack. Bars are 95 % intervals.",
        drawing=drawing,
        legend=tuple(row.model for row, _, _ in shown),
        headings=("Model", "Clean pass@1", "Robust pass@1", "Problems"),
        names=1,
        rows=tuple(
            (row.model, wording.share(clean), wording.share(robust), str(robust.n))
            for row, clean, robust in shown
        ),
    )


def _survival(
    key: str, benchmark: str, curves: Sequence[Survival], colours: Colours
) -> Plot:
    from matplotlib.ticker import MaxNLocator

    with axes(height=WIDTH * 0.62) as (figure, ax):
        for curve in curves:
            colour, marker = style(curve.model, colours)
            shares = [100 * solved / curve.solved[0] for solved in curve.solved]
            ax.step(
                range(len(shares)), shares, where="post", color=colour, lw=1.5, zorder=2
            )
            ax.plot(shares, color=colour, marker=marker, markersize=5, linestyle="")
        ax.set_ylim(*EDGES)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("attacks, strongest first")
        ax.set_ylabel("still solved, %")
        drawing = svg.to_svg(
            figure,
            name=f"{key}-survival",
            label=f"Survival on {benchmark} as attacks are added, strongest first",
        )
    return Plot(
        id=f"{key}-survival",
        title=f"Survival on {benchmark}",
        caption="Of what a model solves under the clean prompt, the share that none of "
        "its k strongest attacks breaks.",
        drawing=drawing,
        legend=tuple(curve.model for curve in curves),
        headings=("Model", "Attack added", "k", "Still solved", "Share"),
        names=2,
        rows=tuple(
            (
                curve.model,
                ("(clean)", *curve.attacks)[k],
                str(k),
                str(solved),
                wording.percent(solved / curve.solved[0]),
            )
            for curve in curves
            for k, solved in enumerate(curve.solved)
        ),
    )


def _heat(key: str, found: HeatMap) -> Plot:
    from matplotlib.patches import Rectangle

    problems, attacks = found.problems[:ROWS], found.attacks
    left = 12 + LETTER * max(len(short(name)) for name in problems)
    slant = [LETTER * 0.71 * len(short(name)) for name in attacks]
    # The last labels reach beyond the last column.
    right = max(8.0, *(s - WIDE * (len(slant) - i - 1) for i, s in enumerate(slant)))
    top = 12 + max(slant)
    width = max(WIDTH, left + right + WIDE * len(attacks))
    height = top + HIGH * len(problems) + 8
    margins = (left, 8.0, width - left - WIDE * len(attacks), top)
    with axes(width=width, height=height, margins=margins) as (figure, ax):
        for y, problem in enumerate(problems):
            for x, cell in enumerate(found.row(problem)):
                colour = (
                    svg.NONE if cell is None else svg.heat(cell.broken / cell.pairs)
                )
                box = Rectangle((x + 0.04, y + 0.05), 0.92, 0.9, facecolor=colour, lw=0)
                ax.add_patch(box)
        ax.set_xlim(0, len(attacks))
        ax.set_ylim(len(problems), 0)
        ax.grid(visible=False)
        ticks(ax.yaxis, problems, 0.5)
        ticks(ax.xaxis, attacks, 0.5)
        ax.xaxis.tick_top()
        for text in ax.get_xticklabels():
            text.set(rotation=45, ha="left", rotation_mode="anchor")
        ax.spines["bottom"].set_visible(False)
        drawing = svg.to_svg(
            figure,
            name=f"{key}-heat",
            label=f"Heat map of problems and attacks on {found.benchmark}",
        )
    left_out = len(found.problems) - len(problems)
    return Plot(
        id=f"{key}-heat",
        title=f"What breaks what on {found.benchmark}",
        caption="The stronger the colour, the larger the share of clean solutions, "
        "over all models, that the attack takes away. Without a cell, nothing was "
        "solved clean."
        + (f" {left_out} problems that break less are not shown." if left_out else ""),
        drawing=drawing,
        steps=STEPS,
        headings=("Problem", *found.attacks),
        names=1,
        rows=tuple(
            (
                problem,
                *(
                    "–" if cell is None else f"{cell.broken} / {cell.pairs}"
                    for cell in found.row(problem)
                ),
            )
            for problem in problems
        ),
    )
