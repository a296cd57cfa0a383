"""Completion in, program or honest verdict out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.extraction.bodies import programs_from_body, stub_of
from pytest_selfinvoke.extraction.cleaning import clean, without_reasoning
from pytest_selfinvoke.extraction.failures import Failure, explain
from pytest_selfinvoke.extraction.fences import segments
from pytest_selfinvoke.extraction.reader import (
    UNREADABLE,
    Piece,
    Statement,
    describe,
    read,
)
from pytest_selfinvoke.extraction.selection import Selection, assemble, cut, select

#: So many fences, from the last one, are tried as a body: a bound on the work.
_BODIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """A program, or the verdict that there is none.

    ``verdict`` is ``None`` where a program was found, else ``NO_CODE``,
    ``SYNTAX_ERROR`` or ``MISSING_ENTRY_POINT``; then ``detail`` says why in one line
    and ``missing`` names the entry points without a definition. ``method`` is how the
    answer was read: ``fence``, ``text``, ``continuation`` or ``body``.
    """

    program: str | None
    verdict: Verdict | None = None
    detail: str = ""
    method: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    entry_points: tuple[str, ...]
    prompt_code: str
    given: tuple[Statement, ...]
    prefix: str
    is_truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    method: str
    pieces: Sequence[Piece]
    selection: Selection

    @property
    def shortfall(self) -> tuple[int, int, int]:
        s = self.selection
        return len(s.missing), len(s.echoed), len(s.hollow)


def extract(
    text: str,
    *,
    entry_points: tuple[str, ...],
    prompt_code: str,
    prefix: str = "",
    finish_reason: str = "stop",
) -> Extracted:
    """Find the program in what a model returned, by its syntax tree.

    Work is linear in the length of the answer. Nothing is run.

    :param text: the completion.
    :param entry_points: functions that the answer must define, the base function first.
    :param prompt_code: the code shown to the model. Its imports, constants and complete
        functions become part of the program, its entry points never do.
    :param prefix: what the prompt already held of the answer; ``text`` continues it.
    :param finish_reason: ``length`` if the model was cut off.
    """
    # Model code is full of "\d"; where warnings are errors, it would not parse.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer, is_thinking = without_reasoning(clean(text))
        prompt_code = clean(prompt_code)
        given = tuple(p for p in read(prompt_code) if isinstance(p, Statement))
        task = _Task(
            entry_points=entry_points,
            prompt_code=prompt_code,
            given=given,
            prefix=clean(prefix),
            is_truncated=finish_reason == "length",
        )
        if not answer.strip():
            where = "ends inside its reasoning" if is_thinking else "is empty"
            return Extracted(
                program=None,
                verdict=Verdict.NO_CODE,
                detail=f"the answer {where}",
                missing=entry_points,
            )
        return _finish(_best_reading(answer, task), task)


def _best_reading(answer: str, task: _Task) -> _Reading:
    best = _least_missing(_readings(answer, task))
    if best.selection.is_complete:
        return best
    return _least_missing(chain([best], _body_readings(answer, best, task)))


def _least_missing(readings: Iterator[_Reading]) -> _Reading:
    """The first of the best readings; none is made after a complete one."""
    best = next(readings)
    while not best.selection.is_complete:
        reading = next(readings, None)
        if reading is None:
            break
        best = min(best, reading, key=lambda r: r.shortfall)
    return best


def _readings(answer: str, task: _Task) -> Iterator[_Reading]:
    if task.prefix:
        return _continuations(task.prefix + answer, task)
    return _readings_by_fence(answer, task)


def _continuations(text: str, task: _Task) -> Iterator[_Reading]:
    everything = read(text)
    for pieces in _truncations(everything, task):
        parts = cut(pieces, task.entry_points, task.given)
        selection = select(parts, task.entry_points, task.given, takes_first=True)
        yield _Reading(method="continuation", pieces=everything, selection=selection)


def _readings_by_fence(text: str, task: _Task) -> Iterator[_Reading]:
    everything = read(text)
    for pieces in _truncations(everything, task):
        parts = list(segments(pieces, length=len(text)))
        fenced = [s.statements for s in parts if s.info is not None]
        if fenced:
            selection = select(fenced, task.entry_points, task.given)
            yield _Reading(method="fence", pieces=everything, selection=selection)
        selection = select([s.statements for s in parts], task.entry_points, task.given)
        yield _Reading(method="text", pieces=everything, selection=selection)


def _truncations(pieces: list[Piece], task: _Task) -> Iterator[list[Piece]]:
    """The pieces without a last statement that may be cut off; then all of them."""
    if task.is_truncated and pieces and isinstance(pieces[-1], Statement):
        yield pieces[:-1]
    yield pieces


def _body_readings(answer: str, best: _Reading, task: _Task) -> Iterator[_Reading]:
    selection = best.selection
    open_names = {*selection.missing, *selection.hollow, *selection.echoed}
    name = next(n for n in reversed(task.entry_points) if n in open_names)
    stub = stub_of(name, task.prefix) or stub_of(name, task.prompt_code)
    if stub is None:
        return
    parts = segments(read(answer), length=len(answer))
    fenced = [answer[s.start : s.end] for s in parts if s.info is not None]
    for text in [*fenced[: -_BODIES - 1 : -1], answer]:
        for program in programs_from_body(text, stub):
            pieces = read(program)
            head, _ = cut(pieces, task.entry_points, task.given)
            chosen = select([head], task.entry_points, task.given)
            yield _Reading(method="body", pieces=pieces, selection=chosen)


def _finish(reading: _Reading, task: _Task) -> Extracted:
    selection = reading.selection
    if selection.missing or len(selection.echoed) == len(task.entry_points):
        failure = explain(
            reading.pieces,
            selection,
            given=task.given,
            prompt_code=task.prompt_code,
            is_truncated=task.is_truncated,
        )
    else:
        program = assemble(selection, task.given, task.entry_points)
        try:
            compile(program, "<program>", "exec", dont_inherit=True)
        except UNREADABLE as error:
            failure = Failure(
                verdict=Verdict.SYNTAX_ERROR,
                detail=f"in the program: {describe(error)}",
            )
        else:
            return Extracted(program=program, method=reading.method)
    return Extracted(
        program=None,
        verdict=failure.verdict,
        detail=failure.detail,
        method=reading.method,
        missing=selection.missing or selection.echoed,
    )
