"""What crosses between a worker, the controller and the generation server.

A frame is one line of ASCII JSON: an object. The first frame of a connection is
``{"secret": ...}``. Then come ``{"id": n, "op": ..., "model": label, ...}`` with the
operations ``info``, ``generate`` (``request``), ``routes`` (``request`` and the text of
its ``answer``), ``plan`` (``requests``; no answer), ``stats`` and ``activity``. Answers
are ``{"id": n, "result": ...}`` or ``{"id": n, "error": one line, "kind": "user" |
"generation"}``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, Self

from pytest_selfinvoke.core.errors import GenerationError, SelfInvokeError, UserError
from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings

MAX_FRAME_BYTES = 64 * 2**20
#: Who has not shown the secret may not make the server read more than this.
MAX_GREETING_BYTES = 4096
#: Enough for any message; an exception may quote a whole prompt.
MAX_ERROR_CHARACTERS = 2000


class WireError(Exception):
    """A frame that is too long, cut off or no JSON object."""


def encode(message: dict[str, Any]) -> bytes:
    """The frame of a message.

    :raises WireError: if it is longer than the other side would read.
    """
    frame = dumps(message).encode("ascii") + b"\n"
    if len(frame) > MAX_FRAME_BYTES:
        raise WireError(f"frame of {len(frame)} bytes, limit {MAX_FRAME_BYTES}")
    return frame


def read_frame(
    stream: BinaryIO, *, limit: int = MAX_FRAME_BYTES
) -> dict[str, Any] | None:
    """The next message; ``None`` at the end of the stream.

    :raises WireError: see there.
    """
    line = stream.readline(limit + 1)
    if not line:
        return None
    if len(line) > limit:
        raise WireError(f"frame too long, limit {limit}")
    if not line.endswith(b"\n"):
        raise WireError("frame cut off")
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(f"no JSON: {error}") from error
    if not isinstance(message, dict):
        raise WireError("not a JSON object")
    return message


def one_line(error: BaseException) -> str:
    """The message of an exception; its type is named if the exception is not ours."""
    text = " ".join(str(error).split())
    if not isinstance(error, SelfInvokeError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text[:MAX_ERROR_CHARACTERS]


def error_answer(number: int, error: BaseException) -> dict[str, Any]:
    """The answer that makes the client raise the like of ``error``."""
    kind = "user" if isinstance(error, UserError) else "generation"
    return {"id": number, "error": one_line(error), "kind": kind}


def result_of(answer: dict[str, Any]) -> Any:
    """The inverse, on the client's side.

    :raises UserError, GenerationError: as the server said.
    """
    if "error" in answer:
        raise (UserError if answer["kind"] == "user" else GenerationError)(
            answer["error"]
        )
    return answer["result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the server works.

    ``store`` is absent where nothing is kept. ``models_in_parallel`` is the number of
    local models in memory at a time. ``careful`` says that the session may stop at the
    next failure.
    """

    store: StoreSettings | None = None
    models_in_parallel: int = 1
    careful: bool = False

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of ``asdict``."""
        store = data["store"]
        if store is not None:
            store = StoreSettings(**{**store, "mode": CacheMode(store["mode"])})
        return cls(**{**data, "store": store})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The one line that the controller writes to the server's standard input.

    ``registered`` maps the model names that users registered to ``module:attr``.
    ``sys_path`` comes first when the server imports. The secret stands here and not on
    the command line or in the environment, where other users could read it.
    """

    secret: str
    models: tuple[ModelSpec, ...]
    sys_path: tuple[str, ...] = ()
    registered: dict[str, str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def to_line(self) -> bytes:
        """One line of ASCII JSON."""
        return dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """The inverse of :meth:`to_line`."""
        data = json.loads(line)
        return cls(
            secret=data["secret"],
            models=tuple(ModelSpec(**spec) for spec in data["models"]),
            sys_path=tuple(data["sys_path"]),
            registered=data["registered"],
            policy=Policy.from_json(data["policy"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStats:
    """What one model has done so far.

    ``requests`` counts prompts given to the engine, ``stored`` completions of earlier
    sessions that were handed out, ``tokens`` the new tokens the engine reported,
    ``busy_s`` the seconds inside ``generate``, ``load_s`` those of loading, which took
    place ``loads`` times. ``store_error`` says why nothing is kept any more.
    """

    requests: int = 0
    stored: int = 0
    loads: int = 0
    store_error: str = ""
    batches: int = 0
    tokens: int = 0
    busy_s: float = 0.0
    load_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one model does now.

    ``waiting`` counts the questions that somebody waits for; the model may work on
    others, ahead of time. ``made`` and ``tokens`` are ``requests`` and ``tokens`` of
    :class:`ModelStats`.
    """

    loading: bool = False
    waiting: int = 0
    made: int = 0
    tokens: int = 0
