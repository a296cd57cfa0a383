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
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from typing import TypeAlias

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Completion, Sampling
from pytest_selfinvoke.models.base import Failure, Request

Answer: TypeAlias = Completion | Failure
Group: TypeAlias = tuple[Sampling, tuple[str, ...]]

#: A batch is chosen among this many times its size, so that the choice costs the same
#: however long the plan is, and nothing is generated long before it is asked for.
WINDOW = 8


@dataclass(slots=True, kw_only=True)
class _Entry:
    """One request that is not delivered yet. Without ``waiting`` it is only planned."""

    request: Request
    group: Group
    length: int
    waiting: list[Future[Completion]] = field(default_factory=list)
    answer: Answer | None = None


class Schedule:
    """What one model still has to do, and what it did before anybody asked.

    Not safe for threads: the caller holds a lock.
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        #: What was asked under each key, also after delivery: the plan comes once per
        #: worker, and must not be generated again for the one who is late.
        self._known: dict[str, str] = {}
        #: Both in the order of arrival. The plan is long, hence the split by group.
        self._demanded: dict[str, _Entry] = {}
        self._planned: dict[Group, dict[str, _Entry]] = {}

    def plan(self, requests: Iterable[Request]) -> None:
        """Announce requests. Keys that are known already are passed over."""
        for request in requests:
            if request.key not in self._known:
                entry = self._enter(request, fingerprint(request))
                self._planned.setdefault(entry.group, {})[request.key] = entry

    def demand(self, request: Request) -> Future[Completion]:
        """Ask for a completion; the future may be done already.

        :raises GenerationError: if the key was used for another prompt.
        """
        key, print_ = request.key, fingerprint(request)
        if self._known.get(key, print_) != print_:
            raise GenerationError(
                f"{key}: two different prompts or settings under one key"
            )
        future: Future[Completion] = Future()
        entry = self._entries.get(key)
        if entry is None:
            entry = self._enter(request, print_)
            self._demanded[key] = entry
        elif self._unplan(entry):
            self._demanded[key] = entry
        entry.waiting.append(future)
        if entry.answer is not None:
            self._deliver(entry, entry.answer)
        return future

    def next_batch(self, limit: int) -> list[Request]:
        """The requests to generate now, at most ``limit``; empty if all is done."""
        queue = self._demanded or next(iter(self._planned.values()), {})
        if not queue:
            return []
        leader = next(iter(queue.values()))
        demanded = (e for e in self._demanded.values() if e.group == leader.group)
        planned = self._planned.get(leader.group, {}).values()
        candidates = (e for e in chain(demanded, planned) if e is not leader)
        ranked = sorted(
            islice(candidates, WINDOW * limit),
            key=lambda e: (not e.waiting, abs(e.length - leader.length)),
        )
        batch = [leader, *ranked[: limit - 1]]
        for entry in batch:
            if self._demanded.pop(entry.request.key, None) is None:
                self._unplan(entry)
        return [entry.request for entry in batch]

    def complete(self, batch: Sequence[Request], answers: Sequence[Answer]) -> None:
        """Deliver the answers of a batch; those nobody waits for yet are kept."""
        for request, answer in zip(batch, answers, strict=True):
            entry = self._entries[request.key]
            if entry.waiting:
                self._deliver(entry, answer)
            else:
                entry.answer = answer

    def fail(self, batch: Sequence[Request], error: Exception) -> None:
        """Tell those who wait that the whole batch failed.

        Requests that were only planned are forgotten: each gets its own try when
        somebody asks for it, maybe in better company.
        """
        for request in batch:
            for future in self._entries.pop(request.key).waiting:
                future.set_exception(error)

    def fail_all(self, error: Exception) -> None:
        """Give up everything, demanded and planned."""
        self.fail([entry.request for entry in self._entries.values()], error)
        self._demanded.clear()
        self._planned.clear()

    def _enter(self, request: Request, print_: str) -> _Entry:
        entry = _Entry(
            request=request,
            group=(request.sampling, request.prompt.stop),
            length=prompt_length(request),
        )
        self._known[request.key] = print_
        self._entries[request.key] = entry
        return entry

    def _deliver(self, entry: _Entry, answer: Answer) -> None:
        del self._entries[entry.request.key]
        for future in entry.waiting:
            if isinstance(answer, Failure):
                future.set_exception(GenerationError(answer.reason))
            else:
                future.set_result(answer)

    def _unplan(self, entry: _Entry) -> bool:
        """Take an entry out of the plan; whether it stood there."""
        queue = self._planned.get(entry.group, {})
        if queue.pop(entry.request.key, None) is None:
            return False
        if not queue:
            del self._planned[entry.group]
        return True


def prompt_length(request: Request) -> int:
    """Characters the model reads: close enough to tokens for choosing company."""
    return len(request.prompt.text) + sum(
        len(message.content) for message in request.prompt.messages
    )


def fingerprint(request: Request) -> str:
    """Hash of everything in a request that can change the completion."""
    prompt = request.prompt
    sampling = asdict(request.sampling)
    return content_hash([prompt.hash, prompt.stop, sampling, request.seed])
