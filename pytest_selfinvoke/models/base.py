"""What a model is to the rest: a *kind* that is checked cheaply, and an *engine*.

The kind is looked up by the first word of a spec (``hf:NAME``). Its ``preflight`` runs
in the controller and imports nothing heavy; its ``load`` runs in the generation server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pytest_selfinvoke.core.records import (
    Completion,
    ModelInfo,
    ModelSpec,
    Prompt,
    Sampling,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One completion asked for.

    ``key`` identifies it within the run (the case's id). ``case`` holds the case's
    columns (``Case.to_json``), for engines that look completions up. ``reference`` is
    the reference program, sent only to kinds with ``needs_reference``.
    """

    key: str
    prompt: Prompt
    sampling: Sampling
    seed: int = 0
    case: dict[str, Any] = field(default_factory=dict)
    reference: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data for the wire."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            **{
                **data,
                "prompt": Prompt.from_json(data["prompt"]),
                "sampling": Sampling(**data["sampling"]),
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one request of a batch has no completion, in one line for the user."""

    reason: str


class Engine(Protocol):
    """A loaded model. Used by one thread of the generation server at a time."""

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""

    @property
    def max_batch(self) -> int:
        """The largest number of requests that :meth:`generate` wants at once."""

    def generate(self, requests: Sequence[Request]) -> Sequence[Completion | Failure]:
        """One answer per request, in order.

        :raises GenerationError: if the whole batch failed.
        """

    def close(self) -> None:
        """Give back what the engine holds."""


@runtime_checkable
class ModelKind(Protocol):
    """Makes engines of one kind from specs. Creating a kind costs nothing."""

    #: Whether requests must carry the reference program (``oracle``).
    needs_reference: ClassVar[bool]
    #: Whether announcing requests ahead helps (it does where batches are faster).
    plans_ahead: ClassVar[bool]

    def preflight(self, spec: ModelSpec) -> None:
        """Check in the controller, cheaply, that :meth:`load` can work.

        :raises UserError: saying what to change.
        """

    def load(self, spec: ModelSpec) -> Engine:
        """Load the model, in the generation server.

        :raises UserError: if the model cannot be loaded.
        """


def has_gradients(kind: ModelKind) -> bool:
    """Whether engines of a kind can move embeddings along the model's gradients."""
    return bool(getattr(kind, "has_gradients", False))
