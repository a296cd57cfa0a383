"""``--selfinvoke-list`` and ``--selfinvoke-selftest``: print something and stop."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.plugin.runtime import Registries, Runtime
from pytest_selfinvoke.plugin.stash import RUNTIME
from pytest_selfinvoke.prompts import BUILTIN as STYLES
from pytest_selfinvoke.sandbox import selftest as corpus


def print_list(config: pytest.Config) -> int:
    """Print what is registered."""

    def print_all(runtime: Runtime, show: Callable[[str], None]) -> int:
        for line in _listing(runtime.registries):
            show(line)
        return pytest.ExitCode.OK

    return _configured(config, print_all)


def print_selftest(config: pytest.Config) -> int:
    """Run the corpus of hostile and honest programs in this host's sandbox.

    Exit code 1 says that something went wrong.
    """

    def run(runtime: Runtime, show: Callable[[str], None]) -> int:
        suite = runtime.settings.suite()
        try:
            runtime.check_sandbox(suite)
        except (UserError, NotJudgedError) as error:
            raise pytest.UsageError(str(error)) from error
        sandbox = runtime.sandbox(suite.sandbox)
        report = corpus.selftest(sandbox.run, sandbox.isolation, show=show)
        return pytest.ExitCode.OK if report.ok else pytest.ExitCode.TESTS_FAILED

    return _configured(config, run)


def _configured(
    config: pytest.Config, command: Callable[[Runtime, Callable[[str], None]], int]
) -> int:
    config._do_configure()
    try:
        writer = config.get_terminal_writer()
        return command(
            config.stash[RUNTIME], lambda line: writer.line(line, flush=True)
        )
    finally:
        config._ensure_unconfigure()


def _listing(registries: Registries) -> Iterator[str]:
    yield "benchmarks"
    for name in registries.benchmarks:
        info = registries.benchmarks.get(name).info
        yield f"  {name} {info.version}: {info.description}"
        yield f"      licence {info.licence}; cite {info.citation}"
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
