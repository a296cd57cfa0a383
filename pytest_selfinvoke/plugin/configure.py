"""Set-up of a session: settings, registries, roles."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.plugin.arguments import (
    Selection,
    check_selection,
    parse_selection,
    take_ids,
)
from pytest_selfinvoke.plugin.collection import OptionCollection
from pytest_selfinvoke.plugin.controller import Controller
from pytest_selfinvoke.plugin.decisions import Decisions
from pytest_selfinvoke.plugin.excluding import Excluding
from pytest_selfinvoke.plugin.progress import ProgressDisplay
from pytest_selfinvoke.plugin.publishing import Publishing
from pytest_selfinvoke.plugin.routing import RoutingReader
from pytest_selfinvoke.plugin.runtime import (
    Connection,
    Registries,
    Runtime,
    with_benchmarks,
)
from pytest_selfinvoke.plugin.settings import Settings, read_settings
from pytest_selfinvoke.plugin.stash import RUNTIME
from pytest_selfinvoke.suite import SUFFIX

MARKER = (
    "selfinvoke(benchmark, attack, samples, limit): run the test once per case, "
    "through the fixture selfinvoke_case; every case item carries the mark with "
    "benchmark, problem, model, attack and family"
)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings once and register what this process does."""
    config.addinivalue_line("markers", MARKER)
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    try:
        runtime = _runtime(config, is_controller=worker is None)
        config.stash[RUNTIME] = runtime
        if worker is None:
            _check_explicit_suites(config, runtime)
            controller = Controller(config, runtime)
            config.pluginmanager.register(controller, "selfinvoke-controller")
            if runtime.settings.progress != "off":
                display = ProgressDisplay(config, controller)
                config.pluginmanager.register(display, "selfinvoke-progress")
            if (published := runtime.settings.published) is not None:
                Publishing(published, controller)
            if (unsound := runtime.settings.exclude_unsound) is not None:
                excluding = Excluding(unsound, controller)
                config.pluginmanager.register(excluding, "selfinvoke-excluding")
            decisions = Decisions(config, runtime, controller)
            config.pluginmanager.register(decisions, "selfinvoke-decisions")
            if runtime.settings.routing:
                reader = RoutingReader(config, runtime, controller)
                config.pluginmanager.register(reader, "selfinvoke-routing")
        elif "selfinvoke" in worker:
            runtime.connection = Connection(**worker["selfinvoke"])
            runtime.budget.take_shared(worker["selfinvoke_shared"])
    except UserError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what this process opened."""
    runtime = config.stash.get(RUNTIME, None)
    if runtime is not None:
        runtime.close()


def _runtime(config: pytest.Config, *, is_controller: bool) -> Runtime:
    registries = Registries.builtin()
    hook = config.hook
    hook.pytest_selfinvoke_benchmarks(registry=registries.benchmarks)
    hook.pytest_selfinvoke_attacks(registry=registries.attacks)
    hook.pytest_selfinvoke_models(registry=registries.models)
    settings = read_settings(config)
    ids = take_ids(config, registries.benchmarks)
    if ids and not settings.has_models:
        raise UserError(f"{ids[0]}: name the model too, for instance --model=smollm2")
    settings = with_benchmarks(settings, [text.split("::")[0] for text in ids])
    runtime = Runtime(settings, registries, is_controller=is_controller)
    if settings.has_models:
        if is_controller and not _suite_arguments(config):
            runtime.option_plan()
        if ids or _wants_benchmark(config, settings):
            _collect_from_options(config, runtime, parse_selection(ids))
    elif (
        settings.has_benchmarks
        and not _suite_arguments(config)
        and not config.option.selfinvoke_certify
        and not config.option.selfinvoke_audit
        and not any(file.endswith(".toml") for file in _files(config))
    ):
        raise UserError("--benchmark needs a model, for instance --model=smollm2")
    return runtime


def _wants_benchmark(config: pytest.Config, settings: Settings) -> bool:
    """Whether options alone ask for benchmark cases in this session.

    Paths on the command line, and ``testpaths``, mean the team's own tests: then only
    ``--benchmark`` brings a benchmark in.
    """
    if _suite_arguments(config):
        return False
    sources = pytest.Config.ArgsSource
    return settings.has_benchmarks or config.args_source is sources.INVOCATION_DIR


def _collect_from_options(
    config: pytest.Config, runtime: Runtime, selection: Selection
) -> None:
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        # Nobody named a path: what would be collected is the whole folder.
        config.args = []
    if runtime.is_controller:
        case_ids = [case.id for case in runtime.option_plan().all_cases()]
        check_selection(selection, case_ids)
    plugin = OptionCollection(selection)
    config.pluginmanager.register(plugin, "selfinvoke-collection")


def _suite_arguments(config: pytest.Config) -> list[str]:
    return [file for file in _files(config) if file.endswith(SUFFIX)]


def _files(config: pytest.Config) -> list[str]:
    return [argument.split("::")[0] for argument in config.args]


def _check_explicit_suites(config: pytest.Config, runtime: Runtime) -> None:
    """Read suite files named on the command line now, for one clear error."""
    for argument in dict.fromkeys(_suite_arguments(config)):
        path = config.invocation_params.dir / argument
        if not path.is_file():
            raise UserError(f"{argument}: no such suite file")
        try:
            origin = path.resolve().relative_to(config.rootpath).as_posix()
        except ValueError:
            # Outside the root folder pytest chooses the id: collection reads it.
            continue
        runtime.suite_plan(path, origin)
