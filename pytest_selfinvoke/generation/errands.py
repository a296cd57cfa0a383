"""What an engine is asked for beside completions."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_selfinvoke.core.errors import GenerationError, SelfInvokeError
from pytest_selfinvoke.generation.wire import one_line
from pytest_selfinvoke.models.base import Engine

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A function that uses the engine, and who waits for its result."""

    work: Callable[[Engine], Any]
    future: Future[Any]

    def run(self, engine: Engine) -> None:
        """Do it. Whatever it raises goes to who waits, not to the engine's thread."""
        try:
            self.future.set_result(self.work(engine))
        except SelfInvokeError as error:
            self.future.set_exception(error)
        except BaseException as error:
            traceback.print_exception(error)
            self.future.set_exception(GenerationError(one_line(error)))


class Errands:
    """Errands in the order of their arrival. The caller holds a lock."""

    def __init__(self) -> None:
        self._waiting: deque[Errand] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, work: Callable[[Engine], T]) -> Future[T]:
        """Put a function into the queue; the future has its result."""
        future: Future[T] = Future()
        self._waiting.append(Errand(work=work, future=future))
        return future

    def next(self) -> Errand:
        """Take the oldest."""
        return self._waiting.popleft()

    def fail_all(self, error: Exception) -> None:
        """Give up everything."""
        while self._waiting:
            self.next().future.set_exception(error)
