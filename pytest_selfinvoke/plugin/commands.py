"""``--selfinvoke-list``, ``-certify``, ``-audit``, ...: print and stop."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest

from pytest_selfinvoke.certification.certifier import Row, table
from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.plan import Plan
from pytest_selfinvoke.plugin.auditing import audit_benchmarks
from pytest_selfinvoke.plugin.rewriting import rewrite_to_file
from pytest_selfinvoke.plugin.runtime import Registries, Runtime
from pytest_selfinvoke.plugin.searching import search_to_file
from pytest_selfinvoke.plugin.stash import RUNTIME
from pytest_selfinvoke.prompts import BUILTIN as STYLES
from pytest_selfinvoke.sandbox import selftest as corpus


def print_list(config: pytest.Config) -> int:
    """Print what is registered."""

    def print_all(runtime: Runtime, show: Callable[[str], None]) -> int:
        for line in _listing(runtime.registries):
            show(line)
        return pytest.ExitCode.OK

    return configured(config, print_all)


def print_selftest(config: pytest.Config) -> int:
    """Run the corpus of hostile and honest programs in this host's sandbox.

    Exit code 1 says that something went wrong.
    """

    def run(runtime: Runtime, show: Callable[[str], None]) -> int:
        suite = runtime.settings.suite()
        runtime.check_sandbox(suite)
        sandbox = runtime.sandbox(suite.sandbox)
        report = corpus.selftest(sandbox.run, sandbox.isolation, show=show)
        return pytest.ExitCode.OK if report.ok else pytest.ExitCode.TESTS_FAILED

    return configured(config, run)


def print_certify(config: pytest.Config) -> int:
    """Make and certify every variant, and print how many can be used.

    Exit code 1 says that an attack broke a problem: such variants are never used.
    """

    def run(runtime: Runtime, show: Callable[[str], None]) -> int:
        suite = runtime.settings.suite()
        plan = runtime.variants_plan(suite)
        runtime.check_sandbox(suite)
        certifier = runtime.certifier(suite)
        show(f"sandbox: {runtime.isolation.describe() if runtime.isolation else ''}")
        rows = []
        try:
            for loaded in plan.benchmarks:
                show(f"{loaded.info.name}: {len(loaded.problems)} problems")
                show(_CERTIFIED.format("attack", *_STATUSES))
                for variants in _by_attack(plan):
                    found = [
                        certifier.certify(problem, variant, seed=suite.seed)
                        for variant in variants
                        for problem in loaded.problems
                    ]
                    [row] = table(found)
                    rows.append(row)
                    for line in _certified(row):
                        show(line)
        finally:
            # What is known need not be found out again, however this ends.
            certifier.ledger.flush()
        broken = any(row.broken for row in rows)
        return pytest.ExitCode.TESTS_FAILED if broken else pytest.ExitCode.OK

    return configured(config, run)


def print_audit(config: pytest.Config) -> int:
    """Audit the benchmarks: references, tests, invocations.

    Exit code 1 says that there are unsound problems.
    """

    def run(runtime: Runtime, show: Callable[[str], None]) -> int:
        return audit_benchmarks(config, runtime, show)

    return configured(config, run)


def print_rewrite(config: pytest.Config) -> int:
    """Write a model's rewritings of the benchmarks into the file of an attack.

    Exit code 1 says that there are none.
    """

    def run(runtime: Runtime, show: Callable[[str], None]) -> int:
        return rewrite_to_file(config, runtime, show)

    return configured(config, run)


def print_search(config: pytest.Config) -> int:
    """Write the worst wordings of prompts into the file of an attack.

    Exit code 1 says that there are none.
    """

    def run(runtime: Runtime, show: Callable[[str], None]) -> int:
        return search_to_file(config, runtime, show)

    return configured(config, run)


_STATUSES = ("valid", "inert", "broken", "unjudged")
_CERTIFIED = "{:<40}{:>8}{:>8}{:>8}{:>10}"


def _by_attack(plan: Plan) -> list[list[Variant]]:
    found: dict[str, list[Variant]] = {}
    for variant in plan.variants:
        found.setdefault(variant.attack, []).append(variant)
    return list(found.values())


def _certified(row: Row) -> Iterator[str]:
    yield _CERTIFIED.format(row.attack, *(getattr(row, name) for name in _STATUSES))
    for reason, count in list(row.reasons.items())[:3]:
        yield f"    {count} {reason}"


def configured(
    config: pytest.Config, command: Callable[[Runtime, Callable[[str], None]], int]
) -> int:
    """Run a command in a configured session without tests; its exit code.

    :raises UsageError: for the user's mistakes, and if the sandbox fails.
    """
    config._do_configure()
    writer = config.get_terminal_writer()
    try:
        return command(
            config.stash[RUNTIME], lambda line: writer.line(line, flush=True)
        )
    except (UserError, NotJudgedError) as error:
        raise pytest.UsageError(str(error)) from error
    except KeyboardInterrupt:
        writer.line("\ninterrupted")
        return pytest.ExitCode.INTERRUPTED
    finally:
        config._ensure_unconfigure()


def _listing(registries: Registries) -> Iterator[str]:
    yield "benchmarks"
    for name in registries.benchmarks:
        info = registries.benchmarks.get(name).info
        yield f"  {name} {info.version}: {info.description}"
        cite = f"; cite {info.citation}" if info.citation else ""
        yield f"      licence {info.licence}{cite}"
    yield "attacks"
    for name in registries.attacks:
        yield f"  {name}: {_first_line(registries.attacks.get(name))}"
    yield "models"
    for name in registries.models:
        yield f"  {name}: {registries.models.reference(name)}"
    yield "prompt styles"
    for name in sorted(STYLES):
        yield f"  {name}"
    yield "  template:FILE"


def _first_line(value: object) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]
