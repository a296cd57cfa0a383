"""A run directory as a comparison needs it: its cases without their texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeAlias

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.store import MANIFEST, RECORDS, read_records, run_folder

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


def read_run(folder: Path) -> Run:
    """A run directory, or the newest one in a folder of several.

    A last line that was cut off is left out, and a note says so.

    :raises UserError: if it is none, or holds no records.
    :raises DataError: if a file is broken, or was written by a newer version.
    """
    folder = run_folder(folder)
    file = folder / RECORDS
    cases: list[Seen] = []
    notes: list[str] = []
    for number, record in enumerate(read_records(file, warn=notes.append), 1):
        try:
            cases.append(Seen.from_record(record))
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
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(file, f"not a manifest: {error!r}") from error


def _manifests(data: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return [data, *data.get("merged", ())]
