"""``--baseline``: the run against an earlier one, and whether a loss decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.plugin.decided import Decided
from pytest_selfinvoke.reports.comparison import (
    LEVEL,
    Difference,
    comparison_lines,
    decisive,
    differences,
)
from pytest_selfinvoke.results.compare import (
    Comparison,
    check_benchmarks,
    check_names,
    compare_runs,
)
from pytest_selfinvoke.results.runs import Run, Seen, read_run

if TYPE_CHECKING:
    from pytest_selfinvoke.plugin.controller import Controller
    from pytest_selfinvoke.plugin.runtime import Runtime


class Baseline:
    """Takes the run's cases as they come, and compares them at the end."""

    def __init__(
        self, config: pytest.Config, runtime: Runtime, controller: Controller
    ) -> None:
        self.config = config
        self.runtime = runtime
        self.run: Run | None = None
        self.cases: list[Seen] = []
        self.comparison: Comparison | None = None
        self.differences: tuple[Difference, ...] = ()
        self.error = ""
        if self.in_use:
            controller.listeners.append(self._add)

    @property
    def in_use(self) -> bool:
        """Whether there is a baseline."""
        return self.runtime.settings.baseline is not None

    @property
    def decides(self) -> bool:
        """Whether the exit status depends on it."""
        return self.runtime.settings.fail_on_regression

    def check(self, *, is_planned: bool) -> None:
        """Read the baseline, before anything runs.

        :param is_planned: whether all cases are those of plans.
        :raises UserError: if it cannot be read, or is one of other benchmarks.
        """
        folder = self.runtime.settings.baseline
        if folder is not None:
            self.run = read_run(folder)
            check_benchmarks(self._benchmarks(), self.run)
            if is_planned:
                check_names(self._benchmarks(), self.run)

    def decide(self) -> Iterator[Decided]:
        """Compare, once everything ran; items where a regression decides."""
        if self.run is None:
            return
        now = Run(
            name="this run", cases=tuple(self.cases), benchmarks=self._benchmarks()
        )
        try:
            self.comparison = compare_runs(now, self.run)
        except UserError as error:
            self.error = str(error)
            yield Decided(
                group="baseline", name=self.run.name, outcome="failed", text=self.error
            )
            return
        self.differences = differences(self.comparison)
        if self.decides:
            deciding = decisive(self.differences)
            yield from map(self._item, deciding)
            if not deciding:
                yield Decided(
                    group="baseline",
                    name=self.run.name,
                    outcome="failed",
                    text="no case was judged in both runs on the same prompt",
                )

    def lines(self) -> Iterator[str]:
        """What the terminal says of it."""
        if self.error:
            yield f"error: {self.error}"
        if self.comparison is not None:
            verbose = self.config.get_verbosity() > 0
            yield ""
            yield from comparison_lines(
                self.comparison, self.differences, verbose=verbose
            )

    def _add(self, record: Record) -> None:
        self.cases.append(Seen.from_record(record))

    def _benchmarks(self) -> dict[str, str]:
        return {
            loaded.info.name: loaded.hash
            for plan in self.runtime.plans.values()
            for loaded in plan.benchmarks
        }

    def _item(self, one: Difference) -> Decided:
        paired = one.paired
        text = (
            f"solved {100 * one.before:.1f} % before and {100 * one.now:.1f} % now: "
            f"{paired.worse} of {paired.n} problems worse, {paired.better} better, "
            f"p={paired.p:.3f}; a loss counts below {LEVEL}"
        )
        return Decided(
            group="baseline",
            name=f"{one.model}/{one.benchmark}",
            outcome="failed" if one.is_loss else "passed",
            text=text,
            facts={
                "model": one.model,
                "benchmark": one.benchmark,
                "before": str(one.before),
                "now": str(one.now),
                "worse": str(paired.worse),
                "better": str(paired.better),
                "p": str(paired.p),
            },
        )
