"""The engine behind ``gguf:``: the server of llama.cpp, inside this process."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.gguf_header import GgufHeader, read_model_header
from pytest_selfinvoke.models.gguf_info import describe_header
from pytest_selfinvoke.models.info import declare
from pytest_selfinvoke.models.openai_json import first_line, read_answer
from pytest_selfinvoke.models.options import require_positive

#: For prefixes of requests that are over, so that the next may begin there.
PREFIX_CACHE_MIB = 512
#: llama.cpp takes 32 bits, and this one for "draw a seed".
RANDOM_SEED = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufOptions:
    """What can be chosen for a GGUF file.

    ``max_batch`` is the number of requests under way at once. ``context`` is what
    prompt and answer of one request may take, in tokens, up to what the model was
    trained for. ``gpu_layers`` is as in llama.cpp, -1 for as many as fit.
    ``deterministic`` runs one request at a time, without a prefix cache.
    """

    max_batch: int = 8
    context: int = 4096
    gpu_layers: int = -1
    revision: str | None = None
    deterministic: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "max_batch", "context")

    @property
    def slots(self) -> int:
        """Requests that are under way at once."""
        return 1 if self.deterministic else self.max_batch


def start(
    parts: tuple[Path, ...],
    *,
    revision: str,
    declared: Mapping[str, str | int],
    options: GgufOptions,
    threads: int,
) -> GgufEngine:
    """Load a model.

    :raises UserError: if llama.cpp cannot load it.
    """
    xllamacpp = require("xllamacpp", extra="gguf")
    header = read_model_header(parts)
    context = min(options.context, header.of_architecture("context_length") or 1 << 30)
    key = secrets.token_hex(16)
    params = xllamacpp.CommonParams()
    params.model.path = str(parts[0])
    params.n_parallel = options.slots
    params.n_ctx = options.slots * context
    params.n_gpu_layers = options.gpu_layers
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0 if options.deterministic else PREFIX_CACHE_MIB
    params.verbosity = 1
    # The object opens a port as well, on the loopback: nobody else is to use it.
    params.api_keys = [key]
    params.ui = params.endpoint_slots = False
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise UserError(
            f"gguf:{parts[0].name}: llama.cpp cannot load it"
            f" ({first_line(str(error))}): its log says why"
        ) from error
    info = describe(header, name=parts[0].stem, options=options)
    info = ModelInfo(
        **{
            **info.to_json(),
            "engine_version": f"xllamacpp {xllamacpp.__version__}",
            "precision": _precision(server.listening_address, key),
            "revision": revision,
            "device": _device(xllamacpp, options),
            "notes": info.notes,
        }
    )
    return GgufEngine(server, declare(info, declared), options=options)


def describe(header: GgufHeader, *, name: str, options: GgufOptions) -> ModelInfo:
    """What a header says of the model, and the options of reproducibility."""
    note = (
        "one request at a time, no prefix cache"
        if options.deterministic
        else f"up to {options.slots} requests at once with a prefix cache: completions"
        " of llama.cpp depend on that (11 of 16 changed between two equal runs); the"
        " option 'deterministic' runs one at a time"
    )
    return replace(describe_header(header, name=name, engine="gguf"), notes=(note,))


class GgufEngine:
    """Sends the requests of a batch to llama.cpp at once, and waits for all of them.

    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        server: Any,
        info: ModelInfo,
        *,
        options: GgufOptions,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._server = server
        self._info = info
        self._options = options
        self._clock = clock
        self._pool = ThreadPoolExecutor(options.slots, thread_name_prefix="llama")

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._info

    @property
    def max_batch(self) -> int:
        """The number of requests under way at once."""
        return self._options.slots

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order; ``duration_s`` is that of the request."""
        return list(self._pool.map(self._one, requests))

    def close(self) -> None:
        """Drop the model."""
        self._pool.shutdown(cancel_futures=True)
        self._server = None

    def _one(self, request: Request) -> Completion | Failure:
        started = self._clock()
        prompt = request.prompt
        if not prompt.is_chat and not prompt.text:
            return Failure(reason="the prompt is empty")
        if prompt.is_chat and not self._info.chat_template:
            return Failure(
                reason=f"{self._info.name} has no chat template:"
                " use --prompt-style=completion"
            )
        body = request_body(request, caches=not self._options.deterministic)
        try:
            ask = (
                self._server.handle_chat_completions
                if prompt.is_chat
                else self._server.handle_completions
            )
            answer = ask(body)
            if "error" in answer:
                return Failure(reason=first_line(str(answer["error"]["message"])))
            return read_answer(answer, request, self._clock() - started, echoes=True)
        except RuntimeError as error:
            return Failure(reason=f"llama.cpp: {first_line(str(error))}")
        except (LookupError, ValueError, TypeError) as error:
            return Failure(reason=f"llama.cpp: the answer is malformed: {error!r}")


def request_body(request: Request, *, caches: bool) -> dict[str, Any]:
    """A request as llama.cpp takes it, with none of its own sampling defaults."""
    prompt, sampling = request.prompt, request.sampling
    body: dict[str, Any] = {
        "max_tokens": sampling.max_new_tokens,
        "temperature": sampling.temperature,
        "cache_prompt": caches,
    }
    if not sampling.is_greedy:
        body |= {
            "seed": request.seed % RANDOM_SEED,
            "samplers": ["temperature", "top_k", "top_p"],
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
        }
    if prompt.stop:
        body["stop"] = list(prompt.stop)
    if prompt.is_chat:
        body["messages"] = [
            {"role": m.role, "content": m.content} for m in prompt.messages
        ]
        # Else what a model says before its answer would be cut out.
        body["reasoning_format"] = "none"
    else:
        body["prompt"] = prompt.text
    return body


def _precision(address: str, key: str) -> str | None:
    """The type of the weights in llama.cpp's words, if it says one."""
    asked = HttpRequest(
        f"{address}/v1/models", headers={"Authorization": f"Bearer {key}"}
    )
    try:
        with urlopen(asked, timeout=10) as response:
            return str(json.load(response)["data"][0]["meta"]["ftype"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _device(xllamacpp: Any, options: GgufOptions) -> str:
    names = [str(device["name"]) for device in xllamacpp.get_device_info()]
    others = [name for name in names if name != "CPU"]
    return ", ".join(others) if others and options.gpu_layers else "cpu"
