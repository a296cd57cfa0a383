"""The hooks that users implement, in a conftest or a plugin of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_selfinvoke.attacks.base import Attack
    from pytest_selfinvoke.benchmarks.base import Benchmark
    from pytest_selfinvoke.core.registry import Registry


@pytest.hookspec
def pytest_selfinvoke_benchmarks(registry: Registry[Benchmark]) -> None:
    """Register benchmarks.

    Called once per process, before options are checked. Example::

        def pytest_selfinvoke_benchmarks(registry):
            registry.add("tickets", JsonlBenchmark.named("tickets", FILE))
    """


@pytest.hookspec
def pytest_selfinvoke_attacks(registry: Registry[Attack]) -> None:
    """Register attacks: functions ``(problem, rng) -> problem``.

    Called once per process, before options are checked. Example::

        def pytest_selfinvoke_attacks(registry):
            registry.add("style.shout", shout)
    """


@pytest.hookspec
def pytest_selfinvoke_models(registry: Registry[str]) -> None:
    """Register models by ``"module:attr"``.

    Called once per process, before options are checked. The generation server imports
    the module, so objects cannot be registered, and a conftest cannot hold them.
    Example::

        def pytest_selfinvoke_models(registry):
            registry.add("house-model", "house_models:load")
    """
