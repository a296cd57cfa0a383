"""The report of each item carries its record; the header says what is run."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.plugin.claims import ClaimItem
from pytest_selfinvoke.plugin.items import CaseItem
from pytest_selfinvoke.plugin.stash import (
    RECORD,
    REPORT_ATTRIBUTE,
    RUNTIME,
    TAKEN_SHORT_FORMS,
)
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.suite import Suite


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the record to the report that decides: call, or a setup that failed."""
    report = yield
    if report.skipped and isinstance(item, CaseItem) and call.excinfo is not None:
        # In place of a line of ours, which would be the same for all reasons.
        place, reason = item.case.benchmark, f"Skipped: {call.excinfo.value}"
        report.longrepr = (place, None, reason)  # type: ignore[assignment]
    if report.skipped and isinstance(item, ClaimItem) and call.excinfo is not None:
        place, reason = item.name, f"Skipped: {call.excinfo.value}"
        report.longrepr = (place, None, reason)  # type: ignore[assignment]
    if report.when == "call" or (report.when == "setup" and not report.passed):
        record = item.stash.get(RECORD, None)
        if record is None and isinstance(item, CaseItem) and call.excinfo is not None:
            # Something outside the evaluation ended the item, a --timeout for one.
            detail = f"{call.excinfo.typename}: {call.excinfo.value}".splitlines()[0]
            record = Record(
                case=item.case.to_json(), status=Status.ERROR, detail=detail
            )
        if record is not None:
            setattr(report, REPORT_ATTRIBUTE, record.to_line())
    return report


#: Kinds of models whose samples differ, or cost nothing, whatever the temperature.
_ANSWERS_GIVEN = ("oracle", "stub", "replay")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Models, benchmarks, number of cases, isolation."""
    runtime = config.stash.get(RUNTIME, None)
    lines: list[str] = []
    taken = config.stash.get(TAKEN_SHORT_FORMS, [])
    if runtime is None or not runtime.plans:
        return lines
    for origin, plan in runtime.plans.items():
        models = ", ".join(spec.label for spec in plan.suite.models)
        if not origin and not config.pluginmanager.has_plugin("selfinvoke-collection"):
            # For a team's own tests, or suite files that are yet to be found.
            lines.append(f"selfinvoke: {models}")
            continue
        benchmarks = ", ".join(
            f"{loaded.info.name} ({_counted(len(loaded.problems), 'problem')})"
            for loaded in plan.benchmarks
        )
        each = _counted(len(plan.variants), "variant")
        if plan.suite.samples > 1:
            each += f" x {plan.suite.samples} samples"
        lines.append(f"selfinvoke: {models} on {benchmarks}, {each} each")
        warnings = [w for b in plan.benchmarks for w in (b.warning, b.parents.warning)]
        warnings.append(_warn_of_samples(plan.suite))
        if plan.suite.prompt_style is not None:
            warnings.append(getattr(get_style(plan.suite.prompt_style), "warning", ""))
        lines += [f"selfinvoke: {warning}" for warning in warnings if warning]
    if runtime.isolation is not None:
        lines.append(f"sandbox: {runtime.isolation.describe()}")
    wall_s = max(plan.suite.limits.wall_s for plan in runtime.plans.values())
    timeout = _item_timeout(config)
    if 0 < timeout < wall_s:
        lines.append(
            f"selfinvoke: timeout={timeout:g} ends cases before a program's own limit "
            f"of {wall_s:g} s does, and counts them as errors"
        )
    if taken:
        lines.append(
            f"selfinvoke: another plugin owns {', '.join(taken)}; "
            "use the --selfinvoke- forms"
        )
    return lines


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Where options found nothing to apply to, say what is missing."""
    runtime = config.stash.get(RUNTIME, None)
    if (
        exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        and runtime is not None
        and runtime.settings.overrides
        and not runtime.settings.has_models
        and not terminalreporter.stats.get("deselected")
    ):
        terminalreporter.write_line(
            "selfinvoke: no model and no tests: name one with --model, for instance "
            "--model=smollm2"
        )


def _warn_of_samples(suite: Suite) -> str:
    """Asking a greedy model several times costs, and tells next to nothing."""
    asks = any(spec.kind not in _ANSWERS_GIVEN for spec in suite.models)
    if suite.samples == 1 or not suite.sampling.is_greedy or not asks:
        return ""
    return (
        "at temperature 0 the samples of a prompt are alike: draw them with, say,"
        " -o selfinvoke_temperature=0.8"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _item_timeout(config: pytest.Config) -> float:
    """The seconds that pytest-timeout gives an item; 0 is no limit."""
    try:
        return float(config.getoption("timeout", None) or config.getini("timeout") or 0)
    except ValueError:  # no such ini value, or no number: pytest-timeout tells
        return 0.0
