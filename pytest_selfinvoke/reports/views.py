"""Plain counts over a run's records, behind the plots: computed once, pure.

A *unit* is one sample of one problem from one model in one prompt style. A *pair* is a
unit with a verdict under the clean prompt and one under an attack; units without a
verdict on either side are in no count. A second clean answer (``clean.repeat``) is a
control: it has drops, to hold the others against, and counts as an attack nowhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple, TypeAlias

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.intervals import Interval, clustered_wilson
from pytest_selfinvoke.reports.paired import difference

CLEAN = "clean"

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
    """A unit's verdicts under the clean prompt and under one variant of an attack."""

    id: str
    unit: Unit
    attack: str
    family: str
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
class Drop:
    """What an attack, or a family of them, does to one model on one benchmark.

    ``both``, ``broken``, ``fixed`` and ``neither`` count pairs by where they were
    solved. ``clean`` and ``attacked`` are mean solved rates over ``problems``, and
    ``drop`` is their difference (positive: the attack hurts) with its 95 % interval.
    """

    model: str
    benchmark: str
    name: str
    problems: int
    both: int
    broken: int
    fixed: int
    neither: int
    clean: float
    attacked: float
    drop: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One model on one benchmark.

    ``clean`` and ``attacked`` are mean solved rates over problems, the latter over all
    attacks; ``None`` without verdicts. ``everywhere`` counts the units of ``units``
    (those with at least one pair) that were solved clean and under every attack.
    """

    model: str
    benchmark: str
    clean: float | None
    clean_interval: Interval | None
    attacked: float | None
    attacked_interval: Interval | None
    units: int
    everywhere: int

    @property
    def everywhere_rate(self) -> float | None:
        """Share of units that nothing broke."""
        return self.everywhere / self.units if self.units else None


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

    def breaking(self, problem: str) -> int:
        """How many attacks broke a problem at least once."""
        return sum(cell is not None and cell.broken > 0 for cell in self.row(problem))


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """All of them, each in a fixed order that does not depend on arrival.

    ``effects`` says what the attack did, ``broken`` or ``fixed``, by case id.
    """

    families: tuple[Drop, ...]
    attacks: tuple[Drop, ...]
    comparisons: tuple[Comparison, ...]
    survival: tuple[Survival, ...]
    heat: tuple[HeatMap, ...]
    effects: Mapping[str, str]


class ViewBuilder:
    """Takes records one by one and keeps their verdicts only."""

    def __init__(self) -> None:
        self._cases: dict[tuple[Unit, str, object], tuple[str, bool]] = {}
        self._families: dict[str, str] = {}

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
        self._families[attack] = str(case.get("family") or attack.partition(".")[0])
        key = (unit, attack, case.get("attack_seed"))
        self._cases[key] = (record.id, record.solved)

    def views(self) -> Views:
        """The views of what was added."""
        cases = self._cases.items()
        clean = {unit: solved for (unit, a, _), (_, solved) in cases if a == CLEAN}
        pairs = [
            Pair(id_, unit, attack, self._families[attack], clean[unit], solved)
            for (unit, attack, _), (id_, solved) in cases
            if attack != CLEAN and unit in clean
        ]
        attacks = [pair for pair in pairs if pair.family != CLEAN]
        attacked = [
            (unit, solved)
            for (unit, attack, _), (_, solved) in cases
            if self._families[attack] != CLEAN
        ]
        return Views(
            families=_drops(pairs, lambda pair: pair.family),
            attacks=_drops(pairs, lambda pair: pair.attack),
            comparisons=_comparisons(clean, attacked, attacks),
            survival=_survival(attacks),
            heat=_heat(attacks),
            effects={
                pair.id: "broken" if pair.broken else "fixed"
                for pair in attacks
                if pair.broken or pair.fixed
            },
        )


def hardest(drops: Iterable[Drop], count: int) -> list[Drop]:
    """The drops that hurt most, the largest first; none that do not hurt."""
    hurting = [drop for drop in drops if drop.drop > 0 and not is_control(drop.name)]
    hurting.sort(key=lambda d: (-d.drop, d.model, d.benchmark, d.name))
    return hurting[:count]


def is_control(name: str) -> bool:
    """Whether an attack or a family leaves the prompt as it is."""
    return name.partition(".")[0] == CLEAN


def _drops(pairs: Iterable[Pair], name: Callable[[Pair], str]) -> tuple[Drop, ...]:
    groups: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[(*pair.unit.group, name(pair))].append(pair)
    return tuple(_drop(key, groups[key]) for key in sorted(groups))


def _drop(key: tuple[str, str, str], pairs: Sequence[Pair]) -> Drop:
    kinds = Counter((pair.clean, pair.attacked) for pair in pairs)
    clean = _rates((pair.unit.problem, pair.clean) for pair in pairs)
    attacked = _rates((pair.unit.problem, pair.attacked) for pair in pairs)
    model, benchmark, name = key
    return Drop(
        model=model,
        benchmark=benchmark,
        name=name,
        problems=len(clean),
        both=kinds[True, True],
        broken=kinds[True, False],
        fixed=kinds[False, True],
        neither=kinds[False, False],
        clean=fmean(clean),
        attacked=fmean(attacked),
        drop=fmean(clean) - fmean(attacked),
        interval=difference(clean, attacked),
    )


def _rates(verdicts: Iterable[tuple[str, bool]]) -> list[float]:
    """Solved rate of each problem, by their names: sums must not vary by arrival."""
    counts: dict[str, list[bool]] = defaultdict(list)
    for problem, solved in verdicts:
        counts[problem].append(solved)
    return [fmean(counts[problem]) for problem in sorted(counts)]


def _comparisons(
    clean: Mapping[Unit, bool],
    attacked: Iterable[tuple[Unit, bool]],
    pairs: Iterable[Pair],
) -> tuple[Comparison, ...]:
    alone: dict[Group, list[tuple[str, bool]]] = defaultdict(list)
    under: dict[Group, list[tuple[str, bool]]] = defaultdict(list)
    for unit, solved in clean.items():
        alone[unit.group].append((unit.problem, solved))
    for unit, solved in attacked:
        under[unit.group].append((unit.problem, solved))
    held: dict[Unit, bool] = {}
    for pair in pairs:
        held[pair.unit] = held.get(pair.unit, pair.clean) and pair.attacked
    units = Counter(unit.group for unit in held)
    everywhere = Counter(unit.group for unit, still in held.items() if still)
    found = []
    for group in sorted(alone.keys() | under.keys()):
        first, second = _rates(alone[group]), _rates(under[group])
        found.append(
            Comparison(
                model=group[0],
                benchmark=group[1],
                clean=fmean(first) if first else None,
                clean_interval=clustered_wilson(first) if first else None,
                attacked=fmean(second) if second else None,
                attacked_interval=clustered_wilson(second) if second else None,
                units=units[group],
                everywhere=everywhere[group],
            )
        )
    return tuple(found)


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
