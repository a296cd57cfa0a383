"""The worker's side of a fork server: start it, hand it programs, watch them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest_selfinvoke.core
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.sandbox import namespaces
from pytest_selfinvoke.sandbox.base import Isolation, Limits
from pytest_selfinvoke.sandbox.running import Running

#: Isolation to try, the best first; rlimits are always set.
TIERS = ("namespaces", "landlock", "seccomp")

_START_S = 60.0
_PACKAGE = Path(pytest_selfinvoke.core.__file__).parents[1]
# The environment is ours and empty but for this, so that -E (part of -I) would only
# take the fixed hash seed away: equal programs must iterate sets in equal order.
_FLAGS = ("-s", "-P", "-B")
_START = (
    "import sys; root = sys.argv[2]; sys.path.insert(0, root); "
    "from pytest_selfinvoke.sandbox.server import main; main()"
)
_ENVIRONMENT = {
    "HOME": namespaces.BOX,
    # pyarrow, which pandas loads, starts a thread; namespaces want a single one.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "LANG": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "NUMEXPR_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/bin:/bin",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "TMPDIR": namespaces.BOX,
}


class ForkServer:
    """Starts lazily; runs one program at a time.

    :param preload: modules to have loaded before the fork.
    :param tiers: isolation to try.
    :param hash_seed: of texts, which decides the order of sets.
    """

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        tiers: Sequence[str] = TIERS,
        hash_seed: int = 0,
    ) -> None:
        self._preload, self._tiers = tuple(preload), tuple(tiers)
        self._hash_seed = hash_seed
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._isolation: Isolation | None = None
        self._least: Isolation | None = None
        self._boxes: Path | None = None

    @property
    def isolation(self) -> Isolation:
        """What the server obtained; starts it if need be.

        :raises NotJudgedError: if it cannot be started.
        """
        self.start()
        assert self._isolation is not None
        return self._isolation

    def start(self) -> socket.socket:
        """Start the server if it does not run, and return its control socket.

        :raises NotJudgedError: if it cannot be started.
        """
        if self._control is None:
            try:
                self._control = self._start_best()
            except (OSError, ValueError) as error:
                self.close()
                raise NotJudgedError(f"the sandbox does not start: {error}") from error
        return self._control

    def insist(self, isolation: Isolation) -> None:
        """Never start with less than this: what one start failed at, a kill may be."""
        self._least = isolation

    def _start_best(self) -> socket.socket:
        """Start in namespaces, or without: some hosts give a namespace but no mount."""
        try:
            return self._start(self._tiers)
        except OSError:
            rest = [tier for tier in self._tiers if tier != "namespaces"]
            if self._least is not None or len(rest) == len(self._tiers):
                raise
            self.close()
            return self._start(rest)

    def _start(self, tiers: Sequence[str]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(_START_S)
        root = str(_PACKAGE.parent)
        config = {
            "control": theirs.fileno(),
            "root": root,
            "prefixes": _prefixes(),
            "hidden": [str(_PACKAGE)],
            "preload": self._preload,
            "tiers": list(tiers),
            "boxes": "" if "namespaces" in tiers else self._make_boxes(),
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *_FLAGS, "-c", _START, json.dumps(config), root],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                env={**_ENVIRONMENT, "PYTHONHASHSEED": str(self._hash_seed)},
                cwd="/",
                # Ctrl-C is for the worker, which then closes the server.
                start_new_session=True,
            )
        try:
            self._isolation = self._agreed(ours)
        except BaseException:
            ours.close()
            raise
        ours.settimeout(None)
        return ours

    def _agreed(self, ours: socket.socket) -> Isolation:
        """Help the new server into its namespaces, and hear what it obtained."""
        assert self._process is not None
        answer = self._receive(ours)
        if "namespaces" in answer:
            if answer["namespaces"] is True:
                second = namespaces.write_maps(self._process.pid)
                ours.send(b"two" if second else b"one")
            else:
                ours.send(self._make_boxes().encode())
            answer = self._receive(ours)
        found = Isolation(tier=answer["tier"], layers=answer["layers"])
        if self._least is not None and _rank(found) > _rank(self._least):
            raise OSError(f"isolation was {self._least.tier}, now {found.describe()}")
        return found

    def _make_boxes(self) -> str:
        """Where there is no private tmpfs: a folder for the programs' folders."""
        self._boxes = Path(tempfile.mkdtemp(prefix="selfinvoke-"))
        return str(self._boxes)

    def _receive(self, control: socket.socket) -> dict[str, Any]:
        data = control.recv(65536)
        if not data:
            assert self._process is not None
            _, stderr = self._process.communicate(timeout=5)
            lines = stderr.decode(errors="replace").strip().splitlines()
            raise OSError(lines[-1] if lines else "it ended at once")
        message: dict[str, Any] = json.loads(data)
        return message

    def run(
        self, role: str, limits: Limits, *, allow_processes: bool = False
    ) -> Running:
        """Fork a process for one program.

        :param role: ``solution``, ``trial``, ``traced`` or ``covered``.
        :param allow_processes: whether the program may start others.
        :raises ServerLostError: if the server is gone.
        :raises NotJudgedError: if it cannot be started, or there is no space.
        """
        control = self.start()
        box = str(self._boxes or "")
        if self._boxes is not None:
            try:
                box = tempfile.mkdtemp(dir=self._boxes)
            except OSError as error:
                raise NotJudgedError(
                    f"no temporary folder for the program: {error}"
                ) from error
        return Running(control, role, limits, box, allow_processes)

    def close(self) -> None:
        """End the server and whatever it still runs."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stderr is not None:
                self._process.stderr.close()
        if self._boxes is not None:
            shutil.rmtree(self._boxes, ignore_errors=True)
        self._control = self._process = self._boxes = None


def _prefixes() -> list[str]:
    """Folders that hold the interpreter and its packages."""
    found = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix)}
    found |= {sys.prefix, sys.base_prefix}
    return sorted(found)


def _rank(isolation: Isolation) -> int:
    """How far down the tiers it is."""
    return (*TIERS, isolation.tier).index(isolation.tier)
