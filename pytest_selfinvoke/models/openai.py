"""``openai:URL#MODEL``: any server with OpenAI's chat and completions endpoints."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import check_installed, require
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.decoding import cut_at_stop
from pytest_selfinvoke.models.endpoint import (
    KEY_VARIABLES,
    NO_KEY,
    Address,
    api_key,
    ask_server,
)
from pytest_selfinvoke.models.info import check_declared, declare
from pytest_selfinvoke.models.options import parse_options, require_positive

PREFLIGHT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiOptions:
    """What can be chosen for a served model.

    ``timeout`` is for one request with all its retries, in seconds. ``max_batch`` is
    the number of requests under way at once. ``extra_body`` goes into every request.
    """

    max_batch: int = 32
    timeout: float = 600.0
    max_retries: int = 6
    extra_body: dict = field(default_factory=dict)  # type: ignore[type-arg]

    def __post_init__(self) -> None:
        require_positive(self, "max_batch", "timeout")
        if self.max_retries < 0:
            raise UserError("option 'max_retries' must be 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiKind:
    """Makes engines that ask a server."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def preflight(self, spec: ModelSpec) -> None:
        """Check extra, options and address, and that the server has the model."""
        check_installed("openai", extra="openai")
        parse_options(OpenAiOptions, spec)
        check_declared(spec.declared)
        address = Address.parse(spec.argument)
        ask_server(address, api_key(self.environ), timeout_s=PREFLIGHT_TIMEOUT_S)

    def load(self, spec: ModelSpec) -> OpenAiEngine:
        """Make the client; the server is asked once more which model it has."""
        options = parse_options(OpenAiOptions, spec)
        address = Address.parse(spec.argument)
        key = api_key(self.environ)
        served = ask_server(address, key, timeout_s=PREFLIGHT_TIMEOUT_S)
        info = ModelInfo(
            name=served.model, engine="openai", engine_version=served.server
        )
        return OpenAiEngine(
            address.url, key, declare(info, spec.declared), options=options
        )


class OpenAiEngine:
    """Sends the requests of a batch at once, and waits for all of them.

    The client retries, with back-off and after ``Retry-After``, where a connection
    fails and on status 408, 409, 429 and 5xx.

    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        url: str,
        key: str,
        info: ModelInfo,
        *,
        options: OpenAiOptions,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._openai = require("openai", extra="openai")
        self._url = url
        self._key = key
        self._info = info
        self._options = options
        self._clock = clock
        # One loop for the engine's life: the client's connections belong to it.
        self._runner = asyncio.Runner()
        self._client = self._openai.AsyncOpenAI(
            api_key=key,
            base_url=url,
            max_retries=options.max_retries,
            timeout=options.timeout,
        )

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._info

    @property
    def max_batch(self) -> int:
        """The number of requests under way at once."""
        return self._options.max_batch

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order; ``duration_s`` includes retries."""
        return self._runner.run(self._all(requests))

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._client.close())
        self._runner.close()

    async def _all(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        gate = asyncio.Semaphore(self._options.max_batch)

        async def one(request: Request) -> Completion | Failure:
            async with gate:
                return await self._one(request)

        return await asyncio.gather(*map(one, requests))

    async def _one(self, request: Request) -> Completion | Failure:
        started = self._clock()
        chat = request.prompt.is_chat
        endpoint = self._client.chat.completions if chat else self._client.completions
        path = "chat/completions" if chat else "completions"
        try:
            async with asyncio.timeout(self._options.timeout):
                # The raw answer, for a server may send anything with status 200.
                answer = await endpoint.with_raw_response.create(
                    **request_body(request, self._info.name, self._options.extra_body)
                )
            return read_answer(
                json.loads(answer.text), request, self._clock() - started
            )
        except TimeoutError:
            problem = f"no answer within {self._options.timeout:g} s"
        except self._openai.APIStatusError as error:
            problem = f"status {error.status_code}: {_message(error)}"
        except self._openai.APIConnectionError as error:
            problem = _line(str(error.__cause__ or error)) or "the connection broke"
        except UnicodeEncodeError as error:
            problem = f"the prompt cannot be sent: {error.reason}"
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            problem = f"the answer is malformed: {type(error).__name__}: {error}"
        return Failure(reason=self._without_key(f"{self._url}/{path}: {problem}"))

    def _without_key(self, text: str) -> str:
        if self._key == NO_KEY:
            return text
        return text.replace(self._key, f"${KEY_VARIABLES[0]}")


def request_body(request: Request, model: str, extra: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of the client's ``create`` for one request.

    What OpenAI's own API does not know (``top_k``, continuing a last assistant turn as
    vLLM does) is sent only where it is needed.
    """
    prompt, sampling = request.prompt, request.sampling
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
    }
    more: dict[str, Any] = {}
    if not sampling.is_greedy:
        body["seed"] = request.seed
        if sampling.top_p < 1.0:
            body["top_p"] = sampling.top_p
        if sampling.top_k > 0:
            more["top_k"] = sampling.top_k
    if prompt.stop:
        body["stop"] = list(prompt.stop)
    if prompt.is_chat:
        body["messages"] = [
            {"role": m.role, "content": m.content} for m in prompt.messages
        ]
        if prompt.messages[-1].role == "assistant":
            more |= {"add_generation_prompt": False, "continue_final_message": True}
    else:
        body["prompt"] = prompt.text
    if "max_completion_tokens" in extra:
        # The name of newer models at OpenAI, which refuse the other.
        del body["max_tokens"]
    more |= extra
    return {**body, "extra_body": more} if more else body


def read_answer(data: Any, request: Request, elapsed: float) -> Completion:
    """The completion in a parsed answer.

    :raises ValueError: if there is no choice in it; other lookups raise as they do.
    """
    if not data["choices"]:
        raise ValueError("no choices")
    choice = data["choices"][0]
    text = choice["message"]["content"] if request.prompt.is_chat else choice["text"]
    if text is not None and not isinstance(text, str):
        raise TypeError(f"the text is {type(text).__name__}")
    # Servers differ in the number of stop strings that they keep to.
    text, is_cut = cut_at_stop(text or "", request.prompt.stop)
    usage = data.get("usage") or {}
    return Completion(
        text=text,
        finish_reason="stop" if is_cut else str(choice.get("finish_reason") or "stop"),
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        duration_s=elapsed,
    )


def _count(usage: dict[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) else None


def _message(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return _line(str(body.get("message") or error.body or error.message))


def _line(text: str) -> str:
    line = (text.strip().splitlines() or [""])[0]
    return line if len(line) <= 300 else f"{line[:300]}..."
