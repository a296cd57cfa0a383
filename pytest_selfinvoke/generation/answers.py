"""The answers to a batch: whole, without doubles, in order."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.records import Completion
from pytest_selfinvoke.generation.batching import Answer
from pytest_selfinvoke.generation.identity import question
from pytest_selfinvoke.models.base import Failure, Request


def _same(request: Request) -> str:
    return repr(question(request))


def still_open(
    batch: Sequence[Request], found: Sequence[Completion | None]
) -> list[Request]:
    """The requests that nothing was found for, equal questions once."""
    missing = (r for r, known in zip(batch, found, strict=True) if known is None)
    return list({_same(request): request for request in missing}.values())


def joined(
    batch: Sequence[Request],
    found: Sequence[Completion | None],
    distinct: Sequence[Request],
    made: Sequence[Answer],
) -> list[Answer]:
    """One answer per request of the batch, in order."""
    if len(distinct) == len(batch):
        return list(made)
    new = dict(zip(map(_same, distinct), made, strict=True))
    return [
        new[_same(request)] if known is None else known
        for request, known in zip(batch, found, strict=True)
    ]


def checked(answers: Sequence[Answer], batch: Sequence[Request]) -> Sequence[Answer]:
    """What an engine gave to a batch, if it is of the promised form.

    :raises GenerationError: if it is not.
    """
    if len(answers) != len(batch):
        raise GenerationError(
            f"the engine gave {len(answers)} answers to {len(batch)} requests"
        )
    for answer in answers:
        if not isinstance(answer, Completion | Failure):
            raise GenerationError(
                f"the engine gave a {type(answer).__name__}, expected a Completion"
            )
    return answers


def new_tokens(answers: Sequence[Answer]) -> int:
    """How many tokens the engine says that it made."""
    return sum(
        answer.completion_tokens or 0
        for answer in answers
        if isinstance(answer, Completion)
    )
