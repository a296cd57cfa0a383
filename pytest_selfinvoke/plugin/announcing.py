"""Tell the generation server which completions will be asked for, ahead of time."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.records import Case, Problem
from pytest_selfinvoke.evaluation import Asking
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.plan import Plan
from pytest_selfinvoke.plugin.runtime import Connection, Runtime, connect
from pytest_selfinvoke.sandbox.runner import Sandbox

Planned: TypeAlias = tuple[Plan, Case, Problem]

_CHUNK = 32


def announce(
    runtime: Runtime, connection: Connection, planned: Sequence[Planned]
) -> None:
    """Send the plan from a thread of its own; the session does not wait for it."""
    useful = [
        entry
        for entry in planned
        if _plans_ahead(runtime, entry) and not runtime.budget.decides(*entry[:2])
    ]
    if useful:
        thread = threading.Thread(
            target=_send, args=(runtime, connection, useful), daemon=True
        )
        thread.start()


def _by_model(planned: Sequence[Planned]) -> dict[str, list[Planned]]:
    models: dict[str, list[Planned]] = {}
    for entry in planned:
        models.setdefault(entry[1].model, []).append(entry)
    return models


def _plans_ahead(runtime: Runtime, entry: Planned) -> bool:
    plan, case, _ = entry
    specs = {spec.label: spec for spec in plan.suite.models}
    return runtime.kind(specs[case.model]).plans_ahead


def _send(runtime: Runtime, connection: Connection, planned: Sequence[Planned]) -> None:
    client = connect(connection)
    # This thread's own: a sandbox is not for several threads.
    sandbox = Sandbox(planned[0][0].suite.sandbox)
    certifier = runtime.certifier(planned[0][0].suite, sandbox)
    try:
        # All of a model's cases together: it may have to give its place in memory up.
        for label, entries in _by_model(planned).items():
            # Before anything else: making the first texts may take until a worker asks.
            client.plan(label, [], more=True)
            waiting: list[Request] = []
            for plan, case, problem in entries:
                asking = runtime.asking(plan, client, certifier)
                request = _request(asking, case, problem)
                waiting += [request] if request is not None else []
                if len(waiting) == _CHUNK:
                    client.plan(label, waiting, more=True)
                    waiting = []
            client.plan(label, waiting)
    except SelfInvokeError:
        # The session ended, or the model cannot be loaded: each item says so itself.
        return
    finally:
        client.close()
        sandbox.close()
        certifier.ledger.flush()


def _request(asking: Asking, case: Case, problem: Problem) -> Request | None:
    try:
        return asking.ask(case, problem).request
    except SelfInvokeError:
        # Not applicable, or a broken attack: the item reports it.
        return None


def shared_rows(planned: Iterable[Planned]) -> list[str]:
    """Which models on which benchmarks come from several suites; a line for each.

    Tables, plots and gates know models and benchmarks by their names only.
    """
    origins: dict[tuple[str, str], set[str]] = {}
    for _, case, _ in planned:
        origins.setdefault((case.model, case.benchmark), set()).add(case.suite)
    return [
        f"note: {model} on {benchmark} is in {len(found)} suites, whose cases share "
        "rows; give the model another name in each to tell them apart"
        for (model, benchmark), found in sorted(origins.items())
        if len(found) > 1
    ]
