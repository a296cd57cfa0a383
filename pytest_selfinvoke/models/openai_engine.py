"""The engine behind ``openai:`` and ``vllm:``: many requests at once, with patience."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.endpoint import KEY_VARIABLES, NO_KEY
from pytest_selfinvoke.models.openai_json import first_line, read_answer, request_body
from pytest_selfinvoke.models.options import require_positive

CONNECT_TIMEOUT_S = 10.0
#: The first wait of the back-off, and the longest.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
#: A replica that was not reached is left alone for so long, if there are others.
REST_S = 15.0
#: Beside 5xx: the request took too long, met another, or came too soon.
PASSING = (408, 409, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiOptions:
    """What can be chosen for a served model.

    ``timeout`` is for one request with all its retries, in seconds. ``max_batch`` is
    the number of requests under way at once, at each replica. ``extra_body`` goes into
    every request. ``deterministic`` sends one request at a time to each replica.
    ``check_model`` looks for the model in what the server lists before the run begins.
    """

    max_batch: int = 32
    timeout: float = 600.0
    max_retries: int = 8
    extra_body: dict = field(default_factory=dict)  # type: ignore[type-arg]
    deterministic: bool = False
    check_model: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "max_batch", "timeout")
        if self.max_retries < 0:
            raise UserError("option 'max_retries' must be 0 or more")

    @property
    def concurrency(self) -> int:
        """Requests under way at each replica."""
        return 1 if self.deterministic else self.max_batch


@dataclass(slots=True, kw_only=True)
class Replica:
    """One server: its client, how much it has to do, and until when it rests."""

    url: str
    client: Any
    outstanding: int = 0
    resting_until: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why one attempt failed, in one line.

    ``is_passing`` tells that another attempt may go well, ``wait_s`` what the server
    asked to wait, ``is_lost`` that the server is down or broken, not just busy.
    """

    reason: str
    is_passing: bool = False
    is_lost: bool = False
    wait_s: float | None = None


