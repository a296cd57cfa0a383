"""The pytest plugin: options now, everything else when a session really starts.

``pytest --help`` has to stay as fast as without the plugin; ``hooks`` holds the rest.
"""

from __future__ import annotations

import pytest

from pytest_selfinvoke.plugin.options import (
    pytest_addoption,
    pytest_load_initial_conftests,
)

__all__ = [
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_configure",
    "pytest_load_initial_conftests",
]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hook specifications."""
    from pytest_selfinvoke.plugin import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the session's hooks and fixtures, unless only help is asked for."""
    if config.option.help or config.option.version:
        return
    from pytest_selfinvoke.plugin import hooks

    config.pluginmanager.register(hooks, "selfinvoke-hooks")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """``--selfinvoke-list``, ``-selftest``, ...: print and stop."""
    for name in ("list", "selftest", "certify", "audit", "rewrite", "search"):
        if getattr(config.option, f"selfinvoke_{name}", False):
            from pytest_selfinvoke.plugin import commands

            return int(getattr(commands, f"print_{name}")(config))
    return None
