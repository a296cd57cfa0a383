"""Which requests go to the engine next. No threads and no clock in here.

A request is *demanded* when somebody waits for it and *planned* when it was announced
ahead. A batch is led by the oldest demanded request and holds demanded ones first; the
places left over go to planned ones. All of a batch share sampling parameters and stop
strings; among several candidates those with a prompt about as long as the leader's are
taken, for padding costs time. The order is free because completions in fp32 were
measured not to depend on the batch they were made in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TypeAlias

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.records import Completion, Sampling
from pytest_selfinvoke.generation.identity import fingerprint
from pytest_selfinvoke.models.base import Failure, Request

Answer: TypeAlias = Completion | Failure
Group: TypeAlias = tuple[Sampling, tuple[str, ...]]

#: A batch is chosen among this many times its size, so that the choice costs the same
#: however long the plan is, and nothing is generated long before it is asked for.
WINDOW = 8

#: Completions made ahead of those who will ask: enough for workers that fall behind,
#: and a bound on what a session that is broken off has made for nothing.
AHEAD = 1024

#: Deliveries that a late plan is compared with. The plan is sent in the order in which
#: it is asked for, so those it may still name are the latest.
REMEMBERED = 2**14


@dataclass(slots=True, kw_only=True)
class _Entry:
    """One request that is not delivered yet. Without ``waiting`` it is only planned."""

    id: int
    request: Request
    group: Group
    length: int
    waiting: list[Future[Completion]] = field(default_factory=list)
    answer: Answer | None = None


class Schedule:
    """What one model still has to do, and what it did before anybody asked.

    A request is known by its key together with all that its completion depends on, so
    two tests that give one key different settings do not meet. Not safe for threads:
    the caller holds a lock.

    :param careful: the session may stop at the next failure: work in the order of the
        plan, and not beyond the batch that is being asked for.
    """

    def __init__(self, *, careful: bool = False) -> None:
        self._careful = careful
        self._entries: dict[int, _Entry] = {}
        #: What was delivered: a plan that comes late must not be generated again.
        #: A dictionary for its order: only the latest are remembered.
        self._delivered: dict[int, None] = {}
        #: What was made and not asked for yet, whoever keeps it.
        self._unasked: set[int] = set()
        #: Both in the order of arrival. The plan is long, hence the split by group.
        self._demanded: dict[int, _Entry] = {}
        self._planned: dict[Group, dict[int, _Entry]] = {}

    def plan(self, requests: Iterable[Request]) -> None:
        """Announce requests. Those that are known already are passed over."""
        for request in requests:
            id_ = fingerprint(request)
            known = self._entries, self._delivered, self._unasked
            if not any(id_ in ids for ids in known):
                entry = self._enter(request, id_)
                self._planned.setdefault(entry.group, {})[id_] = entry

    def demand(self, request: Request) -> Future[Completion]:
        """Ask for a completion; the future may be done already."""
        id_ = fingerprint(request)
        future: Future[Completion] = Future()
        entry = self._entries.get(id_)
        if entry is None:
            entry = self._enter(request, id_)
            self._demanded[id_] = entry
        elif self._unplan(entry):
            self._demanded[id_] = entry
        entry.waiting.append(future)
        if entry.answer is not None:
            self._deliver(entry, entry.answer)
        return future

    def delivered(self, request: Request) -> None:
        """Note that a completion was asked for and came out of the store."""
        id_ = fingerprint(request)
        self._unasked.discard(id_)
        self._note(id_)

    def has_work(self, limit: int) -> bool:
        """Whether :meth:`next_batch` would give something."""
        ahead = self._planned and self._may_fill(limit)
        return bool(self._demanded or (ahead and not (self._careful and self._unasked)))

    def next_batch(self, limit: int) -> list[Request]:
        """The requests to generate now, at most ``limit``; empty if there are none."""
        if not self.has_work(limit):
            return []
        queue = self._demanded or next(iter(self._planned.values()))
        leader = next(iter(queue.values()))
        demanded = (e for e in self._demanded.values() if e.group == leader.group)
        planned = self._planned.get(leader.group, {}) if self._may_fill(limit) else {}
        window = limit - 1 if self._careful else WINDOW * limit
        candidates = (e for e in chain(demanded, planned.values()) if e is not leader)
        ranked = sorted(
            islice(candidates, window),
            key=lambda e: (not e.waiting, abs(e.length - leader.length)),
        )
        batch = [leader, *ranked[: limit - 1]]
        for entry in batch:
            if self._demanded.pop(entry.id, None) is None:
                self._unplan(entry)
        return [entry.request for entry in batch]

    def complete(
        self, batch: Sequence[Request], answers: Sequence[Answer], *, kept: bool = False
    ) -> None:
        """Deliver the answers of a batch.

        :param kept: the completions are in the store: those that nobody waits for are
            dropped. Otherwise they stay here until somebody asks.
        """
        for request, answer in zip(batch, answers, strict=True):
            entry = self._entries[fingerprint(request)]
            if entry.waiting:
                self._deliver(entry, answer)
                continue
            self._unasked.add(entry.id)
            if kept and isinstance(answer, Completion):
                del self._entries[entry.id]
            else:
                entry.answer = answer

    def fail(self, batch: Sequence[Request], error: Exception) -> None:
        """Tell those who wait that the whole batch failed.

        Requests that were only planned are forgotten: each gets its own try when
        somebody asks for it, maybe in better company.
        """
        for request in batch:
            entry = self._entries.pop(fingerprint(request))
            self._note(entry.id)
            for future in entry.waiting:
                future.set_exception(error)

    def fail_all(self, error: Exception) -> None:
        """Give up everything, demanded and planned."""
        self.fail([entry.request for entry in self._entries.values()], error)
        self._demanded.clear()
        self._planned.clear()

    def _may_fill(self, limit: int) -> bool:
        """Whether planned requests may be made while others wait to be asked for."""
        return len(self._unasked) < (limit if self._careful else AHEAD)

    def _note(self, id_: int) -> None:
        self._delivered[id_] = None
        if len(self._delivered) > REMEMBERED:
            del self._delivered[next(iter(self._delivered))]

    def _enter(self, request: Request, id_: int) -> _Entry:
        entry = _Entry(
            id=id_,
            request=request,
            group=(request.sampling, request.prompt.stop),
            length=prompt_length(request),
        )
        self._entries[id_] = entry
        return entry

    def _deliver(self, entry: _Entry, answer: Answer) -> None:
        del self._entries[entry.id]
        self._unasked.discard(entry.id)
        self._note(entry.id)
        for future in entry.waiting:
            if isinstance(answer, Failure):
                future.set_exception(GenerationError(answer.reason))
            else:
                future.set_result(answer)

    def _unplan(self, entry: _Entry) -> bool:
        """Take an entry out of the plan; whether it stood there."""
        queue = self._planned.get(entry.group, {})
        if queue.pop(entry.id, None) is None:
            return False
        if not queue:
            del self._planned[entry.group]
        return True


def prompt_length(request: Request) -> int:
    """Characters the model reads: close enough to tokens for choosing company."""
    return len(request.prompt.text) + sum(
        len(message.content) for message in request.prompt.messages
    )
