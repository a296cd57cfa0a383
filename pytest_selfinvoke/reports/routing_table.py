"""Routing -> lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.reports.routing import LayerDrift, RoutingSummary

#: Layers and attacks that are named, those that drift most first.
_MOST = 4
_NAME = 40
#: The kinds of drift, in words.
KINDS = {
    "divergence": "whole prompts (JSD)",
    "change": "aligned tokens (overlap)",
}


def routing_table(found: RoutingSummary) -> Iterator[str]:
    """What routing shows of one model on one benchmark."""
    yield f"routing of {found.model} on {found.benchmark}: {cost(found)}"
    if not found.attacks:
        yield "  nothing to compare: name both, as in --attack=clean,quick"
        yield f"  {evenness_line(found.layers)}"
        return
    yield f"{'  attack':<{_NAME}}{'n':>6}{'JSD':>10}{'overlap':>9}{'aligned':>9}"
    ordered = sorted(found.attacks, key=lambda a: (-a.divergence, a.attack))
    for attack in ordered:
        name = f"  {attack.attack}"[: _NAME - 1]
        yield (
            f"{name:<{_NAME}}{attack.variants:>6}"
            f"{millibits(attack.divergence):>10}{number(attack.overlap):>9}"
            f"{attack.aligned:>9}"
        )
    most = sorted(found.layers, key=lambda x: -(x.divergence or 0.0))[:_MOST]
    layers = ", ".join(f"{x.layer} ({millibits(x.divergence)})" for x in most)
    yield f"  layers that drift most: {layers}"
    yield "  experts that drift most, by their share of a layer:"
    for one in found.drifting[:_MOST]:
        shares = f"{100 * one.clean:.1f} -> {100 * one.attacked:.1f} %"
        yield f"    layer {one.layer}, expert {one.expert}: {shares}"
    yield f"  {evenness_line(found.layers)}"
    yield "  does drift predict failure, within problems?"
    for kind, estimate in found.predicts.items():
        yield f"    by {KINDS[kind]}: {auc(estimate)}"
    if found.skipped:
        yield f"  {found.skipped} variants were left out: a prompt was not read"


def cost(found: RoutingSummary) -> str:
    """What reading took."""
    return (
        f"{found.prompts} prompts, {found.tokens:,} tokens,"
        f" {found.duration_s:.1f} s, {found.size_bytes / 1e6:.2f} MB"
    )


def evenness_line(layers: Sequence[LayerDrift]) -> str:
    """How evenly clean prompts use the experts."""
    values = [layer.evenness for layer in layers if layer.load]
    if not values:
        return "no clean prompt was read"
    return (
        "evenness of the load, clean (entropy; 1 is even):"
        f" {min(values):.2f} to {max(values):.2f} over layers"
    )


def auc(estimate: Estimate) -> str:
    """An area under a ROC curve; 0.5 is chance."""
    if estimate.value is None:
        return "no problem with both outcomes"
    if estimate.low is None or estimate.high is None:
        return f"AUC {estimate.value:.2f} (too few: {estimate.n} problems)"
    verdict = "undecided"
    if estimate.low > 0.5 or estimate.high < 0.5:
        verdict = "yes" if estimate.low > 0.5 else "the other way round"
    return (
        f"AUC {estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
        f" on {estimate.n} problems: {verdict}"
    )


def millibits(value: float | None) -> str:
    """A divergence in thousandths of a bit; a dash where there is none."""
    return "-" if value is None else f"{1000 * value:.2f} mb"


def number(value: float | None) -> str:
    """Three decimals; a dash where there is nothing to measure."""
    return "-" if value is None else f"{value:.3f}"
