"""Where prompts go in a mixture of experts, clean and attacked: the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.metrics.estimate import Bootstrap, Estimate
from pytest_selfinvoke.metrics.routing import (
    aligned,
    concordance,
    divergence,
    evenness,
    load_of,
    mean_load,
    overlap,
)
from pytest_selfinvoke.results.routing import RouteFile, read_route_files

Load: TypeAlias = tuple[float, ...]

#: Experts whose load changes most, in reports.
EXPERTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDrift:
    """One layer: how evenly clean prompts use it, and what attacks change.

    ``load`` is the mean load of clean prompts, ``answer_load`` that of the answers to
    them; each is empty if there are none.
    ``divergence`` is the mean Jensen-Shannon divergence of the loads of whole prompts,
    in bits; ``overlap`` the mean Jaccard overlap of aligned tokens, ``None`` if there
    are none. Both compare an attacked prompt with its nominal one.
    """

    layer: int
    load: Load
    answer_load: Load
    evenness: float
    divergence: float | None
    overlap: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackDrift:
    """One attack: means over its variants and all layers."""

    attack: str
    variants: int
    divergence: float
    overlap: float | None
    aligned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertDrift:
    """One expert: its share of a layer's choices, clean and attacked."""

    layer: int
    expert: int
    clean: float
    attacked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingSummary:
    """One model on one benchmark.

    ``predicts`` holds the areas under the ROC curve of a variant's drift for the
    failure of its cases, within problems that are solved nominally, by the kind of
    drift: 0.5 is chance. ``skipped`` counts variants without both prompts.
    """

    model: str
    benchmark: str
    experts: int
    prompts: int
    tokens: int
    duration_s: float
    size_bytes: int
    layers: tuple[LayerDrift, ...]
    attacks: tuple[AttackDrift, ...]
    drifting: tuple[ExpertDrift, ...]
    predicts: Mapping[str, Estimate]
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drift:
    """A variant of a problem against its nominal prompt; one entry for each layer."""

    attack: str
    clean: tuple[Load, ...]
    attacked: tuple[Load, ...]
    divergences: tuple[float, ...]
    overlaps: tuple[float, ...] | None
    aligned: int
    failed: int
    solved: int
    was_solved: bool

    @property
    def divergence(self) -> float:
        """The mean over layers."""
        return fmean(self.divergences)

    @property
    def change(self) -> float | None:
        """The share of the experts of aligned tokens that are other ones."""
        return None if self.overlaps is None else 1 - fmean(self.overlaps)


@dataclass(slots=True)
class _Outcome:
    """The cases of one prompt of a problem."""

    prompt: str
    failed: int = 0
    solved: int = 0


_Key: TypeAlias = tuple[str, str]
#: Attack, seed and prompt style.
_Which: TypeAlias = tuple[str, int | None, str]


@dataclass(slots=True)
class RoutingBuilder:
    """Takes records one by one and keeps the hashes of their prompts."""

    _problems: dict[_Key, dict[str, dict[_Which, _Outcome]]] = field(
        default_factory=dict
    )

    def add(self, record: Record) -> None:
        """Note one record; one that was not judged says nothing."""
        if not record.judged or not record.prompt_hash:
            return
        case = record.case
        problems = self._problems.setdefault(
            (str(case["model"]), str(case["benchmark"])), {}
        )
        outcomes = problems.setdefault(str(case["problem"]), {})
        which = (str(case["attack"]), case["attack_seed"], str(case["style"]))
        outcome = outcomes.setdefault(which, _Outcome(prompt=record.prompt_hash))
        outcome.solved += record.solved
        outcome.failed += not record.solved

    def summaries(
        self, run: Path, nominals: Mapping[str, str]
    ) -> tuple[RoutingSummary, ...]:
        """The models of which routing was read, by model and benchmark.

        :param nominals: attack -> the attack that it is compared with.
        :raises DataError: if a file of the run is damaged.
        """
        files = {file.model: file for file in read_route_files(run)}
        return tuple(
            _summary(key, problems, files[key[0]], nominals)
            for key, problems in sorted(self._problems.items())
            if key[0] in files
        )


def _summary(
    key: _Key,
    problems: Mapping[str, Mapping[_Which, _Outcome]],
    file: RouteFile,
    nominals: Mapping[str, str],
) -> RoutingSummary:
    clean: list[Routes] = []
    by_problem: list[list[_Drift]] = []
    skipped = 0
    with file.reading() as get:
        # Not by arrival: with workers that changes from run to run.
        for _, outcomes in sorted(problems.items()):
            routes = {which: get(o.prompt) for which, o in outcomes.items()}
            clean += [
                found
                for which, found in routes.items()
                if found is not None and which[0] == CLEAN.attack
            ]
            pairs = list(_pairs(outcomes, nominals))
            drifts = [_drift(*pair, outcomes, routes) for pair in pairs]
            by_problem.append([drift for drift in drifts if drift is not None])
            skipped += drifts.count(None)
    every = [drift for drifts in by_problem for drift in drifts]
    return RoutingSummary(
        model=key[0],
        benchmark=key[1],
        experts=file.experts,
        prompts=file.prompts,
        tokens=file.tokens,
        duration_s=file.duration_s,
        size_bytes=file.size_bytes,
        layers=tuple(_layers(file.layers, clean, every)),
        attacks=tuple(_attacks(every)),
        drifting=tuple(_drifting(file.layers, every)),
        predicts=_predicts(by_problem),
        skipped=skipped,
    )


