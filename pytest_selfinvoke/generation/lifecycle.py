"""The controller's side of the generation server: start, watch, restart, stop."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.generation.wire import Policy, ServerConfig

#: Read by the numeric libraries when they are imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
#: Connections that wait while the server starts: workers of a large session.
BACKLOG = 512
#: For the server to end by itself; then it is killed.
STOPPING_S = 1.0
#: A question that a dead server leaves open is asked once more: if it is what kills
#: servers, a third one answers all the others.
RESTARTS = 2

_PACKAGE_ROOT = Path(__file__).parents[2]
# Not `-m`: that would need the package on PYTHONPATH, which engines would hand on to
# the programs that they start.
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from pytest_selfinvoke.generation.server import main; "
    "sys.path.append(sys.path.pop(0)); main()"
)


class GenerationServer:
    """Owns the listening socket for the whole session, and the process behind it.

    The socket exists before the process: workers may connect at once, and those that
    connect while a dead server is being replaced wait a little longer.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_hex(32)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._address: tuple[str, int] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: threading.Thread | None = None
        self._restarts_left = RESTARTS
        self._stopping = False

    @property
    def secret(self) -> str:
        """What a client must show."""
        return self._secret

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, once :meth:`open` was called."""
        if self._address is None:
            raise RuntimeError("the generation server is not open")
        return self._address

    @property
    def alive(self) -> bool:
        """Whether the server runs now."""
        process = self._process
        return process is not None and process.poll() is None

    def open(self) -> None:
        """Bind the socket; a second call changes nothing."""
        if self._address is None:
            self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
            self._address = self._listener.getsockname()

    def launch(
        self,
        models: Iterable[ModelSpec],
        *,
        threads: int,
        sys_path: Iterable[str] = (),
        registered: Mapping[str, str] | None = None,
        log_path: Path,
        cwd: Path | None = None,
        policy: Policy | None = None,
        on_restart: Callable[[], None] | None = None,
    ) -> None:
        """Start the process; a second call changes nothing.

        :param models: all models of the session; a model may come more than once.
        :param threads: for the numeric libraries.
        :param sys_path: where the server looks first when it imports users' models.
        :param registered: model name -> ``module:attr``.
        :param log_path: gets what the server and its models print.
        :param cwd: the server's working directory; by default this process's.
        :param policy: how the server works.
        :param on_restart: called, in another thread, when a first server has died and
            a second one runs; the place to announce again what is still to be done.
            Not for a third one: what is announced may be what kills servers.
        :raises UserError: if two different models have one label, or no process can
            be started.
        """
        with self._lock:
            if self._process is not None or self._stopping:
                return
            self.open()
            config = ServerConfig(
                secret=self._secret,
                models=_distinct(models),
                sys_path=tuple(sys_path),
                registered=dict(registered or {}),
                policy=policy or Policy(),
            )
            environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
            where = Path.cwd() if cwd is None else cwd
            spawn = partial(self._spawn, config, log_path, environment, where)
            try:
                self._process = spawn()
            except OSError as error:
                self._close_listener()
                raise UserError(
                    f"the generation server cannot be started: {error}"
                ) from error
            self._watcher = threading.Thread(
                target=self._watch,
                args=(spawn, on_restart),
                name="generation server watcher",
                daemon=True,
            )
            self._watcher.start()

    def stop(self) -> None:
        """End the server within two seconds, whatever it does; safe at any time."""
        with self._lock:
            self._stopping = True
            process = self._process
        if process is not None:
            _end(process)
        self._close_listener()
        if self._watcher is not None:
            self._watcher.join()

    def _spawn(
        self,
        config: ServerConfig,
        log_path: Path,
        environment: dict[str, str],
        cwd: Path,
    ) -> subprocess.Popen[bytes]:
        assert self._listener is not None
        fd = self._listener.fileno()
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _START, str(_PACKAGE_ROOT), str(fd)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[fd],
                env=environment,
                cwd=cwd,
                # Ctrl-C is for the controller, which then stops the server; and the
                # server can be killed together with all that its engines started.
                start_new_session=True,
            )
        assert process.stdin is not None
        # A process that died already is the watcher's business.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(config.to_line())
            process.stdin.flush()
        return process

    def _watch(
        self,
        spawn: Callable[[], subprocess.Popen[bytes]],
        on_restart: Callable[[], None] | None,
    ) -> None:
        """Replace the server when it dies, twice at most; then refuse connections."""
        process = self._process
        while process is not None:
            process.wait()
            with self._lock:
                if self._stopping:
                    return
                _end(process)
                process = None
                if self._restarts_left > 0:
                    self._restarts_left -= 1
                    with contextlib.suppress(OSError):
                        process = spawn()
                if process is None:
                    # Nobody will answer: better a clear error than a long wait.
                    self._close_listener()
                else:
                    self._process = process
            is_second = self._restarts_left == RESTARTS - 1
            if process is not None and is_second and on_restart is not None:
                on_restart()

    def _close_listener(self) -> None:
        """Who waits in the backlog is sent away, who comes later is refused."""
        if self._listener is not None:
            # Also where another process holds a copy of the socket.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()


def _distinct(models: Iterable[ModelSpec]) -> tuple[ModelSpec, ...]:
    by_label: dict[str, ModelSpec] = {}
    for spec in models:
        if by_label.setdefault(spec.label, spec) != spec:
            raise UserError(
                f"two models are called {spec.label!r} ({by_label[spec.label].spec} "
                f"and {spec.spec}, or other settings): rename one"
            )
    return tuple(by_label.values())


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server: its input ends, and what is left soon after is killed."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    try:
        process.wait(STOPPING_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
