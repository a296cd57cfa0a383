"""One case as a pytest item.

Everything that can go wrong on our side happens in *setup* (an error in pytest's
words); *call* only says whether the program solved the problem.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case, Problem
from pytest_selfinvoke.evaluation import evaluate
from pytest_selfinvoke.plugin.stash import RECORD, RUNTIME
from pytest_selfinvoke.reports.case import describe, properties


class UnsolvedError(AssertionError):
    """The model's program did not solve the problem."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.detail or record.failure_kind)
        self.record = record


class CaseItem(pytest.Item):
    """Asks the model, runs the program, passes or fails."""

    def __init__(self, *, case: Case, problem: Problem, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case, self.problem = case, problem
        mark = pytest.mark.selfinvoke(
            benchmark=case.benchmark,
            problem=case.problem,
            model=case.model,
            attack=case.variant.attack,
            family=case.variant.family,
        )
        self.add_marker(mark)

    def setup(self) -> None:
        """Generate, extract, execute and judge; errors and skips come from here."""
        runtime = self.config.stash[RUNTIME]
        plan = runtime.plans[self.case.suite]
        try:
            if reason := runtime.reason_to_skip(plan, self.case):
                record = Record(
                    case=self.case.to_json(), status=Status.SKIPPED, detail=reason
                )
            else:
                record = evaluate(self.case, self.problem, runtime.services(plan))
                runtime.note(plan, self.case, record)
        except SelfInvokeError as error:
            # No sandbox, or a model that cannot be loaded: it befalls every case.
            record = Record(
                case=self.case.to_json(), status=Status.ERROR, detail=str(error)
            )
        note(self, record)
        if record.status is Status.SKIPPED:
            pytest.skip(record.detail)
        if record.status is Status.ERROR:
            pytest.fail(f"could not be judged: {record.detail}", pytrace=False)

    def runtest(self) -> None:
        """Fail if the program did not solve the problem."""
        record = self.stash[RECORD]
        if not record.solved:
            raise UnsolvedError(record)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        """Prompt, completion, program and failing test in place of a traceback."""
        if isinstance(excinfo.value, UnsolvedError):
            return describe(excinfo.value.record)
        return super().repr_failure(excinfo, style=style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the item stands, for headings: there is no source line.

        pytest turns dots to colons in headings that end an id, hence the word before.
        """
        return self.path, None, f"case {self.nodeid}"


def note(item: pytest.Item, record: Record) -> None:
    """Keep a record on its item, with the short facts that JUnit shows."""
    item.stash[RECORD] = record
    # In place of those of an earlier record, where an item runs again.
    others = [fact for fact in item.user_properties if fact[0][:11] != "selfinvoke."]
    item.user_properties[:] = [*others, *properties(record)]
