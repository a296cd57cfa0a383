"""``--published``: own scores beside published ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_selfinvoke.plugin.manifest import planned
from pytest_selfinvoke.reports.published import Beside, beside, beside_lines
from pytest_selfinvoke.results.published import read_published

if TYPE_CHECKING:
    from pytest_selfinvoke.plugin.controller import Controller


class Publishing:
    """Puts the rows into terminal and manifest; registered on the controller.

    :raises UserError: if the published results cannot be read.
    """

    def __init__(self, path: Path, controller: Controller) -> None:
        self._cells = read_published(path)
        self._controller = controller
        controller.more["published"] = self._to_json
        controller.sections.append(self.lines)

    def lines(self) -> Iterator[str]:
        """What the terminal says, after the tables."""
        yield from beside_lines(self._rows())

    def _rows(self) -> tuple[Beside, ...]:
        scores = self._controller.tallies.summary.cells()
        return beside(scores, self._cells, planned(self._controller.runtime))

    def _to_json(self) -> list[dict[str, Any]]:
        return [row.to_json() for row in self._rows()]
