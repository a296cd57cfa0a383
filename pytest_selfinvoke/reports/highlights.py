"""What to look at first: the worst attacks, the weakest problems, kinds of failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.assessment import Robustness
from pytest_selfinvoke.reports.robustness import Assessed, Fragile, with_interval
from pytest_selfinvoke.reports.summary import Cell
from pytest_selfinvoke.reports.terminal import shortened

#: How many of each.
COUNT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hurt:
    """What an attack costs one model on one benchmark."""

    on: str
    attack: Robustness


def worst_attacks(assessed: Sequence[Assessed]) -> list[Hurt]:
    """Every attack with a drop, the largest first, over all models and benchmarks."""
    found = [
        Hurt(on=_where(one), attack=attack)
        for one in assessed
        for attack in one.assessment.attacks
        if (attack.rd.value or 0) > 0
    ]
    return sorted(found, key=lambda hurt: (-(hurt.attack.rd.value or 0), hurt.on))


def weakest_problems(
    assessed: Sequence[Assessed],
) -> list[tuple[Assessed, Fragile]]:
    """Every problem that some attack breaks, and where; by the number of attacks.

    Those that were judged under one attack alone say nothing about attacks.
    """
    found = [
        (one, fragile)
        for one in assessed
        for fragile in one.fragile
        if fragile.attacks > 1
    ]
    return sorted(found, key=lambda pair: -len(pair[1].broken_by))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of failure of one model: cases of the clean prompt, and of others."""

    model: str
    name: str
    clean: int
    attacked: int


def failure_kinds(cells: Sequence[Cell]) -> list[Kind]:
    """The kinds of each model, the most frequent first."""
    counts: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for cell in cells:
        clean, attacked = counts.setdefault(cell.model, (Counter(), Counter()))
        (clean if _is_clean(cell) else attacked).update(cell.failures)
    return [
        Kind(model=model, name=name, clean=clean[name], attacked=attacked[name])
        for model, (clean, attacked) in counts.items()
        for name, _ in (clean + attacked).most_common()
    ]


def highlights(
    cells: Sequence[Cell],
    assessed: Sequence[Assessed],
    *,
    count: int | None = COUNT,
    width: int = 80,
) -> list[str]:
    """All of it as lines; nothing that the tables show as well.

    :param count: of each list; ``None`` is all.
    """
    lines: list[str] = []
    worst = worst_attacks(assessed)
    if len(worst) > 1:
        rows = [
            (one.attack.name, with_interval(one.attack.rd), one.on)
            for one in worst[:count]
        ]
        lines += [
            "",
            *_aligned(
                ("attacks that hurt most", "drop in % [95 % interval]", ""), rows, width
            ),
        ]
    weak = weakest_problems(assessed)
    if weak:
        rows = [
            (f.problem, f"{len(f.broken_by)} of {f.attacks}", _where(one))
            for one, f in weak[:count]
        ]
        headings = ("problems broken by most attacks", "attacks", "")
        lines += ["", *_aligned(headings, rows, width)]
    kinds = failure_kinds(cells)
    if any(kind.clean for kind in kinds) and any(kind.attacked for kind in kinds):
        rows = [
            (kind.name, f"{kind.clean} clean, {kind.attacked} attacked", kind.model)
            for kind in _first_of_each(kinds, count)
        ]
        lines += ["", *_aligned(("kinds of failure", "cases", ""), rows, width)]
    return lines


def _first_of_each(kinds: Sequence[Kind], count: int | None) -> list[Kind]:
    seen: Counter[str] = Counter()
    first = []
    for kind in kinds:
        seen[kind.model] += 1
        if count is None or seen[kind.model] <= count:
            first.append(kind)
    return first


def _is_clean(cell: Cell) -> bool:
    return Variant(attack=cell.attack).family == CLEAN.attack


def _where(assessed: Assessed) -> str:
    return f"{assessed.model} on {assessed.benchmark}"


def _aligned(
    headings: tuple[str, str, str], rows: Sequence[tuple[str, str, str]], width: int
) -> list[str]:
    """Three columns: a name, a number, and where; long names lose their middle."""
    first, second, third = (
        max(map(len, column)) for column in zip(headings, *rows, strict=True)
    )
    room = width - second - 4
    third = min(third, max(room - first, room // 2))
    first = min(first, room - third)
    return [
        f"{shortened(name, first):<{first}}  {number:>{second}}"
        f"  {shortened(where, third)}".rstrip()
        for name, number, where in (headings, *rows)
    ]
