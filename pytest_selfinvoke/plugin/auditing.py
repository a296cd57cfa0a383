"""``--selfinvoke-audit``: every problem of the chosen benchmarks, with progress."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from pytest_selfinvoke.audit.auditor import Audited, Auditor
from pytest_selfinvoke.audit.table import audit_lines
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.results.quarantine import Listed, write_quarantine
from pytest_selfinvoke.sandbox.runner import Sandbox

#: Of texts, besides the one that all programs run with.
_HASH_SEEDS = (1, 2)
#: Problems between two lines of progress.
_STEP = 50


def audit_benchmarks(
    config: pytest.Config, runtime: Runtime, show: Callable[[str], None]
) -> int:
    """Audit, print a table per benchmark, write the quarantine list if one is named.

    :raises UserError: if a benchmark cannot be read or the list cannot be written.
    :raises NotJudgedError: if the sandbox fails.
    """
    suite = runtime.settings.suite()
    plan = runtime.variants_plan(suite)
    runtime.check_sandbox(suite)
    show(f"sandbox: {runtime.isolation.describe() if runtime.isolation else ''}")
    found: dict[str, Listed] = {}
    with ExitStack() as stack:
        shuffled = [
            stack.enter_context(Sandbox(suite.sandbox, hash_seed=seed))
            for seed in _HASH_SEEDS
        ]
        auditor = Auditor(
            executor=runtime.sandbox(suite.sandbox),
            shuffled=shuffled,
            limits=suite.limits,
        )
        for loaded in plan.benchmarks:
            name, total = loaded.info.name, len(loaded.problems)
            audited: list[Audited] = []
            try:
                for problem in loaded.problems:
                    audited.append(auditor.audit(problem))
                    if len(audited) % _STEP == 0:
                        show(f"{name}: {len(audited)}/{total} audited")
            except KeyboardInterrupt:
                show(
                    f"\nafter {len(audited)} of {total} problems, and no list written:"
                )
                _print(name, audited, show)
                raise
            _print(name, audited, show)
            problems = {one.problem: one.reasons for one in audited if one.reasons}
            found[name] = Listed(hash=loaded.hash, problems=problems)
    if (path := runtime.settings.quarantine) is not None:
        write_quarantine(path, found)
        count = sum(len(listed.problems) for listed in found.values())
        base = config.invocation_params.dir
        shown = path.relative_to(base) if path.is_relative_to(base) else path
        show(f"quarantine: {count} problems in {shown}")
    unsound = any(listed.problems for listed in found.values())
    return pytest.ExitCode.TESTS_FAILED if unsound else pytest.ExitCode.OK


def _print(name: str, audited: list[Audited], show: Callable[[str], None]) -> None:
    for line in audit_lines(name, audited):
        show(line)
