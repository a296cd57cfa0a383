"""The generation server: the only process of a session that loads a model.

The controller starts it with a listening socket (its file descriptor is the only
argument) and one line of configuration on standard input. It ends when standard input
does, that is with the controller, however that one ended.
"""

from __future__ import annotations

import faulthandler
import hmac
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pytest_selfinvoke.core.errors import (
    GenerationError,
    SelfInvokeError,
    UserError,
)
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.generation.host import EngineHost
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings
from pytest_selfinvoke.generation.shelf import Shelf
from pytest_selfinvoke.generation.slots import Slots
from pytest_selfinvoke.generation.store import CompletionStore
from pytest_selfinvoke.generation.wire import (
    MAX_GREETING_BYTES,
    ServerConfig,
    WireError,
    encode,
    error_answer,
    read_frame,
)
from pytest_selfinvoke.models.base import Engine, Request
from pytest_selfinvoke.models.lookup import kind_for

#: For engines to finish a batch and close; the controller kills what takes longer.
CLOSING_S = 0.5
#: For a connection to show the secret.
GREETING_S = 10.0


class Server:
    """Answers connections from the engines of one session.

    :param config: what the controller sent.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._secret = config.secret.encode()
        self._store: CompletionStore | None = None
        self._slots = Slots(config.policy.models_in_parallel)
        self._hosts = {spec.label: self._made(spec, config) for spec in config.models}

    def serve(self, listener: socket.socket) -> None:
        """Accept connections for ever, each in a thread of its own."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                # Out of file descriptors, say: that passes when connections end.
                _log(f"accept: {error}")
                time.sleep(0.1)
                continue
            threading.Thread(
                target=self._talk, args=(connection,), name="connection", daemon=True
            ).start()

    def close(self, timeout_s: float) -> None:
        """Close all engines that can be closed in time."""
        deadline = time.monotonic() + timeout_s
        for host in self._hosts.values():
            host.close(max(0.0, deadline - time.monotonic()))
        if self._store is not None:
            self._store.close()

    def _made(self, spec: ModelSpec, config: ServerConfig) -> EngineHost:
        """The host of a model, with a shelf and a place if it is a real model."""
        policy, label = config.policy, spec.label
        load = _Loading(spec, config.registered)
        try:
            is_real = kind_for(spec, config.registered).plans_ahead
            shelf = None
            if is_real and policy.store is not None:
                if self._store is None:
                    self._store = _opened(policy.store)
                reference = config.registered.get(spec.kind)
                shelf = Shelf(self._store, policy.store, spec, reference)
        except UserError as error:
            return EngineHost(label, _Refusing(error))
        # An endpoint's weights are in another machine's memory.
        slots = self._slots if is_real and spec.kind != "openai" else None
        return EngineHost(label, load, shelf=shelf, slots=slots, careful=policy.careful)

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(GREETING_S)
                if not self._is_greeting(read_frame(stream, limit=MAX_GREETING_BYTES)):
                    _log("connection refused: wrong secret")
                    return
                connection.settimeout(None)
                self._answer_all(connection, stream)
            except WireError as error:
                _log(f"connection closed: {error}")
            except OSError:
                # The worker is gone; so is its wish for an answer.
                return

    def _is_greeting(self, message: dict[str, Any] | None) -> bool:
        secret = (message or {}).get("secret")
        return isinstance(secret, str) and hmac.compare_digest(
            secret.encode("utf-8", "replace"), self._secret
        )

    def _answer_all(self, connection: socket.socket, stream: BinaryIO) -> None:
        while (message := read_frame(stream)) is not None:
            answer = self._answer(message)
            if answer is not None:
                connection.sendall(_encoded(answer))

    def _answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a message, if it wants one.

        :raises WireError: if the message makes no sense.
        """
        try:
            number, op = message["id"], message["op"]
            if op == "stats":
                return {"id": number, "result": self._stats()}
            if op == "activity":
                return {"id": number, "result": self._activity()}
            label = str(message["model"])
            requests = _requests(message)
        except (KeyError, TypeError) as error:
            raise WireError(f"bad message: {error!r}") from error
        try:
            host = self._host(label)
            if op == "plan":
                host.plan(requests, more=message.get("more") is True)
                return None
            if op == "info":
                return {"id": number, "result": host.info().to_json()}
            if op == "generate" and len(requests) == 1:
                return {"id": number, "result": host.generate(requests[0]).to_json()}
            if op == "routes" and len(requests) == 1:
                answer = str(message.get("answer", ""))
                routes = host.visit(partial(_routes, label, requests[0], answer))
                return {"id": number, "result": routes.to_json()}
        except SelfInvokeError as error:
            return None if op == "plan" else error_answer(number, error)
        raise WireError(f"bad message: op {op!r}")

    def _host(self, label: str) -> EngineHost:
        if label not in self._hosts:
            raise GenerationError(f"the generation server has no model {label!r}")
        return self._hosts[label]

    def _stats(self) -> dict[str, Any]:
        return {label: asdict(host.stats) for label, host in self._hosts.items()}

    def _activity(self) -> dict[str, Any]:
        return {label: asdict(host.activity) for label, host in self._hosts.items()}


class _Loading:
    """Loads one model when called."""

    def __init__(self, spec: ModelSpec, registered: dict[str, str]) -> None:
        self._spec = spec
        self._registered = registered

    def __call__(self) -> Engine:
        _log(f"loading {self._spec.label}")
        return kind_for(self._spec, self._registered).load(self._spec)


class _Refusing:
    """Stands for a model that cannot be used."""

    def __init__(self, error: UserError) -> None:
        self._error = error

    def __call__(self) -> Engine:
        raise self._error


def _routes(label: str, request: Request, answer: str, engine: Engine) -> Routes:
    routes: Callable[[Request, str], Routes] | None = getattr(engine, "routes", None)
    if routes is None:
        raise UserError(f"{label} does not say which experts it visits: use hf:")
    return routes(request, answer)


def _opened(settings: StoreSettings) -> CompletionStore:
    read_only = settings.mode is CacheMode.READ_ONLY
    return CompletionStore(Path(settings.path), read_only=read_only)


def _requests(message: dict[str, Any]) -> Sequence[Request]:
    """What a message asks for: its one ``request`` or its many ``requests``."""
    one = message.get("request")
    many = message.get("requests", ()) if one is None else (one,)
    return [Request.from_json(request) for request in many]


def _encoded(answer: dict[str, Any]) -> bytes:
    try:
        return encode(answer)
    except WireError as error:
        return encode(error_answer(answer["id"], error))


def _log(text: str) -> None:
    """One line of the server's log, which is its standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def _take_stdin() -> BinaryIO:
    """Standard input under another number: no model may read from it."""
    control = os.fdopen(os.dup(0), "rb")
    with Path(os.devnull).open("rb") as null:
        os.dup2(null.fileno(), 0)
    return control


def main() -> None:
    """Serve until standard input ends."""
    faulthandler.enable()
    control = _take_stdin()
    config = ServerConfig.from_line(control.readline())
    rest = [path for path in sys.path if path not in config.sys_path]
    sys.path[:] = [*config.sys_path, *rest, str(Path.cwd())]
    server = Server(config)
    listener = socket.socket(fileno=int(sys.argv[-1]))
    threading.Thread(
        target=server.serve, args=(listener,), name="accept", daemon=True
    ).start()
    try:
        control.read()
        server.close(CLOSING_S)
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        # Engines may hold threads of their own that would keep the process alive.
        os._exit(0)


if __name__ == "__main__":
    main()
