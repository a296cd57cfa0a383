"""``--selfinvoke-minimize``: shrink what broke cases, after the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case
from pytest_selfinvoke.plugin.announcing import Planned
from pytest_selfinvoke.plugin.budget import is_attack
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.reproduction import Reproduction, reproduce
from pytest_selfinvoke.results.reproducer import write_reproducer
from pytest_selfinvoke.results.store import read_records

_Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A case that an attack broke, and the case that was solved without the attack."""

    planned: Planned
    nominal: Case


def minimize_broken(
    config: pytest.Config,
    runtime: Runtime,
    planned: Sequence[Planned],
    run: Path,
    *,
    shown: Callable[[Path], str],
    on_interrupt: Callable[[], None],
) -> list[str]:
    """Write a reproducer for the first broken cases; what came of each, in lines.

    Nothing is done without the option. Ctrl-C ends it and keeps what is there.

    :param shown: how a path is printed.
    :param on_interrupt: called at once after Ctrl-C.
    """
    probes = runtime.settings.minimize_probes
    if probes is None:
        return []
    lines: list[str] = []
    try:
        chosen = list(_chosen(runtime, planned, run))
        wanted = {entry.planned[1].id for entry in chosen}
        records = {r.id: r for r in read_records(run) if r.id in wanted}
        if chosen:
            # With xdist the line of dots is still open, whatever the reporter thinks.
            show(config, "")
        for number, entry in enumerate(chosen, 1):
            case = entry.planned[1]
            show(config, f"minimizing {number} of {len(chosen)}: {case.id}")
            record = records[case.id]
            outcome = list(_one(runtime, entry, record, run, shown))
            lines += [f"minimized: {case.id}", *outcome]
    except KeyboardInterrupt:
        on_interrupt()
        lines.append("minimizing was interrupted; what is written is kept")
    except SelfInvokeError as error:
        lines.append(f"not minimized: {error}")
    return lines or [
        "nothing to minimize: no case was solved as it is and broken by an attack"
    ]


def show(config: pytest.Config, line: str) -> None:
    """A line that says what is done after the last case."""
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None and config.get_verbosity() >= 0:
        reporter.ensure_newline()
        reporter.write_line(line)


def _chosen(
    runtime: Runtime, planned: Sequence[Planned], run: Path
) -> Iterator[_Broken]:
    """The first broken cases of each model and benchmark, in the order of the plan."""
    solved: set[str] = set()
    failed: set[str] = set()
    for record in read_records(run):
        if record.judged:
            (solved if record.solved else failed).add(record.id)
    nominals = {
        _key(case, case.variant.attack): case
        for _, case, _ in planned
        if case.id in solved
    }
    names = runtime.nominals()
    counts: Counter[_Key] = Counter()
    for entry in planned:
        plan, case, _ = entry
        specs = {spec.label: spec for spec in plan.suite.models}
        nominal = nominals.get(_key(case, names[case.variant.attack]))
        group = (case.suite, case.model, case.benchmark)
        if (
            case.id in failed
            and nominal is not None
            and is_attack(case.variant, runtime.registries.attacks)
            # A file of completions gives the same one whatever the prompt says.
            and getattr(runtime.kind(specs[case.model]), "reads_prompts", True)
            and counts[group] < runtime.settings.minimize_cases
        ):
            counts[group] += 1
            yield _Broken(planned=entry, nominal=nominal)


def _key(case: Case, attack: str) -> _Key:
    return (
        case.suite,
        case.benchmark,
        case.model,
        case.problem,
        case.sample,
        attack,
    )


def _one(
    runtime: Runtime,
    entry: _Broken,
    record: Record,
    run: Path,
    shown: Callable[[Path], str],
) -> Iterator[str]:
    plan, case, problem = entry.planned
    try:
        found = reproduce(
            record,
            case,
            entry.nominal,
            problem,
            runtime.services(plan),
            probes=runtime.settings.minimize_probes or 0,
        )
    except SelfInvokeError as error:
        runtime.drop_client()
        yield f"    left as it is: {error}"
        return
    changes = _changes(found)
    path = write_reproducer(
        run,
        found.record,
        tests=found.tests,
        diff=found.diff,
        changes=changes,
        timeout_s=plan.suite.limits.wall_s,
    )
    yield f"    {changes}"
    yield f"    {shown(path)}"


def _changes(found: Reproduction) -> str:
    less = "" if found.is_minimal else ", not all of them tried"
    return f"{found.kept} of {found.total} changes (probes: {found.probes}{less})"
