"""Models without a model: ``oracle`` knows the answer, ``stub`` is always wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.models.base import Failure, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedEngine:
    """Answers each request on its own with a function of the request."""

    info: ModelInfo
    answer: Callable[[Request], str | Failure]
    max_batch: int = 1

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order."""
        return [self._one(request) for request in requests]

    def close(self) -> None:
        """Nothing is held."""

    def _one(self, request: Request) -> Completion | Failure:
        answer = self.answer(request)
        return Completion(text=answer) if isinstance(answer, str) else answer


class OracleKind:
    """Answers with the reference program: every case should be solved."""

    needs_reference: ClassVar[bool] = True
    plans_ahead: ClassVar[bool] = False

    def preflight(self, spec: ModelSpec) -> None:
        """Refuse an argument.

        :raises UserError: if there is one.
        """
        _refuse_argument(spec)

    def load(self, spec: ModelSpec) -> ScriptedEngine:
        """The engine."""
        return ScriptedEngine(info=_info(spec), answer=_reference)


class StubKind:
    """Defines what is asked for, and returns something that equals nothing."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = False

    def preflight(self, spec: ModelSpec) -> None:
        """Refuse an argument.

        :raises UserError: if there is one.
        """
        _refuse_argument(spec)

    def load(self, spec: ModelSpec) -> ScriptedEngine:
        """The engine."""
        return ScriptedEngine(info=_info(spec), answer=_wrong)


def _refuse_argument(spec: ModelSpec) -> None:
    if spec.argument:
        raise UserError(f"model {spec.spec!r}: write {spec.kind!r} alone")


def _info(spec: ModelSpec) -> ModelInfo:
    return ModelInfo(name=spec.kind, engine=spec.kind, chat_template=True)


def _reference(request: Request) -> str | Failure:
    if request.reference is None:
        return Failure(reason=f"{request.key}: the oracle was given no reference")
    return _fenced(request.reference)


def _wrong(request: Request) -> str | Failure:
    names: Sequence[str] = request.case.get("entry_points", ())
    if not names:
        return Failure(reason=f"{request.key}: the stub was given no function names")
    functions = [
        f"def {name}(*args, **kwargs):\n    return object()\n" for name in names
    ]
    return _fenced("\n\n".join(functions))


def _fenced(program: str) -> str:
    """A program as chat models write it."""
    return f"```python\n{program.rstrip()}\n```\n"
