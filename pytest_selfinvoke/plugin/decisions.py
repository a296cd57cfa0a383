"""The exit status of runs that are decided as a whole, by gates or by a baseline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.plugin.baseline import Baseline
from pytest_selfinvoke.plugin.decided import send
from pytest_selfinvoke.plugin.gating import Gating
from pytest_selfinvoke.plugin.stash import REPORT_ATTRIBUTE
from pytest_selfinvoke.suite import SUFFIX

if TYPE_CHECKING:
    from pytest_selfinvoke.plugin.controller import Controller
    from pytest_selfinvoke.plugin.runtime import Runtime

_NOT_SOLVED = (Status.FAILED.value, Status.ERROR.value)


class Decisions:
    """Sends the items of gates and baseline, and sets the exit status by them.

    Registered on the controller, after it. What is no case (a team's own assertion, an
    ordinary test, a broken fixture) fails the session as ever.
    """

    def __init__(
        self, config: pytest.Config, runtime: Runtime, controller: Controller
    ) -> None:
        self.config = config
        self.controller = controller
        self.gating = Gating(config, runtime, controller)
        self.baseline = Baseline(config, runtime, controller)
        self.other_failures = 0
        self.note = ""
        controller.sections.append(self.lines)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse gates and baselines that say nothing of this run."""
        if not session.config.option.collectonly:
            try:
                is_planned = self._is_planned()
                self.gating.check(is_planned=is_planned)
                self.baseline.check(is_planned=is_planned)
            except UserError as error:
                raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count failures that are no case's, before the controller sees the report."""
        if report.failed:
            line: str | None = getattr(report, REPORT_ATTRIBUTE, None)
            if line is not None:
                is_case = json.loads(line)["status"] in _NOT_SOLVED
            else:
                # xdist's report of a crashed worker: the controller makes a record.
                known = report.nodeid in self.controller.expected
                is_case = known and report.nodeid not in self.controller.recorded
            self.other_failures += not is_case

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count what could not be collected."""
        self.other_failures += report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Decide, before JUnit XML is written."""
        ended = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if session.exitstatus not in ended or session.config.option.collectonly:
            return
        gating, baseline = self.gating, self.baseline
        if not (gating.in_use or baseline.in_use):
            return
        self.note = self._selected_by_outcome()
        if self.note:
            return
        decided = [*gating.decide(), *baseline.decide()]
        self.controller.gates = gating.to_json()
        send(session, decided)
        failed = any(one.outcome == "failed" for one in decided)
        if not (gating.measured or baseline.decides):
            # pytest's own status stands, unless the baseline turned out to be unfit.
            session.exitstatus = ended[failed] if failed else session.exitstatus
        else:
            lost = gating.lost()
            failed = failed or lost.counted > 0 or self.other_failures > 0
            self.note = lost.describe()
            session.exitstatus = ended[failed]

    def lines(self) -> Iterator[str]:
        """What the terminal says, after the tables."""
        yield from self.gating.lines()
        yield from self.baseline.lines()
        if self.note:
            yield self.note

    def _is_planned(self) -> bool:
        """Whether all cases are known now: a team's own tests are not."""
        files = [argument.split("::")[0] for argument in self.config.args]
        has_plans = bool(self.controller.runtime.plans)
        return has_plans and all(file.endswith(SUFFIX) for file in files)

    def _selected_by_outcome(self) -> str:
        """Why nothing is decided: cases chosen because they failed are no sample."""
        option = self.config.option
        names = ("lf", "stepwise")  # not there without the cache plugin
        if not any(getattr(option, name, False) for name in names):
            return ""
        plans = self.controller.runtime.plans.values()
        planned = sum(1 for plan in plans for _ in plan.all_cases())
        if len(self.controller.expected) == planned:
            return ""
        return (
            "gates and baseline: left out, for --lf and --sw choose cases that failed"
        )
