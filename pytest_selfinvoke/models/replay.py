"""``replay:FILE``: completions made elsewhere, looked up case by case.

A line of the project's own format is a JSON object with ``completion`` (the text),
maybe ``finish_reason``, and what it is the completion of: ``case`` (a case's id), or
``problem`` with any of ``benchmark``, ``model``, ``attack``, ``attack_seed`` and
``sample``. A line answers every case that agrees with all it states; of several the
most specific one wins. ``models/generations.py`` has the formats of other harnesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import file_hash
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.core.tasks import task_name
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.generations import ReplayOptions, read_recording
from pytest_selfinvoke.models.options import parse_options
from pytest_selfinvoke.models.recording import Recording

#: ``FILE@format=evalplus,attack=clean``; an attack's name may hold another ``@``.
_WITH_OPTIONS = re.compile(r"(?P<path>.+?)@(?P<options>\w+=.*)", re.DOTALL)


class ReplayEngine:
    """Looks completions up."""

    max_batch = 1

    def __init__(self, path: Path, recording: Recording) -> None:
        self._path = path
        self._recording = recording
        self.info = ModelInfo(
            name=path.name,
            engine="replay",
            # What continues a prompt is judged as the continuation of one.
            chat_template=not recording.continues,
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
        _read(spec)

    def check_cases(
        self,
        spec: ModelSpec,
        cases: Iterable[Mapping[str, Any]],
        problems: Mapping[str, Sequence[str]],
    ) -> list[str]:
        """Compare the file with what will be asked; what is missing, in a line.

        :param cases: the columns of the model's cases.
        :param problems: benchmark -> the ids of all its problems, used or not.
        :raises UserError: if numbers fit several benchmarks.
        :raises DataError: if there are tasks of another benchmark.
        """
        path, options, recording = _read(spec)
        if options.benchmark:
            problems = {k: v for k, v in problems.items() if k == options.benchmark}
        _check_tasks(path, recording, problems)
        asked = list(cases)
        missing = [case for case in asked if recording.find(case) is None]
        if not missing:
            return []
        # Samples of one variant have one name here.
        names = dict.fromkeys(f"{c['problem']}::{c['attack']}" for c in missing)
        first = ", ".join([*names][:3])
        there = f"no completion for {len(missing)} of {len(asked)} cases"
        return [f"{spec.label}: {there}, the first: {first}"]

    def load(self, spec: ModelSpec) -> ReplayEngine:
        """Read the file.

        :raises UserError: as :meth:`preflight`.
        """
        path, _, recording = _read(spec)
        return ReplayEngine(path, recording)


def _read(spec: ModelSpec) -> tuple[Path, ReplayOptions, Recording]:
    if not spec.argument:
        raise UserError(f"model {spec.spec!r}: write replay:FILE.jsonl")
    match = _WITH_OPTIONS.fullmatch(spec.argument)
    if match is None or Path(spec.argument).exists():
        path, stated = Path(spec.argument), {}
    else:
        path, stated = Path(match["path"]), _stated(match["options"])
    options = parse_options(
        ReplayOptions, replace(spec, options={**spec.options, **stated})
    )
    return path, options, read_recording(path, options)


def _stated(text: str) -> dict[str, str | int]:
    """``start=20,format=bigcode`` as values of options."""
    pairs = [part.partition("=") for part in text.split(",")]
    return {
        name: int(value) if value.isdecimal() and name == "start" else value
        for name, _, value in pairs
    }


def _check_tasks(
    path: Path, recording: Recording, problems: Mapping[str, Sequence[str]]
) -> None:
    """Every task of another harness must be a problem of one benchmark."""
    known = {name: set(ids) for name, ids in problems.items()}
    unknown = []
    for task, meant in recording.tasks.items():
        found = [name for name, ids in known.items() if ids.intersection(meant)]
        if len(found) > 1:
            raise UserError(
                f"replay:{path}: {task!r} fits {' and '.join(found)}: "
                f"say which with @benchmark={found[0]}"
            )
        unknown += [] if found else [task]
    if unknown:
        first = ", ".join(map(repr, unknown[:3]))
        expected = ", ".join(
            f"{name}: {task_name(ids[0])} to {task_name(ids[-1])}"
            for name, ids in problems.items()
            if ids
        )
        raise DataError(
            path,
            f"{len(unknown)} of {len(recording.tasks)} tasks are in no benchmark of "
            f"this run, the first: {first}; expected {expected or 'no task at all'}",
        )
