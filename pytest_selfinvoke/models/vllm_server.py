"""``vllm serve`` as a process of ours: started, watched, and ended with us."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.models.openai_json import first_line

SUPERVISOR = Path(__file__).with_name("supervisor.py")
TAIL_LINES = 60
ASK_EVERY_S = 0.25
TELL_EVERY_S = 15.0
#: For the supervisor to end the server; it has its own, shorter, limits.
CLOSING_S = 10.0
_ERROR = re.compile(r"\b[\w.]*(?:Error|Exception|error)\b: *\S.*")


class VllmServer:
    """A server on the loopback. Its output goes line by line to ``tell``.

    :param command: without host and port.
    :param environ: of the server.
    :param tell: gets lines for the log of the run.
    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        tell: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        port = _free_port()
        self.root = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-I", str(SUPERVISOR)),
                *command,
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            # Who kills the group of this process leaves the supervisor to its work.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, timeout_s: float) -> None:
        """Wait until the server answers.

        :raises UserError: in one line, if it ends or takes too long; then it is closed.
        """
        started = self._clock()
        told = started
        while not self._is_healthy():
            now = self._clock()
            if self._process.poll() is not None:
                self._fail(f"ended with status {self._process.returncode}")
            if now - started > timeout_s:
                self._fail(f"did not answer within {timeout_s:g} s")
            if now - told >= TELL_EVERY_S:
                told = now
                last = self._tail[-1] if self._tail else "it says nothing yet"
                self._tell(f"vllm: starting for {now - started:.0f} s: {last}")
            time.sleep(ASK_EVERY_S)
        self._tell(f"vllm: started in {self._clock() - started:.0f} s")

    def close(self) -> None:
        """End the server and all its processes; a second call changes nothing."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSING_S)
        self._reader.join(1.0)

    @property
    def last_words(self) -> str:
        """The last line of the log that names an error, else the last line."""
        lines = list(self._tail)
        for line in reversed(lines):
            if found := _ERROR.search(line):
                return first_line(found.group())
        return first_line(lines[-1]) if lines else "it said nothing"

    def _fail(self, what: str) -> None:
        self.close()
        raise UserError(
            f"vllm serve {what}: {self.last_words} (its log is in generation.log)"
        )

    def _is_healthy(self) -> bool:
        try:
            with urlopen(f"{self.root}/health", timeout=5) as response:
                return bool(response.status == 200)
        except (OSError, HTTPException):
            return False

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for raw in stream:
                if line := raw.decode("utf-8", "replace").rstrip():
                    self._tail.append(line)
                    self._tell(f"vllm: {line}")


def write_to_log(text: str) -> None:
    """One line of the log of the generation server, which is standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def server_environment(environ: Mapping[str, str], key: str) -> dict[str, str]:
    """The environment of the server; ``key`` shuts others on this machine out."""
    quiet = {"VLLM_NO_USAGE_STATS": "1", "PYTHONUNBUFFERED": "1"}
    return {**quiet, **environ, "VLLM_API_KEY": key}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
