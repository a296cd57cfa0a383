"""``--exclude-unsound``: scores also without the problems of a quarantine list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.sound import SoundBuilder, sound_lines
from pytest_selfinvoke.results.quarantine import check_hashes, read_quarantine

if TYPE_CHECKING:
    from pytest_selfinvoke.plugin.controller import Controller


class Excluding:
    """Counts the records of sound problems once more; registered on the controller.

    The unsound ones are run all the same, so that both scores are known.

    :raises UserError: if the list cannot be read.
    """

    def __init__(self, path: Path, controller: Controller) -> None:
        self._path, self._controller = path, controller
        self._listed = read_quarantine(path)
        unsound = {name: list(listed.problems) for name, listed in self._listed.items()}
        self._sound = SoundBuilder(unsound)
        controller.unsound = unsound
        controller.listeners.append(self._add)
        controller.sections.append(self.lines)
        self._any = False

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse a list of other problems."""
        plans = self._controller.runtime.plans.values()
        hashes = {b.info.name: b.hash for plan in plans for b in plan.benchmarks}
        try:
            check_hashes(self._path, self._listed, hashes)
        except UserError as error:
            raise pytest.UsageError(str(error)) from error

    def _add(self, record: Record) -> None:
        self._any = True
        self._sound.add(record)

    def lines(self) -> Iterator[str]:
        """What the terminal says, after the tables."""
        if self._any:
            cells = self._controller.summary.cells()
            yield from sound_lines(cells, self._sound.cells(), self._path.name)
