"""Two runs, case by case: what got worse or better, and what cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import CLEAN
from pytest_selfinvoke.results.store import MANIFEST, RECORDS, read_records

#: What makes a case the same in two runs: benchmark, model, problem, variant, sample.
Key: TypeAlias = tuple[str, str, str, str, int | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One case of a run without its texts. ``solved`` is ``None`` if not judged."""

    id: str
    model: str
    benchmark: str
    problem: str
    attack: str
    family: str
    attack_seed: int | None
    sample: int
    solved: bool | None
    kind: str
    problem_hash: str = ""
    prompt_hash: str = ""
    template_hash: str = ""

    @classmethod
    def from_record(cls, record: Record) -> Self:
        """What a comparison needs of a record.

        :raises KeyError: if the record has no such columns.
        """
        columns = ("id", "model", "benchmark", "problem", "attack", "family")
        return cls(
            **{name: str(record.case[name]) for name in columns},
            attack_seed=record.case["attack_seed"],
            sample=int(record.case["sample"]),
            solved=record.solved if record.judged else None,
            kind=record.failure_kind or record.status.value,
            problem_hash=record.problem_hash,
            prompt_hash=record.prompt_hash,
            template_hash=record.template_hash,
        )

    def key(self, model: str) -> Key:
        """The key under a model's name; a suite file's name is no part of it."""
        variant = (self.attack, self.attack_seed, self.sample)
        return (self.benchmark, model, self.problem, *variant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run to be compared.

    ``benchmarks`` holds their content hashes by name, as far as they are known, and
    ``notes`` what the reader of a comparison should know.
    """

    name: str
    cases: tuple[Seen, ...]
    benchmarks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The models' labels in order."""
        return tuple(sorted({case.model for case in self.cases}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A case in both runs. ``reason`` says why it is another one now, if it is."""

    now: Seen
    before: Seen
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every case of two runs, in one of seven lists.

    ``regressions``, ``improvements`` and ``same`` were judged in both runs on the same
    prompt; ``changed`` have another problem or prompt now; ``unjudged`` were judged in
    at most one; ``new`` are in this run only, ``gone`` in the baseline only.
    """

    baseline: str
    regressions: tuple[Pair, ...]
    improvements: tuple[Pair, ...]
    same: tuple[Pair, ...]
    changed: tuple[Pair, ...]
    unjudged: tuple[Pair, ...]
    new: tuple[Seen, ...]
    gone: tuple[Seen, ...]
    notes: tuple[str, ...] = ()

    @property
    def paired(self) -> tuple[Pair, ...]:
        """All that can be compared."""
        return (*self.regressions, *self.improvements, *self.same)


def read_run(folder: Path) -> Run:
    """A run directory.

    A last line that was cut off is left out, and a note says so.

    :raises UserError: if it is none, or holds no records.
    :raises DataError: if a file is broken, or was written by a newer version.
    """
    file = folder / RECORDS
    if not file.is_file():
        raise UserError(f"{folder}: no run directory, it has no {RECORDS}")
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from error
    cases, notes = [], []
    records = read_records(file)
    for number in range(1, len(lines) + 1):
        try:
            cases.append(Seen.from_record(next(records)))
        except (StopIteration, DataError):
            if number < len(lines) or not _is_torn(lines[-1]):
                raise
            notes.append(f"{folder.name}: the last line of {RECORDS} is cut off")
        except (KeyError, TypeError, ValueError) as error:
            what = f"not a record of a case: {error!r}"
            raise DataError(file, what, line=number) from error
    if not cases:
        raise UserError(f"{folder}: the run holds no records")
    return Run(
        name=folder.name,
        cases=tuple(cases),
        benchmarks=_benchmarks(folder),
        notes=tuple(notes),
    )


def check_benchmarks(now: Mapping[str, str], before: Run) -> None:
    """Make sure that benchmarks of one name hold the same problems in both runs.

    :raises UserError: naming both.
    """
    for name in sorted(now.keys() & before.benchmarks.keys()):
        if now[name] != before.benchmarks[name]:
            raise UserError(
                f"baseline {before.name}: {name} has other problems there (hash "
                f"{before.benchmarks[name][:12]}) than in this run (hash "
                f"{now[name][:12]}): compare runs of one version"
            )


def check_names(now: Iterable[str], before: Run) -> None:
    """Make sure that the runs have a benchmark in common.

    :raises UserError: naming those of both.
    """
    ours, theirs = set(now), {case.benchmark for case in before.cases}
    if not ours & theirs:
        raise UserError(
            f"baseline {before.name}: a run of {', '.join(sorted(theirs))}, not of "
            f"{', '.join(sorted(ours))}"
        )


def compare_runs(now: Run, before: Run) -> Comparison:
    """Compare each case of this run with the same case of the baseline.

    Models are matched by label; where both runs have one, these two are.

    :raises UserError: if a benchmark or an attack is another one in the two runs.
    """
    check_names({case.benchmark for case in now.cases}, before)
    check_benchmarks(now.benchmarks, before)
    renamed = {}
    if len(now.models) == len(before.models) == 1:
        renamed = {before.models[0]: now.models[0]}
    ours = _by_key(now.cases, {})
    theirs = _by_key(before.cases, renamed)
    both = [Pair(now=ours[key], before=theirs[key]) for key in ours if key in theirs]
    _check_attacks(both, before)
    found: dict[str, list[Pair]] = {}
    for pair in both:
        place, reason = _place(pair)
        one = Pair(now=pair.now, before=pair.before, reason=reason)
        found.setdefault(place, []).append(one)
    places = ("regressions", "improvements", "same", "changed", "unjudged")
    return Comparison(
        baseline=before.name,
        **{place: tuple(found.get(place, ())) for place in places},
        new=tuple(case for key, case in ours.items() if key not in theirs),
        gone=tuple(case for key, case in theirs.items() if key not in ours),
        notes=(*before.notes, *now.notes),
    )


def _by_key(cases: Iterable[Seen], renamed: Mapping[str, str]) -> dict[Key, Seen]:
    """By key, in order of keys; of two the later one, unless it was not judged."""
    found: dict[Key, Seen] = {}
    for case in cases:
        key = case.key(renamed.get(case.model, case.model))
        if key not in found or case.solved is not None:
            found[key] = case
    return dict(sorted(found.items(), key=lambda item: (item[1].id, item[0][5])))


def _place(pair: Pair) -> tuple[str, str]:
    now, before = pair.now, pair.before
    for name in ("problem", "template", "prompt"):
        ours, theirs = (getattr(case, f"{name}_hash") for case in (now, before))
        # Without a hash there was no prompt: the case was not judged.
        if ours and theirs and ours != theirs:
            return "changed", name
    if now.solved is None or before.solved is None:
        return "unjudged", ""
    if now.solved == before.solved:
        return "same", ""
    return ("improvements" if now.solved else "regressions"), ""


def _check_attacks(pairs: Iterable[Pair], before: Run) -> None:
    """Refuse an attack of which no prompt is the same on the same problems.

    :raises UserError: naming the hashes of its prompts in both runs.
    """
    prompts: dict[str, list[tuple[str, str]]] = {}
    for pair in pairs:
        now, then = pair.now, pair.before
        same = now.problem_hash == then.problem_hash
        if same and now.template_hash == then.template_hash and now.prompt_hash:
            hashes = (now.prompt_hash, then.prompt_hash)
            if then.prompt_hash and now.family != CLEAN.attack:
                prompts.setdefault(now.attack, []).append(hashes)
    for attack, found in prompts.items():
        if all(ours != theirs for ours, theirs in found):
            here = content_hash([ours for ours, _ in found])[:12]
            there = content_hash([theirs for _, theirs in found])[:12]
            raise UserError(
                f"baseline {before.name}: attack {attack} makes other prompts there "
                f"(hash {there}) than in this run (hash {here}): compare runs of one "
                "version and --seed"
            )


def _is_torn(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return True
    return not line.endswith(b"\n")


def _benchmarks(folder: Path) -> dict[str, str]:
    """Name -> content hash, from the manifest; nothing without one."""
    file = folder / MANIFEST
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(benchmark["name"]): str(benchmark["hash"])
            for manifest in _manifests(data)
            for plan in manifest["plans"]
            for benchmark in plan["benchmarks"]
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(file, f"not a manifest: {error!r}") from error


def _manifests(data: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [data, *data.get("merged", ())]
