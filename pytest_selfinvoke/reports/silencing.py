"""Models with silenced experts for a control experiment, as a suite file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.ids import segment
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.core.seeding import derive_rng
from pytest_selfinvoke.reports.routing import RoutingSummary


def silencing_suite(
    spec: ModelSpec,
    found: RoutingSummary,
    *,
    by: str,
    count: int,
    draws: int,
    seed: int,
) -> str:
    """The model as it is, and with ``count`` experts of every layer silenced.

    Once those that clean cases use most, once those they use least, and ``draws`` times
    some that are drawn from all.

    :param by: which tokens tell what is used: of the ``answer`` or the ``prompt``.
    :raises UserError: if a layer has not more experts than that, or none was used.
    """
    if not 0 < count < found.experts:
        raise UserError(
            f"--experts must be between 1 and {found.experts - 1}: {found.model} has"
            f" {found.experts} in a layer"
        )
    loads = {
        layer.layer: layer.load if by == "prompt" else layer.answer_load
        for layer in found.layers
    }
    if not all(loads.values()):
        raise UserError(f"{found.model}: no clean {by} of {found.benchmark} was read")
    chosen = {
        f"most-{count}": _ranked(loads, count, most=True),
        f"least-{count}": _ranked(loads, count, most=False),
        **{
            f"random-{count}-draw{n}": _drawn(found, count, seed, n)
            for n in range(1, draws + 1)
        },
    }
    lines = [
        f"# {count} of {found.experts} experts of each layer of {found.model}, by what",
        f"# clean {by}s on {found.benchmark} visit; drawn with the seed {seed}.",
        "",
        *_model(spec, spec.label, {}),
    ]
    for name, experts in chosen.items():
        label = segment(f"{spec.label}-without-{name}")
        lines += _model(spec, label, {"silence": experts})
    return "\n".join(lines)


def _ranked(
    loads: Mapping[int, Sequence[float]], count: int, *, most: bool
) -> dict[str, list[int]]:
    sign = -1 if most else 1
    return {
        str(layer): sorted(
            sorted(range(len(load)), key=lambda e: (sign * load[e], e))[:count]
        )
        for layer, load in loads.items()
    }


def _drawn(
    found: RoutingSummary, count: int, seed: int, number: int
) -> dict[str, list[int]]:
    return {
        str(layer.layer): sorted(
            derive_rng(seed, "silence", number, layer.layer).sample(
                range(found.experts), count
            )
        )
        for layer in found.layers
    }


def _model(spec: ModelSpec, label: str, options: Mapping[str, Any]) -> Iterator[str]:
    yield "[[model]]"
    for key, value in {"spec": spec.spec, "name": label, **spec.declared}.items():
        yield f"{key} = {toml_value(value)}"
    if merged := {**spec.options, **options}:
        yield f"options = {toml_value(merged)}"
    yield ""


def toml_value(value: Any) -> str:
    """A value of a TOML file, in one line."""
    if isinstance(value, Mapping):
        entries = (f"{json.dumps(k)} = {toml_value(v)}" for k, v in value.items())
        return f"{{ {', '.join(entries)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    # What JSON writes of texts, numbers and truth values is TOML too.
    return json.dumps(value, ensure_ascii=False)
