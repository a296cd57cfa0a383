"""What JUnit XML says of a whole run: short properties of its test suite.

Names are ``selfinvoke.WHAT`` or ``selfinvoke.WHAT[of]``, where ``of`` names a model, a
benchmark, or model, benchmark and attack. What is not known has no property. Properties
of single test cases are in :mod:`.case`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_selfinvoke.metrics.assessment import Robustness
from pytest_selfinvoke.reports.robustness import Assessed
from pytest_selfinvoke.reports.summary import Cell

#: Of ``ModelInfo.to_json``.
_MODEL = (
    "engine",
    "engine_version",
    "architecture",
    "experts",
    "top_k",
    "total_parameters",
    "active_parameters",
    "alignment",
    "precision",
    "revision",
)


def model_properties(infos: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What is known of each model.

    :param infos: label -> the fields of ``ModelInfo``.
    """
    return {
        f"selfinvoke.{field}[{label}]": str(info[field])
        for label, info in infos.items()
        for field in _MODEL
        if info.get(field) not in (None, "")
    }


def metric_properties(
    cells: Iterable[Cell], assessed: Iterable[Assessed]
) -> dict[str, str]:
    """The numbers of the tables, as fractions of one.

    ``pass@1`` is given per attack, ``robust_pass@1`` and ``drop`` also per family and
    for the worst case (``worst``).
    """
    rates = (
        (f"pass@1[{cell.model},{cell.benchmark},{cell.attack}]", cell.pass_at_1)
        for cell in cells
    )
    found = {**dict(rates), **dict(_robust(assessed))}
    return {
        f"selfinvoke.{name}": f"{value:.4f}"
        for name, value in found.items()
        if value is not None
    }


def _robust(assessed: Iterable[Assessed]) -> Iterator[tuple[str, float | None]]:
    for one in assessed:
        for name, group in _groups(one):
            of = f"[{one.model},{one.benchmark},{name}]"
            yield f"robust_pass@{one.assessment.k}{of}", group.rp.value
            yield f"drop{of}", group.rd.value


def _groups(one: Assessed) -> Iterator[tuple[str, Robustness]]:
    found = one.assessment
    yield from ((group.name, group) for group in (*found.attacks, *found.families))
    if found.worst is not None:
        yield "worst", found.worst
