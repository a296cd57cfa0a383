"""``replay:FILE.jsonl``: completions made elsewhere, looked up case by case.

A line is a JSON object with ``completion`` (the text), maybe ``finish_reason``, and
what it is the completion of: ``case`` (a case's id), or ``problem`` with any of
``benchmark``, ``model``, ``attack``, ``attack_seed`` and ``sample``. A line answers
every case that agrees with all it states; of several the most specific one wins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import file_hash
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.models.base import Failure, Request

#: Field of a line -> column of a case. The order decides between lines that state
#: equally many fields.
SELECTORS = {
    "case": "id",
    "attack": "attack",
    "attack_seed": "attack_seed",
    "sample": "sample",
    "model": "model",
    "benchmark": "benchmark",
    "problem": "problem",
}
_NUMBERS = ("attack_seed", "sample")
_TEXTS = ("completion", "finish_reason")

Fields: TypeAlias = tuple[str, ...]
Values: TypeAlias = tuple[Any, ...]


class Recording:
    """The completions of a file, by the fields that its lines state."""

    def __init__(self) -> None:
        self._tables: dict[Fields, dict[Values, Completion]] = {}

    def add(self, line: Mapping[str, Any]) -> bool:
        """Take in a checked line; ``False`` if it contradicts an earlier one."""
        stated = tuple(name for name in SELECTORS if name in line)
        completion = Completion(
            text=line["completion"], finish_reason=line.get("finish_reason", "stop")
        )
        table = self._tables.setdefault(stated, {})
        key = tuple(line[name] for name in stated)
        return table.setdefault(key, completion) == completion

    def rank(self) -> None:
        """Put the most specific lines first, to be found first."""
        self._tables = dict(sorted(self._tables.items(), key=_specificity))

    def find(self, case: Mapping[str, Any]) -> Completion | None:
        """The completion of the most specific line that agrees with a case."""
        for stated, table in self._tables.items():
            key = tuple(case.get(SELECTORS[name]) for name in stated)
            if key in table:
                return table[key]
        return None


def _specificity(item: tuple[Fields, object]) -> tuple[object, ...]:
    """Sort key: an exact case, then more fields before fewer, then by selector."""
    stated = item[0]
    by_order = tuple(name not in stated for name in SELECTORS)
    return ("case" not in stated, -len(stated), by_order)


def read_recording(path: Path) -> Recording:
    """Read and check a file.

    :raises UserError: if there is no such file.
    :raises DataError: naming file, line and field.
    """
    recording = Recording()
    try:
        with path.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                if not raw.strip():
                    continue
                line = _checked(raw, path, number)
                if not recording.add(line):
                    raise DataError(
                        path,
                        "an earlier line has another completion for the same case",
                        line=number,
                        field="completion",
                    )
    except OSError as error:
        raise UserError(f"replay:{path}: {error.strerror}") from error
    recording.rank()
    return recording


def _checked(raw: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"not JSON: {error}", line=number) from error
    if not isinstance(line, dict):
        raise DataError(path, "not a JSON object", line=number)
    for name, value in line.items():
        if name not in SELECTORS and name not in _TEXTS:
            known = ", ".join((*SELECTORS, *_TEXTS))
            raise DataError(
                path, f"unknown field; known: {known}", line=number, field=name
            )
        if name in _NUMBERS:
            right = type(value) is int or (value is None and name == "attack_seed")
            expected = "an integer"
        else:
            right, expected = isinstance(value, str), "a string"
        if not right:
            raise DataError(
                path, f"expected {expected}, got {value!r}", line=number, field=name
            )
    if "completion" not in line:
        raise DataError(path, "is missing", line=number, field="completion")
    if "case" not in line and "problem" not in line:
        raise DataError(path, "give this or 'problem'", line=number, field="case")
    return line


class ReplayEngine:
    """Looks completions up."""

    max_batch = 1

    def __init__(self, path: Path) -> None:
        self._path = path
        self._recording = read_recording(path)
        self.info = ModelInfo(
            name=path.name,
            engine="replay",
            chat_template=True,
            revision=file_hash(path),
        )

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order."""
        return [self._one(request) for request in requests]

    def close(self) -> None:
        """Nothing is held."""

    def _one(self, request: Request) -> Completion | Failure:
        completion = self._recording.find(request.case)
        if completion is None:
            return Failure(reason=f"no completion for {request.key} in {self._path}")
        return completion


class ReplayKind:
    """Replays a file of completions."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = False
    #: No other prompt gives another completion.
    reads_prompts: ClassVar[bool] = False

    def preflight(self, spec: ModelSpec) -> None:
        """Read and check the whole file.

        :raises UserError: if it is not named or does not exist.
        :raises DataError: naming file, line and field.
        """
        if not spec.argument:
            raise UserError(f"model {spec.spec!r}: write replay:FILE.jsonl")
        read_recording(Path(spec.argument))

    def load(self, spec: ModelSpec) -> ReplayEngine:
        """Read the file.

        :raises UserError: as :meth:`preflight`.
        """
        return ReplayEngine(Path(spec.argument))
