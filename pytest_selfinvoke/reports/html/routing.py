"""Plots of routing: drift by layer, and how evenly experts are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.html import svg
from pytest_selfinvoke.reports.html.frame import WIDTH, Colours, axes, style, ticks
from pytest_selfinvoke.reports.html.plot import Plot
from pytest_selfinvoke.reports.routing import LayerDrift, RoutingSummary
from pytest_selfinvoke.reports.routing_table import KINDS, auc, millibits, number

#: Cells of one map of experts: more make the page heavy.
CELLS = 2048
#: What the steps of its colours stand for.
STEPS = (
    "never",
    "up to half the even share",
    "up to the even share",
    "up to 1.5 times",
    "more",
)
_HIGH = 13.0


def routing_plots(
    key: str, benchmark: str, found: Sequence[RoutingSummary], colours: Colours
) -> Iterator[Plot]:
    """The plots of one benchmark; none if no routing was read."""
    if any(one.attacks for one in found):
        yield _drift(key, benchmark, [one for one in found if one.attacks], colours)
    for index, one in enumerate(found):
        if any(layer.load for layer in one.layers):
            yield _load(f"{key}-load{index}", one)


def _drift(
    key: str, benchmark: str, found: Sequence[RoutingSummary], colours: Colours
) -> Plot:
    from matplotlib.ticker import MaxNLocator

    with axes(height=WIDTH * 0.62) as (figure, ax):
        for one in found:
            colour, marker = style(one.model, colours)
            ax.plot(
                [layer.layer for layer in one.layers],
                [1000 * (layer.divergence or 0) for layer in one.layers],
                color=colour,
                marker=marker,
                markersize=5,
                linewidth=1.5,
            )
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("layer")
        ax.set_ylabel("JSD of the load, millibits")
        drawing = svg.to_svg(
            figure,
            name=f"{key}-drift-layers",
            label=f"Drift of the routing by layer on {benchmark}",
        )
    predicts = " ".join(
        f"{one.model}, by {KINDS[kind]}: {auc(estimate)}."
        for one in found
        for kind, estimate in one.predicts.items()
    )
    return Plot(
        id=f"{key}-drift-layers",
        title=f"Drift of the routing on {benchmark}",
        caption="How far the load of the experts under an attacked prompt is from that"
        " under the clean one: Jensen-Shannon divergence, mean over variants. Does it"
        f" predict failure, within problems? {predicts}",
        drawing=drawing,
        legend=tuple(one.model for one in found),
        headings=("Model", "Layer", "Divergence", "Overlap", "Evenness, clean"),
        names=1,
        rows=tuple(
            (
                one.model,
                str(layer.layer),
                millibits(layer.divergence),
                number(layer.overlap),
                f"{layer.evenness:.2f}",
            )
            for one in found
            for layer in one.layers
        ),
    )


def _load(name: str, one: RoutingSummary) -> Plot:
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

    most = max(1, CELLS // one.experts)
    shown = sorted(one.layers, key=lambda layer: layer.evenness)[:most]
    shown.sort(key=lambda layer: layer.layer)
    height = 46 + _HIGH * len(shown)
    with axes(height=height, margins=(52, 38, 14, 8)) as (figure, ax):
        for y, layer in enumerate(shown):
            for expert, share in enumerate(layer.load):
                colour = svg.heat(min(1.0, share * one.experts / 2))
                box = Rectangle((expert - 0.5, y + 0.05), 1, 0.9, fc=colour, lw=0)
                ax.add_patch(box)
        ax.set_xlim(-0.5, one.experts - 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylim(len(shown), 0)
        ax.grid(visible=False)
        ticks(ax.yaxis, [str(layer.layer) for layer in shown], 0.5)
        ax.set_xlabel("expert")
        ax.set_ylabel("layer")
        drawing = svg.to_svg(
            figure,
            name=name,
            label=f"Load of the experts of {one.model} on {one.benchmark}",
        )
    left_out = len(one.layers) - len(shown)
    return Plot(
        id=name,
        title=f"Load of the experts of {one.model}",
        caption="How often the clean prompts visit each expert, against the even share"
        f" of 1/{one.experts}."
        + (f" {left_out} layers with evener loads are not shown." if left_out else ""),
        drawing=drawing,
        steps=STEPS,
        headings=("Layer", "Evenness", "Most used experts"),
        names=1,
        rows=tuple(
            (str(layer.layer), f"{layer.evenness:.2f}", _most_used(layer))
            for layer in one.layers
        ),
    )


def _most_used(layer: LayerDrift) -> str:
    order = sorted(range(len(layer.load)), key=lambda e: (-layer.load[e], e))
    return ", ".join(f"{e} ({wording.percent(layer.load[e])})" for e in order[:4])