def _pairs(
    outcomes: Mapping[_Which, _Outcome], nominals: Mapping[str, str]
) -> Iterator[tuple[_Which, _Which]]:
    """Each attacked variant with its nominal one, where that was judged."""
    for which in sorted(outcomes, key=repr):
        attack, seed, style = which
        if Variant(attack=attack).family == CLEAN.family:
            continue
        name = nominals.get(attack, CLEAN.attack)
        # A nominal variant that is drawn has the seed of what it is compared with.
        for nominal in ((name, None, style), (name, seed, style)):
            if nominal in outcomes:
                yield which, nominal
                break


def _drift(
    which: _Which,
    nominal: _Which,
    outcomes: Mapping[_Which, _Outcome],
    routes: Mapping[_Which, Routes | None],
) -> _Drift | None:
    one, other = routes[nominal], routes[which]
    if one is None or other is None:
        return None
    clean, attacked = _loads(one), _loads(other)
    before, after = (r.tokens[: r.prompt_tokens] for r in (one, other))
    pairs = aligned(before, after)
    if before == after and outcomes[which].prompt != outcomes[nominal].prompt:
        # The same text in other embeddings: all of it may be treated otherwise.
        pairs = [(place, place) for place in range(len(before))]
    overlaps = [
        overlap(a, b, pairs, one.top_k)
        for a, b in (
            (one.of_layer(i), other.of_layer(i)) for i in range(len(one.layers))
        )
    ]
    return _Drift(
        attack=which[0],
        clean=clean,
        attacked=attacked,
        divergences=tuple(map(divergence, clean, attacked)),
        overlaps=tuple(o for o in overlaps if o is not None) or None,
        aligned=len(pairs),
        failed=outcomes[which].failed,
        solved=outcomes[which].solved,
        was_solved=outcomes[nominal].solved > 0,
    )


def _loads(routes: Routes) -> tuple[Load, ...]:
    """The load of the prompt in each layer."""
    layers = range(len(routes.layers))
    return tuple(load_of(routes.of_layer(i), routes.experts) for i in layers)


def _clean_load(clean: Sequence[Routes], index: int, *, answer: bool) -> Load:
    chosen = [(routes.of_layer(index, answer=answer), routes) for routes in clean]
    found = [load_of(own, routes.experts) for own, routes in chosen if own]
    return mean_load(found) if found else ()


def _layers(
    numbers: Sequence[int],
    clean: Sequence[Routes],
    drifts: Sequence[_Drift],
) -> Iterator[LayerDrift]:
    with_overlap = [d.overlaps for d in drifts if d.overlaps is not None]
    for index, number in enumerate(numbers):
        load = _clean_load(clean, index, answer=False)
        yield LayerDrift(
            layer=number,
            load=load,
            answer_load=_clean_load(clean, index, answer=True),
            evenness=evenness(load),
            divergence=_mean(d.divergences[index] for d in drifts),
            overlap=_mean(overlaps[index] for overlaps in with_overlap),
        )


def _attacks(drifts: Sequence[_Drift]) -> Iterator[AttackDrift]:
    for name in sorted({drift.attack for drift in drifts}):
        own = [drift for drift in drifts if drift.attack == name]
        changes = [drift.change for drift in own if drift.change is not None]
        yield AttackDrift(
            attack=name,
            variants=len(own),
            divergence=fmean(drift.divergence for drift in own),
            overlap=1 - fmean(changes) if changes else None,
            aligned=sum(drift.aligned for drift in own),
        )


def _drifting(
    numbers: Sequence[int], drifts: Sequence[_Drift]
) -> Sequence[ExpertDrift]:
    """The experts whose mean load differs most, the largest difference first."""
    found = []
    for index, number in enumerate(numbers):
        if not drifts:
            break
        clean = mean_load([drift.clean[index] for drift in drifts])
        attacked = mean_load([drift.attacked[index] for drift in drifts])
        found += [
            ExpertDrift(layer=number, expert=expert, clean=p, attacked=q)
            for expert, (p, q) in enumerate(zip(clean, attacked, strict=True))
        ]
    found.sort(key=lambda e: (-abs(e.attacked - e.clean), e.layer, e.expert))
    return found[:EXPERTS]


def _predicts(by_problem: Iterable[Sequence[_Drift]]) -> dict[str, Estimate]:
    """Within problems: whether the variants that fail are those that drift more."""
    solvable = [[d for d in drifts if d.was_solved] for drifts in by_problem]
    found = {}
    for name in ("divergence", "change"):
        above, below = [], []
        for drifts in solvable:
            scores = [(getattr(d, name), d) for d in drifts]
            failed = [x for x, d in scores if x is not None for _ in range(d.failed)]
            solved = [x for x, d in scores if x is not None for _ in range(d.solved)]
            if failed and solved:
                above.append(concordance(failed, solved))
                below.append(float(len(failed) * len(solved)))
        found[name] = Bootstrap().ratio(above, below)
    return found


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None
