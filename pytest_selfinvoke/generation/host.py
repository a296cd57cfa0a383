"""One model in the generation server: its engine, the engine's thread, its schedule."""

from __future__ import annotations

import gc
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from pytest_selfinvoke.core.errors import GenerationError, SelfInvokeError, UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.generation.answers import (
    checked,
    joined,
    new_tokens,
    still_open,
)
from pytest_selfinvoke.generation.batching import Answer, Schedule
from pytest_selfinvoke.generation.errands import Errand, Errands
from pytest_selfinvoke.generation.shelf import Shelf
from pytest_selfinvoke.generation.slots import Slots
from pytest_selfinvoke.generation.wire import Activity, ModelStats, one_line
from pytest_selfinvoke.models.base import Engine, Request

T = TypeVar("T")

#: A batch that is not full waits so long for a plan that is on its way. Making the
#: texts of a full batch takes less, and a batch takes longer than that.
LINGER_S = 2.0


class EngineHost:
    """Answers from the store, loads the model when that is not enough, and keeps its
    engine busy.

    Methods may be called from any thread; the engine is used by one thread only.

    :param label: the model's label, for messages.
    :param load: makes the engine; called in the engine's thread, and again if the
        model had to give its place to another one.
    :param clock: seconds, for the statistics.
    :param shelf: where completions are kept, if they are.
    :param slots: places for models, if this one needs a place.
    :param careful: see :class:`Schedule`.
    """

    def __init__(
        self,
        label: str,
        load: Callable[[], Engine],
        clock: Callable[[], float] = time.perf_counter,
        *,
        shelf: Shelf | None = None,
        slots: Slots | None = None,
        careful: bool = False,
    ) -> None:
        self._label = label
        self._load = load
        self._clock = clock
        self._shelf = shelf
        self._slots = slots if slots is not None else Slots(1)
        self._schedule = Schedule(careful=careful)
        self._errands = Errands()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._info: ModelInfo | None = None
        self._is_bound = False
        self._limit = 1
        self._broken: UserError | GenerationError | None = None
        self._stopping = False
        self._more = False
        self._stats = ModelStats()
        self._is_loading = False
        self._waiting = 0

    @property
    def activity(self) -> Activity:
        """What is done now; may be read at any time, waits for nothing."""
        return Activity(
            loading=self._is_loading,
            waiting=self._waiting,
            made=self._stats.requests,
            tokens=self._stats.tokens,
        )

    @property
    def stats(self) -> ModelStats:
        """What was done so far."""
        return self._stats

    def info(self) -> ModelInfo:
        """What is known of the model; waits until it is loaded, if it must be.

        :raises UserError, GenerationError: if it cannot be loaded.
        """
        with self._changed:
            self._remember()
            if self._info is None:
                self._start()
            while self._info is None:
                self._check()
                self._changed.wait()
            return self._info

    def plan(self, requests: Iterable[Request], *, more: bool = False) -> None:
        """Announce requests. A model that cannot be loaded ignores them.

        :param more: others will follow soon, worth the wait for a small batch.
        """
        with self._changed:
            self._remember()
        missing = [request for request in requests if self._find(request) is None]
        with self._changed:
            if self._broken is None and missing and not self._is_final:
                self._schedule.plan(missing)
                self._start()
            # Not before: else a batch could begin without the last part of the plan.
            self._more = more
            self._changed.notify_all()

    def generate(self, request: Request) -> Completion:
        """One completion; waits for it.

        :raises UserError, GenerationError: if there is none.
        """
        with self._changed:
            self._remember()
        found = self._find(request)
        with self._changed:
            if found is not None:
                self._schedule.delivered(request)
                stored = self._stats.stored + found.stored
                self._stats = replace(self._stats, stored=stored)
                # Others may have waited for those that were made ahead to be taken.
                self._changed.notify_all()
                return found
            if self._shelf is not None and self._is_final:
                raise GenerationError(self._shelf.missing(request))
            self._check()
            self._start()
            future = self._schedule.demand(request)
            self._waiting += 1
            self._changed.notify_all()
        try:
            return future.result()
        finally:
            with self._changed:
                self._waiting -= 1

    def visit(self, errand: Callable[[Engine], T]) -> T:
        """Let a function use the engine, in its thread, between two batches.

        Loads the model if need be.

        :raises UserError, GenerationError: if it cannot be loaded, or the errand fails.
        """
        with self._changed:
            self._check()
            future = self._errands.add(errand)
            self._start()
            self._changed.notify_all()
        return future.result()

    def close(self, timeout_s: float) -> None:
        """Let the engine's thread finish its batch and close the engine, or give up."""
        self._stopping = True
        self._nudge()
        self._slots.wake()
        if self._thread is not None:
            self._thread.join(timeout_s)

    @property
    def _is_final(self) -> bool:
        return self._shelf is not None and self._shelf.is_final

    def _remember(self) -> None:
        """Take what the store knows of the model, once, without loading it."""
        if self._info is None and self._shelf is not None and not self._is_bound:
            self._info = self._shelf.info()
            self._is_bound = self._info is not None

    def _find(self, request: Request) -> Completion | None:
        return None if self._shelf is None else self._shelf.find(request)

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

    def _nudge(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while self._broken is None and self._wait_for_work():
            if not self._slots.acquire(self._nudge, lambda: self._stopping):
                return
            try:
                self._use_engine()
                # Weights go when nothing points at them; torch's need a collection.
                gc.collect()
            finally:
                self._slots.release(self._nudge)

    def _wait_for_work(self) -> bool:
        """Wait until the engine is needed; ``False`` when the host is closed."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._stopping
                    or self._info is None
                    or self._schedule.has_work(self._limit)
                    or bool(self._errands)
                )
            )
            return not self._stopping

    def _use_engine(self) -> None:
        """Load the model and work until there is no work, or no place, for it."""
        started = self._clock()
        try:
            engine = self._loaded()
            limit = max(1, engine.max_batch)
            info = _with_policy(engine.info, limit)
            as_remembered = self._shelf is None or self._shelf.bind(info)
        # A user's model may raise anything, SystemExit too; those who wait are told.
        except BaseException as error:
            traceback.print_exception(error)
            self._give_up(error)
            return
        with self._changed:
            self._info, self._limit, self._is_bound = info, limit, True
            load_s = self._stats.load_s + self._clock() - started
            self._stats = replace(
                self._stats, load_s=load_s, loads=self._stats.loads + 1
            )
            mixed = not as_remembered and self._stats.stored > 0
            self._changed.notify_all()
        if mixed:
            # Half of the answers would be another model's.
            changed = UserError(
                f"{self._label} changed since its completions were stored: run again"
            )
            self._give_up(changed)
        while work := self._next_work(limit):
            if isinstance(work, Errand):
                work.run(engine)
            else:
                self._generate(engine, work)
        engine.close()

    def _loaded(self) -> Engine:
        self._is_loading = True
        try:
            return self._load()
        finally:
            self._is_loading = False

    def _give_up(self, error: BaseException) -> None:
        broken: UserError | GenerationError
        if isinstance(error, UserError):
            broken = UserError(one_line(error))
        else:
            broken = GenerationError(f"cannot load {self._label}: {one_line(error)}")
        with self._changed:
            self._broken = broken
            self._schedule.fail_all(broken)
            self._errands.fail_all(broken)
            self._changed.notify_all()

    def _next_work(self, limit: int) -> list[Request] | Errand:
        """Wait for a batch or an errand; an empty batch is the end of the work.

        That is when the host is closed or has to give its place up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_worth_it(limit), timeout=LINGER_S)
            while not self._stopping and self._broken is None:
                if self._errands:
                    return self._errands.next()
                if batch := self._schedule.next_batch(limit):
                    return batch
                if self._slots.contended:
                    break
                self._changed.wait()
            return []

    def _is_worth_it(self, limit: int) -> bool:
        """Whether nothing is gained by waiting for the next part of the plan."""
        is_ending = self._stopping or self._broken is not None or bool(self._errands)
        return is_ending or not self._more or not self._schedule.is_short(limit)

    def _generate(self, engine: Engine, batch: list[Request]) -> None:
        """Answer a batch: from the store, from the engine, and into the store."""
        failed: SelfInvokeError | None = None
        answers: Sequence[Answer] = ()
        kept = False
        try:
            # Another session, or the same question under another id, may have been
            # answered since these were asked for.
            found = [self._find(request) for request in batch]
            distinct = still_open(batch, found) if self._shelf is not None else batch
            made = self._ask(engine, distinct) if distinct else []
            kept = self._keep(distinct, made)
            answers = joined(batch, found, distinct, made)
        except (GenerationError, UserError) as error:
            failed = error
        # As above: one batch fails, the engine's thread lives on.
        except BaseException as error:
            traceback.print_exception(error)
            failed = GenerationError(f"{self._label}: {one_line(error)}")
        with self._changed:
            if failed is None:
                self._schedule.complete(batch, answers, kept=kept)
            else:
                self._schedule.fail(batch, failed)

    def _ask(self, engine: Engine, batch: list[Request]) -> Sequence[Answer]:
        started = self._clock()
        answers: Sequence[Answer] = ()
        try:
            answers = checked(engine.generate(batch), batch)
            return answers
        finally:
            with self._changed:
                self._stats = replace(
                    self._stats,
                    requests=self._stats.requests + len(batch),
                    batches=self._stats.batches + 1,
                    tokens=self._stats.tokens + new_tokens(answers),
                    busy_s=self._stats.busy_s + self._clock() - started,
                )

    def _keep(self, batch: Sequence[Request], answers: Sequence[Answer]) -> bool:
        """Put completions into the store; whether they are there."""
        if self._shelf is None or self._stats.store_error:
            return False
        pairs = zip(batch, answers, strict=True)
        try:
            self._shelf.keep([(r, a) for r, a in pairs if isinstance(a, Completion)])
        except UserError as error:
            # A full disk: the session goes on, the summary says it.
            traceback.print_exception(error)
            self._stats = replace(self._stats, store_error=one_line(error))
            return False
        return True


def _with_policy(info: ModelInfo, limit: int) -> ModelInfo:
    """The info with a note on how batches are made: that may change completions."""
    if limit == 1:
        return info
    note = f"batches of up to {limit} of like length, led by who waits longest"
    return replace(info, notes=(*info.notes, note))
