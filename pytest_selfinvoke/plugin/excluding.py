"""``--exclude-unsound``: scores also without the problems of a quarantine list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_selfinvoke.core.errors import UserError
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
        controller.tallies.sound = SoundBuilder(unsound)
        controller.more["unsound"] = lambda: unsound
        controller.sections.append(self.lines)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse a list of other problems."""
        plans = self._controller.runtime.plans.values()
        hashes = {b.info.name: b.hash for plan in plans for b in plan.benchmarks}
        try:
            check_hashes(self._path, self._listed, hashes)
        except UserError as error:
            raise pytest.UsageError(str(error)) from error

    def lines(self) -> Iterator[str]:
        """What the terminal says, after the tables."""
        tallies = self._controller.tallies
        yield from sound_lines(
            tallies.summary.cells(), tallies.sound.cells(), self._path.name
        )
