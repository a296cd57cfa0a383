"""Family ``recode``: the perturbed prompts that ReCode has released.

A file holds one JSON object a line with the fields of HumanEval, its prompt perturbed,
and is loaded as one attack: ``recode:FILE.jsonl.gz``. The variant of a problem is the
record with the same number. Threat model: natural. Source: the perturbed data of Wang
et al., arXiv 2212.10264.

Nothing is repaired: records that are broken, or equal to the clean prompt, stay so.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, facts
from pytest_selfinvoke.attacks.json_lines import attack_name, read_objects
from pytest_selfinvoke.attacks.partial import GIVEN
from pytest_selfinvoke.attacks.renaming import renamed_code
from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.core.registry import Registry

_SOURCE = "ReCode's released data, arXiv 2212.10264"
_FIELDS = ("prompt", "entry_point", "canonical_solution")
_SPLIT = re.compile(r"^[ \t]*# print\('@@this is the line to split##'\)\n", re.M)
_DIGITS = re.compile(r"(\d+)$")


def register_file(path: Path, attacks: Registry[Attack]) -> str:
    """Register a file's attack, and give its name: ``recode.`` and that of the file.

    :raises UserError: if there is no such file, or another of the same name.
    """
    name = attack_name("recode", path)
    records = _Records(path=path)
    nominal = "clean"
    if any("partial" in record for record in records.load().values()):
        nominal = f"{name}.nominal"
        attacks.define(nominal, _nominal(records))
    attacks.define(name, _perturbed(records, nominal))
    return name


@dataclass(frozen=True, slots=True)
class _Records:
    """The records of a file, read when first needed."""

    path: Path

    def of(self, problem: Problem) -> dict[str, Any]:
        """The record of a problem.

        :raises NotApplicableError: if there is none.
        """
        number = _DIGITS.search(problem.id)
        key = (problem.benchmark, int(number[1]) if number else -1)
        record = self.load().get(key)
        if record is None:
            raise NotApplicableError(f"{self.path.name} has no record of {problem.id}")
        return record

    def load(self) -> dict[tuple[str, int], dict[str, Any]]:
        """(benchmark, number) -> record."""
        return _load(self.path, self.path.stat().st_mtime_ns)


def _perturbed(records: _Records, nominal_name: str) -> Attack:
    @facts(threat="natural", source=_SOURCE, nominal=nominal_name, seeded=False)
    def perturbed(problem: Problem, rng: random.Random) -> Problem:
        """The prompt of ReCode's released record for the same problem."""
        record = records.of(problem)
        clean, _ = _halves(problem, record)
        if record["prompt"] == clean:
            raise NotApplicableError("the record is not perturbed")
        return _with(problem, record, record["prompt"], record["canonical_solution"])

    return perturbed


def _nominal(records: _Records) -> Attack:
    @facts(threat="control", source=_SOURCE, seeded=False)
    def nominal(problem: Problem, rng: random.Random) -> Problem:
        """The unperturbed half of the solution that a record was made from."""
        prompt, solution = _halves(problem, records.of(problem))
        if prompt == problem.target.prompt:
            return problem
        target = replace(problem.target, prompt=prompt, solution=solution)
        return replace(problem, target=target, tags=(*problem.tags, GIVEN))

    return nominal


def _halves(problem: Problem, record: dict[str, Any]) -> tuple[str, str]:
    """The clean prompt and solution that a record was made from.

    ``partial`` is a whole program with a mark where ReCode has parted it.
    """
    marked = _SPLIT.split(record.get("partial") or "", maxsplit=1)
    if len(marked) == 1:
        return problem.target.prompt, problem.target.solution
    return marked[0], marked[1]


def _with(
    problem: Problem, record: dict[str, Any], prompt: str, solution: str
) -> Problem:
    part: Part = problem.target
    name = record["entry_point"]
    target = replace(
        part,
        entry_point=name,
        prompt=prompt,
        solution=solution,
        tests=renamed_code(part.tests, {part.entry_point: name}),
    )
    tags = (*problem.tags, GIVEN) if record.get("partial") else problem.tags
    return replace(problem, target=target, tags=tags)


@lru_cache(maxsize=64)
def _load(path: Path, modified_ns: int) -> dict[tuple[str, int], dict[str, Any]]:
    found = {}
    for line, record in enumerate(read_objects(path), 1):
        kind, _, number = str(record.get("task_id", "")).partition("/")
        if not kind or not number.isdigit():
            raise DataError(
                path.name, "expected KIND/NUMBER", line=line, field="task_id"
            )
        for key in _FIELDS:
            if not isinstance(record.get(key), str):
                raise DataError(path.name, "is missing", line=line, field=key)
        found[kind.lower(), int(number)] = record
    if not found:
        raise DataError(path.name, "holds no records")
    return found
