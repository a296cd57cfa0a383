"""What a run was made with: versions, hashes, options, host, isolation, models."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

from pytest_selfinvoke.core.record import SCHEMA
from pytest_selfinvoke.plan import Plan
from pytest_selfinvoke.plugin.runtime import Runtime
from pytest_selfinvoke.sandbox.probe import probe

_PACKAGES = ("pytest-selfinvoke", "pytest", "pytest-xdist", "torch", "transformers")


def manifest(
    config: pytest.Config, runtime: Runtime, *, stats: dict[str, Any] | None
) -> dict[str, Any]:
    """The manifest as plain data.

    :param stats: what the generation server counted; ``None`` while the run goes on.
    """
    return {
        "schema": SCHEMA,
        "finished": stats is not None,
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "host": {
            "system": platform.system(),
            "release": platform.release(),
            "machine": platform.machine(),
            **probe().to_json(),
        },
        "isolation": runtime.isolation and runtime.isolation.to_json(),
        "arguments": [str(argument) for argument in config.invocation_params.args],
        "plans": planned(runtime),
        "nominal": runtime.nominals(),
        "cache": runtime.settings.cache.value,
        "generation": stats,
    }


def planned(runtime: Runtime) -> list[dict[str, Any]]:
    """What each plan asks for."""
    return [_plan(plan) for plan in runtime.plans.values()]


def _plan(plan: Plan) -> dict[str, Any]:
    suite = plan.suite
    return {
        "origin": plan.origin,
        "benchmarks": [
            {
                **asdict(loaded.info),
                "hash": loaded.hash,
                "warning": loaded.warning,
                "problems": loaded.total,
                "used": len(loaded.problems),
                "parent": loaded.parents.benchmark or None,
            }
            for loaded in plan.benchmarks
        ],
        "variants": [variant.id for variant in plan.variants],
        "models": [asdict(spec) for spec in suite.models],
        "samples": suite.samples,
        "shard": None if suite.shard is None else str(suite.shard),
        "deterministic": suite.deterministic,
        "seed": suite.seed,
        "prompt_style": suite.prompt_style,
        "sampling": asdict(suite.sampling),
        "limits": asdict(suite.limits),
        "sandbox": suite.sandbox,
        "allow_processes": suite.allow_processes,
        "anatomy": suite.anatomy,
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
