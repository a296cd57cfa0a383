"""One model in the generation server: its engine, the engine's thread, its schedule."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pytest_selfinvoke.core.errors import GenerationError, UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.generation.batching import Answer, Schedule
from pytest_selfinvoke.generation.wire import ModelStats, one_line
from pytest_selfinvoke.models.base import Engine, Failure, Request


class EngineHost:
    """Loads one model when it is first asked for, and keeps its engine busy.

    Methods may be called from any thread; the engine is used by one thread only.

    :param label: the model's label, for messages.
    :param load: makes the engine; called once, in the engine's thread.
    :param clock: seconds, for the statistics.
    """

    def __init__(
        self,
        label: str,
        load: Callable[[], Engine],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._label = label
        self._load = load
        self._clock = clock
        self._schedule = Schedule()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._info: ModelInfo | None = None
        self._broken: UserError | GenerationError | None = None
        self._stopping = False
        self._stats = ModelStats()

    @property
    def stats(self) -> ModelStats:
        """What was done so far."""
        return self._stats

    def info(self) -> ModelInfo:
        """What is known of the model; waits until it is loaded.

        :raises UserError, GenerationError: if it cannot be loaded.
        """
        with self._changed:
            self._start()
            while self._info is None:
                self._check()
                self._changed.wait()
            return self._info

    def plan(self, requests: Iterable[Request]) -> None:
        """Announce requests. A model that cannot be loaded ignores them."""
        with self._changed:
            self._start()
            if self._broken is None:
                self._schedule.plan(requests)
                self._changed.notify_all()

    def generate(self, request: Request) -> Completion:
        """One completion; waits for it.

        :raises UserError, GenerationError: if there is none.
        """
        with self._changed:
            self._start()
            self._check()
            future = self._schedule.demand(request)
            self._changed.notify_all()
        return future.result()

    def close(self, timeout_s: float) -> None:
        """Let the engine's thread finish its batch and close the engine, or give up."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _start(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(
                target=self._run, name=f"engine {self._label}", daemon=True
            )
            self._thread.start()

    def _check(self) -> None:
        if self._broken is not None:
            # A new one each time: a raised exception keeps every frame it passed.
            raise type(self._broken)(str(self._broken))

    def _run(self) -> None:
        started = self._clock()
        try:
            engine = self._load()
            info, limit = engine.info, max(1, engine.max_batch)
        # A user's model may raise anything, SystemExit too; those who wait are told.
        except BaseException as error:
            traceback.print_exception(error)
            self._give_up(error)
            return
        with self._changed:
            self._info = info
            self._stats = replace(self._stats, load_s=self._clock() - started)
            self._changed.notify_all()
        while batch := self._next_batch(limit):
            self._generate(engine, batch)
        engine.close()

    def _give_up(self, error: BaseException) -> None:
        broken: UserError | GenerationError
        if isinstance(error, UserError):
            broken = UserError(one_line(error))
        else:
            broken = GenerationError(f"cannot load {self._label}: {one_line(error)}")
        with self._changed:
            self._broken = broken
            self._schedule.fail_all(broken)
            self._changed.notify_all()

    def _next_batch(self, limit: int) -> list[Request]:
        """Wait for work; empty when the host is closed."""
        with self._changed:
            while not self._stopping:
                if batch := self._schedule.next_batch(limit):
                    return batch
                self._changed.wait()
            return []

    def _generate(self, engine: Engine, batch: list[Request]) -> None:
        started = self._clock()
        failed: GenerationError | None = None
        answers: Sequence[Answer] = ()
        try:
            answers = _checked(engine.generate(batch), batch)
        except GenerationError as error:
            failed = error
        # As above: one batch fails, the engine's thread lives on.
        except BaseException as error:
            traceback.print_exception(error)
            failed = GenerationError(f"{self._label}: {one_line(error)}")
        with self._changed:
            self._stats = replace(
                self._stats,
                requests=self._stats.requests + len(batch),
                batches=self._stats.batches + 1,
                tokens=self._stats.tokens + _tokens(answers),
                busy_s=self._stats.busy_s + self._clock() - started,
            )
            if failed is None:
                self._schedule.complete(batch, answers)
            else:
                self._schedule.fail(batch, failed)


def _checked(answers: Sequence[Answer], batch: Sequence[Request]) -> Sequence[Answer]:
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


def _tokens(answers: Sequence[Answer]) -> int:
    return sum(
        answer.completion_tokens or 0
        for answer in answers
        if isinstance(answer, Completion)
    )
