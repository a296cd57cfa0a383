"""``pytest --selfinvoke-list``: what is registered, with its facts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from pytest_selfinvoke.plugin.runtime import Registries
from pytest_selfinvoke.prompts import BUILTIN as STYLES


def listing(registries: Registries) -> Iterator[str]:
    """The lines of the listing."""
    yield "benchmarks"
    for name in registries.benchmarks:
        info = registries.benchmarks.get(name).info
        yield f"  {name} {info.version}: {info.description}"
        yield f"      licence {info.licence}; cite {info.citation}"
    yield "attacks"
    for name in registries.attacks:
        yield f"  {name}: {_first_line(registries.attacks.get(name))}"
    yield "models"
    for name in registries.models:
        yield f"  {name}: {registries.models.reference(name)}"
    yield "prompt styles"
    for name in sorted(STYLES):
        yield f"  {name}"
    yield "  template:FILE"


def _first_line(value: object) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]
