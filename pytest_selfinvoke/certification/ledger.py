"""What was certified before: an append-only file that many processes share."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pytest_selfinvoke.core.cache import cache_dir
from pytest_selfinvoke.core.jsonio import content_hash, dumps

#: A ledger that has grown beyond this is begun anew.
MAX_BYTES = 64 * 2**20


def user_path(environ: Mapping[str, str]) -> Path:
    """The ledger in the user's cache."""
    return cache_dir(environ) / "certificates.jsonl"


class Ledger:
    """Key -> value, both short strings; in memory only where there is no file.

    A line is ``[key, value, check]``. What is no such line, or does not fit its check,
    is left out: a cache is never trusted. Lines are appended many at a time with one
    write to a descriptor opened for appending, so that writers do not mix.

    :param path: the file; its folder is made when something is written.
    """

    def __init__(self, path: Path | None = None, *, batch: int = 256) -> None:
        self.path = path
        #: Why nothing is kept on disk, if so.
        self.problem = ""
        self._batch = batch
        self._known: dict[str, str] | None = None
        self._waiting: list[str] = []

    def get(self, key: str) -> str | None:
        """The value that was put under a key, by this process or an earlier one."""
        if self._known is None:
            self._known = self._read()
        return self._known.get(key)

    def put(self, key: str, value: str, *, lasting: bool = True) -> None:
        """Remember a value.

        :param lasting: whether other runs may rely on it.
        """
        if self.get(key) == value:
            return
        assert self._known is not None
        self._known[key] = value
        if lasting and self.path is not None:
            self._waiting.append(dumps([key, value, _check(key, value)]))
            if len(self._waiting) >= self._batch:
                self.flush()

    def flush(self) -> None:
        """Hand what waits to the system. A file that cannot be written is no error."""
        if not self._waiting or self.path is None:
            return
        # It begins with a line end: what a killed writer left is a line of its own.
        data = ("\n" + "\n".join(self._waiting) + "\n").encode("ascii")
        self._waiting.clear()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, flags, 0o644)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            self.problem = f"{self.path} cannot be written: {error.strerror or error}"
            self.path = None

    def _read(self) -> dict[str, str]:
        if self.path is None:
            return {}
        try:
            if self.path.stat().st_size > MAX_BYTES:
                self.path.unlink()
            data = self.path.read_bytes()
        except OSError:
            return {}
        found = {}
        for line in data.split(b"\n"):
            entry = _entry(line) if line else None
            if entry is not None:
                found[entry[0]] = entry[1]
        return found


def _entry(line: bytes) -> tuple[str, str] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    match value:
        case [str(key), str(text), str(check)] if check == _check(key, text):
            return key, text
        case _:
            return None


def _check(key: str, value: str) -> str:
    return content_hash([key, value])[:12]
