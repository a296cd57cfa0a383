"""Finished runs -> the study of alignment, architecture and attacks that they allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import combinations
from typing import Any, TypeAlias

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import ModelInfo, Variant
from pytest_selfinvoke.metrics.factorial import Study, study
from pytest_selfinvoke.metrics.factors import ALIGNMENTS, ARCHITECTURES, Factors
from pytest_selfinvoke.metrics.pairing import Arm
from pytest_selfinvoke.models.info import declare
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.robustness import outcomes_of, without_texts
from pytest_selfinvoke.results.store import MANIFEST

#: Two models that answer alike on so many cases are taken for one.
ALIKE = 20
#: What makes two loaded models one: the weights, and what changes how they are run.
_WEIGHTS = ("engine", "revision", "precision", "total_parameters")

_Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReport:
    """One study per benchmark. ``notes`` are about the models of all."""

    studies: tuple[Study, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Column:
    """The records of one model in one style on one benchmark, without their texts."""

    records: list[Record] = field(default_factory=list)
    prompts: dict[tuple[Variant, str], str] = field(default_factory=dict)
    answers: dict[tuple[str, Variant, int], str] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        case = record.case
        variant = Variant(attack=case["attack"], seed=case["attack_seed"])
        self.prompts[variant, str(case["problem"])] = record.prompt_hash
        text = (record.completion or {}).get("text")
        if text is not None:
            key = (case["problem"], variant, case["sample"])
            self.answers[key] = content_hash(text)
        self.records.append(without_texts(record))


def has_levels(infos: Iterable[ModelInfo]) -> bool:
    """Whether there are two levels of alignment, or two of architecture."""
    infos = list(infos)
    alignments = {info.alignment for info in infos} & set(ALIGNMENTS)
    architectures = {info.architecture for info in infos} & set(ARCHITECTURES)
    return len(alignments) > 1 or len(architectures) > 1


def infos_of(manifest: Mapping[str, Any]) -> dict[str, ModelInfo]:
    """What a manifest says of each model: detected, and declared.

    :raises UserError: where these contradict each other.
    """
    known = {f.name for f in fields(ModelInfo)}
    found: dict[str, ModelInfo] = {}
    for part in (manifest, *manifest.get("merged", ())):
        generation = part.get("generation") or {}
        for plan in part.get("plans", ()):
            for spec in plan.get("models", ()):
                label = str(spec["label"])
                info = (generation.get(label) or {}).get("info") or {}
                read = {k: v for k, v in info.items() if k in known and v is not None}
                default = {"name": spec["spec"], "engine": spec["spec"].split(":")[0]}
                known_info = ModelInfo.from_json({**default, **read})
                found[label] = declare(known_info, spec.get("declared") or {})
    return found


def read_study(
    runs: Sequence[Run], *, with_logistic: bool = False
) -> StudyReport | None:
    """The study of some runs; ``None`` if no factor has two levels.

    :param with_logistic: fit the logistic models, which need statsmodels.
    :raises UserError: if runs do not go together: a model or a benchmark of one name is
        another one in the other.
    :raises DataError: if a run cannot be read.
    """
    infos = _merged(runs)
    if not has_levels(infos.values()):
        return None
    columns: dict[_Key, _Column] = {}
    for run in runs:
        for record in run.records():
            _add(columns, record, run)
    twins = dict(_twins(infos, columns))
    nominal = {name: base for run in runs for name, base in run.nominal.items()}
    benchmarks = sorted({benchmark for benchmark, _, _ in columns})
    return StudyReport(
        studies=tuple(
            study(
                name,
                _arms(name, columns, infos, nominal, twins),
                with_logistic=with_logistic,
            )
            for name in benchmarks
        ),
        notes=tuple(reason for _, reason in sorted(twins.items())),
    )


def required_study(runs: Sequence[Run], *, with_logistic: bool = False) -> StudyReport:
    """The study of some runs.

    :raises UserError: as :func:`read_study`, and if there is nothing to be compared.
    """
    found = read_study(runs, with_logistic=with_logistic)
    if found is not None:
        return found
    infos = _merged(runs)
    known = (
        f"{label} ({info.alignment or 'alignment unknown'}, "
        f"{info.architecture or 'architecture unknown'})"
        for label, info in infos.items()
    )
    raise UserError(
        "only one level of alignment and of architecture: a study compares models of"
        f" two levels of one, these are {', '.join(known) or 'no models'}:"
        " run more models, or declare alignment and architecture in the suite"
    )


def _merged(runs: Sequence[Run]) -> dict[str, ModelInfo]:
    infos: dict[str, tuple[Run, ModelInfo]] = {}
    hashes: dict[str, tuple[Run, str]] = {}
    for run in runs:
        for label, info in _checked(run).items():
            other, before = infos.setdefault(label, (run, info))
            if _weights(before) != _weights(info):
                raise UserError(
                    f"model {label} is another one in {run.name} than in {other.name}:"
                    " give models different names in their suites"
                )
        for name, found in _hashes(run.manifest):
            other, kept = hashes.setdefault(name, (run, found))
            if kept != found:
                raise UserError(
                    f"benchmark {name} has other problems in {run.name} than in "
                    f"{other.name}: study runs of one version"
                )
    return {label: info for label, (_, info) in infos.items()}


def _checked(run: Run) -> dict[str, ModelInfo]:
    try:
        return infos_of(run.manifest)
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(run.path / MANIFEST, f"not a manifest: {error!r}") from error


def _hashes(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in (manifest, *manifest.get("merged", ())):
        for plan in part.get("plans", ()):
            for benchmark in plan.get("benchmarks", ()):
                yield str(benchmark["name"]), str(benchmark["hash"])


def _add(columns: dict[_Key, _Column], record: Record, run: Run) -> None:
    try:
        case = record.case
        key = (str(case["benchmark"]), str(case["model"]), str(case.get("style") or ""))
        columns.setdefault(key, _Column()).add(record)
    except (KeyError, TypeError) as error:
        raise DataError(run.file, f"not a record of a case: {error!r}") from error


def _arms(
    benchmark: str,
    columns: Mapping[_Key, _Column],
    infos: Mapping[str, ModelInfo],
    nominal: Mapping[str, str],
    twins: Mapping[str, str],
) -> Iterator[Arm]:
    for (name, label, style), column in sorted(columns.items()):
        info = infos.get(label)
        if name != benchmark or label in twins or info is None:
            continue
        yield Arm(
            factors=_factors(label, info),
            style=style,
            outcomes=outcomes_of(column.records, nominal),
            prompts=column.prompts,
        )


def _factors(label: str, info: ModelInfo) -> Factors:
    return Factors(
        model=label,
        alignment=info.alignment,
        architecture=info.architecture,
        family=info.family,
        base=info.base,
        total_parameters=info.total_parameters,
        active_parameters=info.active_parameters,
        aliases=frozenset({info.name}),
    )


def _weights(info: ModelInfo) -> tuple[Any, ...]:
    return tuple(getattr(info, name) for name in ("name", *_WEIGHTS))


def _twins(
    infos: Mapping[str, ModelInfo], columns: Mapping[_Key, _Column]
) -> Iterator[tuple[str, str]]:
    """Models that are another one under a second name, and how that was seen."""
    gone: set[str] = set()
    for one, other in combinations(sorted(infos), 2):
        if one in gone or not (reason := _same(one, other, infos, columns)):
            continue
        gone.add(other)
        yield other, f"{other} is left out: it is {one} under another name ({reason})"
        first, second = infos[one], infos[other]
        for factor in ("alignment", "architecture"):
            levels = {getattr(first, factor), getattr(second, factor)}
            if len(levels - {None}) > 1:
                what = " and ".join(sorted(map(str, levels)))
                yield one, f"{one} is left out: as {other} it has another level: {what}"


def _same(
    one: str,
    other: str,
    infos: Mapping[str, ModelInfo],
    columns: Mapping[_Key, _Column],
) -> str:
    first, second = infos[one], infos[other]
    # A commit of the hub names a state of one repository; a hash names the weights.
    hashed = (first.revision or "").startswith("sha256:")
    if first.revision and (hashed or first.name == second.name):
        names = ("revision",) if hashed else _WEIGHTS
        if all(getattr(first, name) == getattr(second, name) for name in names):
            return f"the same weights, {first.revision}"
    shared = different = 0
    for (benchmark, label, style), column in columns.items():
        twin = columns.get((benchmark, other, style))
        if label == one and twin is not None:
            both = column.answers.keys() & twin.answers.keys()
            shared += len(both)
            different += sum(column.answers[k] != twin.answers[k] for k in both)
    if shared >= ALIKE and not different:
        return f"the same completions in all {shared} cases"
    return ""
