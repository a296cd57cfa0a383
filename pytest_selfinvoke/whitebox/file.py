"""The file of a search: one JSON object a line, written as soon as it is found.

Each line has a hash of its own content, so that a line cut off by a crash is seen.
The attack ``whitebox:FILE`` (:mod:`pytest_selfinvoke.attacks.whitebox`) reads it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash, dumps


@dataclass(frozen=True, slots=True)
class SearchFile:
    """Opened for one search: lines of another one are refused.

    :param search: what all lines have in common (settings, model, style, seed).
    """

    path: Path
    search: dict[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)

    def open(self) -> None:
        """Read what an earlier, perhaps killed, search has found.

        :raises UserError: if the file is another search's, or cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as stream:
                stream.seek(0)
                whole = 0
                for number, raw in enumerate(stream, 1):
                    if not raw.endswith(b"\n"):
                        # Killed while it wrote.
                        break
                    self.lines.append(self._checked(raw, number))
                    whole += len(raw)
                stream.truncate(whole)
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from error

    def add(self, found: dict[str, Any]) -> None:
        """Write a line, and have it on the disk before going on.

        :raises UserError: if it cannot be written.
        """
        line = {**found, "search": self.search}
        line["hash"] = content_hash(line)
        try:
            with self.path.open("ab") as stream:
                stream.write(f"{dumps(line)}\n".encode())
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from error
        self.lines.append(line)

    def _checked(self, raw: bytes, number: int) -> dict[str, Any]:
        try:
            line = json.loads(raw)
            plain = {key: value for key, value in line.items() if key != "hash"}
            is_sound = line["hash"] == content_hash(plain)
        except (ValueError, KeyError, AttributeError, TypeError):
            is_sound = False
        if not is_sound:
            raise DataError(self.path, "is damaged: remove the line", line=number)
        for key, value in self.search.items():
            if line.get("search", {}).get(key) != value:
                raise UserError(
                    f"{self.path} holds another search (its {key} differs): name "
                    "another file"
                )
        assert isinstance(line, dict)
        return line
