"""What decides about a whole run becomes test items, and the exit status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast

import pytest

Outcome: TypeAlias = Literal["passed", "failed", "skipped"]
#: Their reports would make these stop the session, or look for the item next time.
_NOT_TOLD = ("lfplugin", "stepwiseplugin", "selfinvoke-controller")

_ROUND = str.maketrans("[]", "()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """One decision, as a test item of ``selfinvoke GROUP``."""

    group: str
    name: str
    outcome: Outcome
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """What stands where other items have their file."""
        return f"selfinvoke {self.group}"

    @property
    def id(self) -> str:
        """The item's node id, with ``(scope)`` for ``[scope]``.

        pytest takes all behind ``[`` for parameters, and ends them with ``]``.
        """
        return f"{self.place}::{self.name}".translate(_ROUND)

    @property
    def location(self) -> tuple[str, None, str]:
        """As of any item.

        Not the bare name: pytest would write ``::`` for the dots at the end of the id.
        """
        return self.place, None, f"{self.group} {self.name}"

    def reports(self) -> Iterator[pytest.TestReport]:
        """Setup, call and teardown, as of any item."""
        yield self._report("setup", "passed")
        yield self._report("call", self.outcome)
        yield self._report("teardown", "passed")

    def _report(
        self, when: Literal["setup", "call", "teardown"], outcome: Outcome
    ) -> pytest.TestReport:
        longrepr: Any = None
        if outcome == "failed":
            longrepr = self.text
        elif outcome == "skipped":
            longrepr = (self.place, None, f"Skipped: {self.text}")
        return pytest.TestReport(
            nodeid=self.id,
            location=self.location,
            keywords={},
            outcome=outcome,
            longrepr=longrepr,
            when=when,
            user_properties=[(f"selfinvoke.{k}", v) for k, v in self.facts.items()],
        )


def send(session: pytest.Session, decided: Iterable[Decided]) -> None:
    """Give the items to the terminal, JUnit XML and whoever else listens."""
    decided = list(decided)
    if not decided:
        return
    manager = session.config.pluginmanager
    others = [session, *map(manager.get_plugin, _NOT_TOLD)]
    send_report = manager.subset_hook_caller(
        "pytest_runtest_logreport", [plugin for plugin in others if plugin is not None]
    )
    # The terminal's share of what is done stays below 100 %.
    session.testscollected += len(decided)
    _begin_line(session.config)
    for one in decided:
        where = {"nodeid": one.id, "location": one.location}
        session.config.hook.pytest_runtest_logstart(**where)
        for report in one.reports():
            send_report(report=report)
        session.config.hook.pytest_runtest_logfinish(**where)


def _begin_line(config: pytest.Config) -> None:
    """End the line of the last case, which says 100 %."""
    terminal = cast(Any, config.pluginmanager.get_plugin("terminalreporter"))
    if terminal is not None and terminal.verbosity <= 0:
        if terminal.showfspath:
            terminal.ensure_newline()
        else:
            terminal.line("")
