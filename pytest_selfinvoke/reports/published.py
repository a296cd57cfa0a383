"""Own scores beside published ones: consistent, higher, lower, or not comparable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from pytest_selfinvoke.reports import wording
from pytest_selfinvoke.reports.summary import Cell as Score
from pytest_selfinvoke.results.published import Cell

#: Own prompt style -> what the published table calls it.
_SHOTS = {
    None: "0",
    "chat": "0",
    "completion": "0",
    "zero-shot": "0",
    "one-shot": "1",
    "chain-of-thought": "0+CoT",
}
#: Of :func:`beside_table`.
PUBLISHED_HEADINGS = (
    *("model", "benchmark", "shots", "own pass@1", "95 % interval", "published"),
    "verdict",
)
_NO_WORD = re.compile(r"[^a-z0-9+]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """One published figure and the run's own, in percent.

    ``verdict`` is ``consistent`` if the published figure lies in the 95 % interval of
    the own one, ``higher`` or ``lower`` if the own one is, or ``not comparable`` for
    the ``reason``.
    """

    model: str
    benchmark: str
    shots: str
    own: float
    low: float
    high: float
    published: float
    verdict: str
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of :meth:`to_json`."""
        return cls(**data)


def beside(
    scores: Iterable[Score], cells: Sequence[Cell], plans: Sequence[Mapping[str, Any]]
) -> tuple[Beside, ...]:
    """Each published figure of the run's models and benchmarks, with the own score.

    Names are compared without case and punctuation: ``humaneval-pro`` is
    ``HumanEval Pro``.

    :param scores: of the run; those of clean prompts count.
    :param plans: of the run's manifest.
    """
    found = []
    for score in scores:
        if score.attack != "clean" or score.interval is None:
            continue
        assert score.pass_at_1 is not None
        for cell in cells:
            if (_plain(cell.model), _plain(cell.benchmark)) != (
                _plain(score.model),
                _plain(score.benchmark),
            ):
                continue
            low, high = 100 * score.interval.low, 100 * score.interval.high
            reason = _obstacle(score, cell, plans)
            row = Beside(
                model=score.model,
                benchmark=score.benchmark,
                shots=cell.shots,
                own=100 * score.pass_at_1,
                low=low,
                high=high,
                published=cell.value,
                verdict="not comparable" if reason else _verdict(cell.value, low, high),
                reason=reason,
            )
            found.append(row)
    return tuple(found)


def beside_lines(rows: Sequence[Beside]) -> Iterator[str]:
    """The table for the terminal; nothing without rows."""
    if not rows:
        return
    yield "own pass@1 beside published, in percent"
    for row in rows:
        yield (
            f"  {row.model} on {row.benchmark}: {row.own:.1f} ({row.low:.1f} to "
            f"{row.high:.1f}), {row.shots}-shot {row.published:.1f}: {row.verdict}"
        )
        if row.reason:
            yield f"    {row.reason}"


def beside_table(rows: Iterable[Beside]) -> list[tuple[str, ...]]:
    """The same as texts, below :data:`PUBLISHED_HEADINGS`."""
    return [
        (
            *(row.model, row.benchmark, row.shots),
            wording.percent(row.own / 100),
            f"{row.low:.1f} to {row.high:.1f}",
            f"{row.published:.1f}",
            row.verdict + (f": {row.reason}" if row.reason else ""),
        )
        for row in rows
    ]


def _plain(name: str) -> str:
    return _NO_WORD.sub("", name.lower())


def _verdict(published: float, low: float, high: float) -> str:
    if low <= published <= high:
        return "consistent"
    return "higher" if published < low else "lower"


def _obstacle(score: Score, cell: Cell, plans: Sequence[Mapping[str, Any]]) -> str:
    """Why the two figures are not of one protocol; empty if they may be."""
    for plan in plans:
        used = {b["name"]: (b["used"], b["problems"]) for b in plan["benchmarks"]}
        models = [model["label"] for model in plan["models"]]
        if score.benchmark not in used or score.model not in models:
            continue
        if _SHOTS.get(plan["prompt_style"]) != cell.shots:
            style = plan["prompt_style"] or "the model's own style"
            return f"prompted with {style}, published is {cell.shots}-shot"
        if plan["sampling"]["temperature"] > 0:
            return "sampled, published is greedy"
        number, total = used[score.benchmark]
        if number < total or score.problems < total:
            judged = min(number, score.problems)
            return f"{judged} of {total} problems were judged"
    return ""
