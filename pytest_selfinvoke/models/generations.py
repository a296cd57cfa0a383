"""Files of completions, as several harnesses write them.

``selfinvoke``
    JSON lines that say which case they answer: see ``models/replay.py``.
``evalplus``
    ``samples.jsonl`` of EvalPlus 0.3: JSON lines with ``task_id`` and ``solution`` (a
    program) or ``completion`` (what follows the prompt); a repeated task is another
    sample.
``codeeval-pro``
    ``results.jsonl`` of CodeEval-Pro (``eval/inference.py``, ``eval/run_api.py``): the
    same, with numbers for tasks, and a list of texts where there are several samples.
    A ``completion`` follows the raw problem.
``bigcode``
    What ``--save_generations`` of the bigcode-evaluation-harness writes: one JSON list
    with a list of programs for each task, in the order of the benchmark.

Files may be compressed by gzip.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pytest_selfinvoke.core.errors import DataError, UnknownNameError, UserError
from pytest_selfinvoke.core.tasks import listed_ids, problem_ids
from pytest_selfinvoke.models.recording import SELECTORS, Recording

FORMATS = ("selfinvoke", "evalplus", "codeeval-pro", "bigcode")
_NUMBERS = ("attack_seed", "sample")
_TEXTS = ("completion", "finish_reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What is said of a file.

    Others than ``format`` are for files of other harnesses, which do not say it:
    ``attack`` is what the prompts were changed by, ``benchmark`` is needed where
    numbers fit several. ``start`` is the place of a list's first task, ``tasks`` is a
    file that names a list's tasks, one a line.
    """

    format: str = "auto"
    attack: str = "clean"
    benchmark: str = ""
    start: int = 0
    tasks: str = ""
    deterministic: bool = False


def read_recording(path: Path, options: ReplayOptions | None = None) -> Recording:
    """Read and check a file.

    :raises UserError: if there is no such file, or no such format.
    :raises DataError: naming file, line and field.
    """
    options = options or ReplayOptions()
    if options.format not in ("auto", *FORMATS):
        raise UnknownNameError("replay format", options.format, ("auto", *FORMATS))
    if options.start < 0:
        raise UserError(f"replay option 'start' must be 0 or above: {options.start}")
    recording = Recording()
    try:
        with _opened(path) as stream:
            name = options.format
            if name == "auto":
                name = _format_of(stream)
                stream.seek(0)
            if name == "selfinvoke":
                _refuse(options)
                _read_lines(stream, path, recording)
            elif name == "bigcode":
                _read_lists(_parsed(stream.read(), path), path, recording, options)
            else:
                _read_samples(stream, path, recording, options)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(path, f"damaged gzip data: {error}") from error
    except OSError as error:
        raise UserError(f"replay:{path}: {error.strerror}") from error
    recording.rank()
    return recording


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        is_compressed = stream.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path)) if is_compressed else path.open("rb")


def _format_of(stream: BinaryIO) -> str:
    """The format by the first thing that is in the file."""
    line = next((line for line in stream if line.strip()), b"").lstrip()
    if line[:1] == b"[":
        return "bigcode"
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return "selfinvoke"
    is_sample = isinstance(first, dict) and "task_id" in first
    return "evalplus" if is_sample else "selfinvoke"


def _refuse(options: ReplayOptions) -> None:
    default = ReplayOptions()
    for name in ("attack", "benchmark", "start", "tasks"):
        if getattr(options, name) != getattr(default, name):
            raise UserError(f"replay option {name!r}: lines of this format say it")


def _parsed(raw: bytes, path: Path, number: int | None = None) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"not JSON: {error}", line=number) from error


def _objects(stream: BinaryIO, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line of JSON with its number."""
    for number, raw in enumerate(stream, start=1):
        if raw.strip():
            line = _parsed(raw, path, number)
            if not isinstance(line, dict):
                raise DataError(path, "not a JSON object", line=number)
            yield number, line


def _read_lines(stream: BinaryIO, path: Path, recording: Recording) -> None:
    for number, line in _objects(stream, path):
        _check(line, path, number)
        if not recording.add(line):
            raise DataError(
                path,
                "an earlier line has another completion for the same case",
                line=number,
                field="completion",
            )


def _check(line: dict[str, Any], path: Path, number: int) -> None:
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


def _read_samples(
    stream: BinaryIO, path: Path, recording: Recording, options: ReplayOptions
) -> None:
    samples: Counter[str] = Counter()
    for number, line in _objects(stream, path):
        task = line.get("task_id")
        if type(task) is not int and not isinstance(task, str):
            expected = f"expected a name or a number, got {task!r}"
            raise DataError(path, expected, line=number, field="task_id")
        field = "solution" if "solution" in line else "completion"
        texts = line.get(field)
        if isinstance(texts, str):
            texts = [texts]
        if not (isinstance(texts, list) and _are_texts(texts)):
            expected = "expected a text, or a list of texts"
            raise DataError(path, expected, line=number, field=field)
        recording.continues |= field == "completion"
        name = str(task)
        recording.tasks[name] = problem_ids(task)
        for text in texts:
            _add(recording, name, samples[name], text, options)
            samples[name] += 1


def _read_lists(
    data: Any, path: Path, recording: Recording, options: ReplayOptions
) -> None:
    """Programs by place; the tasks may be named by a file beside it."""
    named = _names(options)
    if not isinstance(data, list):
        raise DataError(path, "expected a JSON list with a list for each task")
    if named is not None and len(named) != len(data) + options.start:
        raise DataError(
            options.tasks,
            f"names {len(named)} tasks, but {path} has {len(data)} from "
            f"{options.start} on",
        )
    for place, programs in enumerate(data, start=options.start):
        if not (isinstance(programs, list) and _are_texts(programs)):
            raise DataError(path, f"task {place}: expected a list of programs")
        name = f"task {place}" if named is None else named[place]
        meant = listed_ids(place) if named is None else problem_ids(name)
        recording.tasks[name] = meant
        for sample, program in enumerate(programs):
            _add(recording, name, sample, program, options)


def _names(options: ReplayOptions) -> list[str] | None:
    if not options.tasks:
        return None
    try:
        return Path(options.tasks).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"replay option 'tasks': cannot read it: {error}") from error


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _add(
    recording: Recording, task: str, sample: int, text: str, options: ReplayOptions
) -> None:
    line = {"attack": options.attack, "sample": sample, "completion": text}
    if options.benchmark:
        line["benchmark"] = options.benchmark
    for problem in recording.tasks[task]:
        recording.add({**line, "problem": problem})