class OpenAiEngine:
    """Sends the requests of a batch at once, and waits for all of them.

    A request goes to the replica with the least outstanding ones. Lost connections and
    status 408, 409, 429 and 5xx are tried again: at another replica at once, else after
    a back-off or what ``Retry-After`` says. When the servers were lost for good, later
    requests get one attempt each until one goes well.

    :param urls: of the replicas, each up to and including ``/v1``.
    :param echoes: whether the server repeats a last assistant turn that it continued.
    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        urls: Sequence[str],
        key: str,
        info: ModelInfo,
        *,
        options: OpenAiOptions,
        echoes: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._openai = require("openai", extra="openai")
        self._key = key
        self._info = info
        self._options = options
        self._echoes = echoes
        self._clock = clock
        self._is_lost = False
        # One loop for the engine's life: the clients' connections belong to it.
        self._runner = asyncio.Runner()
        timeout = self._openai.Timeout(options.timeout, connect=CONNECT_TIMEOUT_S)
        self._replicas = [
            Replica(
                url=url,
                client=self._openai.AsyncOpenAI(
                    api_key=key, base_url=url, max_retries=0, timeout=timeout
                ),
            )
            for url in urls
        ]

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._info

    @property
    def max_batch(self) -> int:
        """The number of requests under way at once."""
        return self._options.concurrency * len(self._replicas)

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order; ``duration_s`` includes retries."""
        return self._runner.run(self._all(requests))

    def close(self) -> None:
        """Close the connections."""
        for replica in self._replicas:
            self._runner.run(replica.client.close())
        self._runner.close()

    async def _all(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        gate = asyncio.Semaphore(self.max_batch)

        async def one(request: Request) -> Completion | Failure:
            async with gate:
                return await self._one(request)

        return await asyncio.gather(*map(one, requests))

    async def _one(self, request: Request) -> Completion | Failure:
        """Attempts until one goes well, the retries are used up, or time is."""
        faults: list[Fault] = []
        try:
            async with asyncio.timeout(self._options.timeout):
                answer = await self._insist(request, faults)
        except TimeoutError:
            url = "" if len(self._replicas) > 1 else f"{self._replicas[0].url}: "
            last = f", at last {faults[-1].reason}" if faults else ""
            answer = Failure(
                reason=f"{url}no answer within {self._options.timeout:g} s{last}"
            )
        if isinstance(answer, Completion):
            self._is_lost = False
            return answer
        return Failure(reason=self._without_key(answer.reason))

    async def _insist(
        self, request: Request, faults: list[Fault]
    ) -> Completion | Failure:
        started = self._clock()
        tried: set[str] = set()
        rounds = 0
        while True:
            replica = self._choose(tried)
            replica.outstanding += 1
            try:
                answer = await self._ask(replica, request, started)
            finally:
                replica.outstanding -= 1
            if isinstance(answer, Completion):
                return answer
            faults.append(answer)
            if not answer.is_passing:
                return Failure(reason=answer.reason)
            tried.add(replica.url)
            if len(tried) < len(self._replicas):
                continue
            if rounds >= (0 if self._is_lost else self._options.max_retries):
                self._is_lost |= answer.is_lost
                return Failure(reason=answer.reason)
            await asyncio.sleep(_wait_s(answer, rounds, request))
            rounds += 1
            tried.clear()

    def _choose(self, tried: set[str]) -> Replica:
        """The replica to ask next: not tried yet, not resting, least to do."""
        now = self._clock()
        return min(
            self._replicas,
            key=lambda r: (r.url in tried, now < r.resting_until, r.outstanding),
        )

    async def _ask(
        self, replica: Replica, request: Request, started: float
    ) -> Completion | Fault:
        chat = request.prompt.is_chat
        client = replica.client
        endpoint = client.chat.completions if chat else client.completions
        place = f"{replica.url}/{'chat/completions' if chat else 'completions'}"
        body = request_body(request, self._info.name, self._options.extra_body)
        try:
            # The raw answer, for a server may send anything with status 200.
            answer = await endpoint.with_raw_response.create(**body)
            return read_answer(
                json.loads(answer.text),
                request,
                self._clock() - started,
                echoes=self._echoes,
            )
        except self._openai.APIStatusError as error:
            code = error.status_code
            return Fault(
                reason=f"{place}: status {code}: {_message(error)}",
                is_passing=code >= 500 or code in PASSING,
                is_lost=code >= 500,
                wait_s=_retry_after(error.response.headers),
            )
        except self._openai.APIConnectionError as error:
            replica.resting_until = self._clock() + REST_S
            said = first_line(str(error.__cause__ or error)) or "the connection broke"
            return Fault(reason=f"{place}: {said}", is_passing=True, is_lost=True)
        except UnicodeEncodeError as error:
            return Fault(reason=f"{place}: the prompt cannot be sent: {error.reason}")
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            said = f"the answer is malformed: {type(error).__name__}: {error}"
            return Fault(reason=f"{place}: {first_line(said)}")

    def _without_key(self, text: str) -> str:
        if self._key == NO_KEY:
            return text
        return text.replace(self._key, f"${KEY_VARIABLES[0]}")


def _wait_s(fault: Fault, rounds: int, request: Request) -> float:
    """What the server asked for, else a back-off that doubles.

    The requests of a batch fail together; their seeds spread the next attempts.
    """
    if fault.wait_s is not None:
        return fault.wait_s
    doubled = FIRST_WAIT_S * 2.0 ** min(rounds, 16)
    return min(doubled, LONGEST_WAIT_S) * (1 - request.seed % 256 / 1024)


def _retry_after(headers: Any) -> float | None:
    """The seconds of ``Retry-After``; a date there is rare, and means the back-off."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def _message(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return first_line(str(body.get("message") or error.body or error.message))
