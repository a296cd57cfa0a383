"""The overview's plots: a drawing, its numbers as a table, and a sentence on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_selfinvoke.metrics.intervals import wilson
from pytest_selfinvoke.reports import wording
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
from pytest_selfinvoke.reports.views import Comparison, HeatMap, Survival, Views

#: What the steps of the heat map's colours stand for.
STEPS = ("none", "up to 25 %", "up to 50 %", "up to 75 %", "more")
#: Axes of percentages: marks at 0 and at 100 are seen whole.
EDGES = (-3, 103)
#: Problems in one heat map, and the side of one of its cells.
ROWS, WIDE, HIGH = 40, 20.0, 15.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The plots of one benchmark, in two columns of about the same height."""

    benchmark: str
    left: tuple[Plot, ...]
    right: tuple[Plot, ...]


def panels(views: Views) -> list[Panel]:
    """Every plot that has something to show."""
    models = list(dict.fromkeys(c.model for c in views.comparisons))
    colours = {model: index for index, model in enumerate(models)}
    found = []
    benchmarks = dict.fromkeys(row.benchmark for row in views.comparisons)
    for index, benchmark in enumerate(benchmarks):
        key = f"b{index}"
        rows = [c for c in views.comparisons if c.benchmark == benchmark]
        left = [_comparison(key, benchmark, rows, colours)]
        if any(c.units for c in rows):
            left.append(_drop(key, benchmark, views, colours))
            left.append(_scatter(key, benchmark, rows, colours))
        curves = [s for s in views.survival if s.benchmark == benchmark]
        right = [_survival(key, benchmark, curves, colours)] if curves else []
        right += [_heat(key, m) for m in views.heat if m.benchmark == benchmark]
        found.append(Panel(benchmark=benchmark, left=tuple(left), right=tuple(right)))
    return found


def _comparison(
    key: str, benchmark: str, rows: Sequence[Comparison], colours: Colours
) -> Plot:
    with axes(rows=len(rows), labels=[c.model for c in rows]) as (figure, ax):
        for y, row in enumerate(rows):
            colour = svg.series(colours[row.model])
            for rate, interval, shift, face in (
                (row.clean, row.clean_interval, -0.14, svg.PAPER),
                (row.attacked, row.attacked_interval, 0.14, colour),
            ):
                if rate is not None and interval is not None:
                    whisker(ax, rate, interval, y + shift, colour, "o", face)
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
        caption="Open circles: pass@1 under the clean prompt. Filled circles: the mean "
        "over all attacks. Bars are 95 % intervals over problems.",
        drawing=drawing,
        headings=("Model", "Clean", "95 % interval", "Attacked", "95 % interval"),
        names=1,
        rows=tuple(
            (
                row.model,
                wording.percent(row.clean),
                wording.interval(row.clean_interval),
                wording.percent(row.attacked),
                wording.interval(row.attacked_interval),
            )
            for row in rows
        ),
    )


def _drop(key: str, benchmark: str, views: Views, colours: Colours) -> Plot:
    drops = [d for d in views.families if d.benchmark == benchmark]
    worst = {d.name: 0.0 for d in drops}
    for d in drops:
        worst[d.name] = max(worst[d.name], d.drop)
    names = sorted(worst, key=lambda name: (-worst[name], name))
    models = list(dict.fromkeys(d.model for d in drops))
    room = 0.62 / max(1, len(models) - 1)
    with axes(rows=len(names), labels=names, lines=len(models)) as (figure, ax):
        ax.axvline(0, color=svg.MUTED, linewidth=1)
        for d in drops:
            y = float(names.index(d.name))
            if len(models) > 1:
                y += room * models.index(d.model) - 0.31
            whisker(ax, d.drop, d.interval, y, *style(d.model, colours))
        ax.set_xlabel("drop of the solved rate, percentage points")
        drawing = svg.to_svg(
            figure,
            name=f"{key}-drop",
            label=f"Drop per attack family on {benchmark}, with 95 % intervals",
        )
    return Plot(
        id=f"{key}-drop",
        title=f"Drop per attack family on {benchmark}",
        caption="Clean minus attacked, on the same problems and samples. Right of the "
        "line the attack hurts; a bar that crosses the line may be chance.",
        drawing=drawing,
        legend=tuple(models),
        headings=(
            *("Model", "Family", "Drop", "95 % interval", "Clean", "Attacked"),
            *("Both", "Broken", "Fixed", "Neither"),
        ),
        names=2,
        rows=tuple(
            (
                d.model,
                d.name,
                wording.points(d.drop),
                wording.points_interval(d.interval),
                wording.percent(d.clean),
                wording.percent(d.attacked),
                *(str(n) for n in (d.both, d.broken, d.fixed, d.neither)),
            )
            for d in sorted(drops, key=lambda d: (d.model, names.index(d.name)))
        ),
    )


def _scatter(
    key: str, benchmark: str, rows: Sequence[Comparison], colours: Colours
) -> Plot:
    shown = [row for row in rows if row.everywhere_rate is not None]
    with axes(height=WIDTH * 0.78) as (figure, ax):
        ax.plot([0, 100], [0, 100], color=svg.LINE, linewidth=1, zorder=1)
        for row in shown:
            rate, found = row.everywhere_rate, row.clean_interval
            if rate is None or row.clean is None or found is None:
                continue
            colour, marker = style(row.model, colours)
            x, y = 100 * row.clean, 100 * rate
            vertical = wilson(rate, row.units)
            ax.plot([100 * found.low, 100 * found.high], [y, y], color=colour, lw=1)
            ends = [100 * vertical.low, 100 * vertical.high]
            ax.plot([x, x], ends, color=colour, lw=1)
            ax.plot([x], [y], color=colour, marker=marker, markersize=8)
        ax.set_xlim(*EDGES)
        ax.set_ylim(*EDGES)
        ax.set_xlabel("pass@1 under the clean prompt, %")
        ax.set_ylabel("solved under every attack, %")
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
        legend=tuple(row.model for row in shown),
        headings=("Model", "Clean pass@1", "Under every attack", "Solved", "Of"),
        names=1,
        rows=tuple(
            (
                row.model,
                wording.percent(row.clean),
                wording.percent(row.everywhere_rate),
                str(row.everywhere),
                str(row.units),
            )
            for row in shown
        ),
    )


def _survival(
    key: str, benchmark: str, curves: Sequence[Survival], colours: Colours
) -> Plot:
    with axes(height=WIDTH * 0.62) as (figure, ax):
        for curve in curves:
            colour, marker = style(curve.model, colours)
            shares = [100 * solved / curve.solved[0] for solved in curve.solved]
            ax.step(
                range(len(shares)), shares, where="post", color=colour, lw=1.5, zorder=2
            )
            ax.plot(shares, color=colour, marker=marker, markersize=5, linestyle="")
        ax.set_ylim(*EDGES)
        ax.xaxis.get_major_locator().set_params(integer=True)
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
