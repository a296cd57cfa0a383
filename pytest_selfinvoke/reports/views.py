"""What single cases came to under attack: for the plots and the list of cases.

A *unit* is one sample of one problem from one model in one prompt style. A *pair* is a
unit with a verdict under an attack's nominal prompt and one under the attack; units
without a verdict on either side are in no count. Rates and intervals are not made here:
they are those of :mod:`pytest_selfinvoke.metrics.assessment`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import CLEAN

#: A model on a benchmark.
Group: TypeAlias = tuple[str, str]


class Unit(NamedTuple):
    """One sample of one problem from one model."""

    model: str
    benchmark: str
    problem: str
    style: str
    sample: int

    @property
    def group(self) -> Group:
        """Model and benchmark."""
        return self.model, self.benchmark


class Pair(NamedTuple):
    """A unit's verdicts under the nominal prompt and under one variant of an attack."""

    id: str
    unit: Unit
    attack: str
    clean: bool
    attacked: bool

    @property
    def broken(self) -> bool:
        """Whether the attack took the solution away."""
        return self.clean and not self.attacked

    @property
    def fixed(self) -> bool:
        """Whether the problem is solved under the attack only."""
        return self.attacked and not self.clean


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Units that were solved clean and still are after the k strongest attacks.

    ``attacks`` are sorted by how many pairs they broke, strongest first; ``solved[k]``
    counts the units that none of the first ``k`` broke.
    """

    model: str
    benchmark: str
    attacks: tuple[str, ...]
    solved: tuple[int, ...]


class HeatCell(NamedTuple):
    """Of ``pairs`` solved clean, ``broken`` were not solved under the attack."""

    broken: int
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Problem x attack on one benchmark, over all models; what breaks most is first.

    A combination without a pair that was solved clean has no cell.
    """

    benchmark: str
    problems: tuple[str, ...]
    attacks: tuple[str, ...]
    cells: Mapping[tuple[str, str], HeatCell]

    def row(self, problem: str) -> list[HeatCell | None]:
        """A problem's cells in the order of ``attacks``."""
        return [self.cells.get((problem, attack)) for attack in self.attacks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """All of them, each in a fixed order that does not depend on arrival.

    ``effects`` says what the attack did, ``broken`` or ``fixed``, by case id.
    """

    survival: tuple[Survival, ...]
    heat: tuple[HeatMap, ...]
    effects: Mapping[str, str]


class ViewBuilder:
    """Takes records one by one and keeps their verdicts only."""

    def __init__(self) -> None:
        self._cases: dict[tuple[Unit, str, object], tuple[str, bool]] = {}

    def add(self, record: Record) -> None:
        """Note one record; of two for the same case the later one counts."""
        if not record.judged:
            return
        case = record.case
        attack = str(case["attack"])
        unit = Unit(
            model=str(case["model"]),
            benchmark=str(case["benchmark"]),
            problem=str(case["problem"]),
            style=str(case.get("style")),
            sample=int(case.get("sample") or 0),
        )
        key = (unit, attack, case.get("attack_seed"))
        self._cases[key] = (record.id, record.solved)

    def views(self, nominal: Mapping[str, str]) -> Views:
        """The views of what was added.

        :param nominal: attack -> the attack name of its nominal variant, ``clean``
            where there is none.
        """
        controls = {CLEAN.family, *nominal.values()}
        verdicts = {
            (unit, attack): solved
            for (unit, attack, _), (_, solved) in self._cases.items()
            if attack in controls
        }
        pairs = [
            Pair(id_, unit, attack, verdicts[unit, before], solved)
            for (unit, attack, _), (id_, solved) in self._cases.items()
            if attack.partition(".")[0] != CLEAN.family
            and attack not in controls
            and (unit, before := nominal.get(attack, CLEAN.attack)) in verdicts
        ]
        return Views(
            survival=_survival(pairs),
            heat=_heat(pairs),
            effects={
                pair.id: "broken" if pair.broken else "fixed"
                for pair in pairs
                if pair.broken or pair.fixed
            },
        )


def _survival(pairs: Iterable[Pair]) -> tuple[Survival, ...]:
    units: dict[Group, set[Unit]] = defaultdict(set)
    broken: dict[Group, dict[str, set[Unit]]] = defaultdict(lambda: defaultdict(set))
    for pair in pairs:
        if pair.clean:
            units[pair.unit.group].add(pair.unit)
            found = broken[pair.unit.group][pair.attack]
            if pair.broken:
                found.add(pair.unit)
    curves = []
    for group in sorted(units):
        attacks = sorted(broken[group], key=lambda a: (-len(broken[group][a]), a))
        left = set(units[group])
        solved = [len(left)]
        for attack in attacks:
            left -= broken[group][attack]
            solved.append(len(left))
        model, benchmark = group
        curves.append(
            Survival(
                model=model,
                benchmark=benchmark,
                attacks=tuple(attacks),
                solved=tuple(solved),
            )
        )
    return tuple(curves)


def _heat(pairs: Iterable[Pair]) -> tuple[HeatMap, ...]:
    counts: dict[str, dict[tuple[str, str], list[int]]] = defaultdict(dict)
    for pair in pairs:
        if pair.clean:
            cells = counts[pair.unit.benchmark]
            cell = cells.setdefault((pair.unit.problem, pair.attack), [0, 0])
            cell[0] += pair.broken
            cell[1] += 1
    return tuple(_heat_map(name, counts[name]) for name in sorted(counts))


def _heat_map(name: str, counts: Mapping[tuple[str, str], list[int]]) -> HeatMap:
    problems: Counter[str] = Counter()
    attacks: Counter[str] = Counter()
    for (problem, attack), (broken, _) in counts.items():
        problems[problem] += broken
        attacks[attack] += broken
    return HeatMap(
        benchmark=name,
        problems=tuple(sorted(problems, key=lambda p: (-problems[p], p))),
        attacks=tuple(sorted(attacks, key=lambda a: (-attacks[a], a))),
        cells={key: HeatCell(*cell) for key, cell in counts.items()},
    )
