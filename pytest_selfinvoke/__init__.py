"""pytest-selfinvoke: robustness testing of code language models.

What users of the package write against; everything else may change. Names are imported
when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, map_prompts
    from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
    from pytest_selfinvoke.benchmarks.jsonl import JsonlBenchmark
    from pytest_selfinvoke.core.outcomes import Status, Verdict
    from pytest_selfinvoke.core.record import Record
    from pytest_selfinvoke.core.records import (
        Completion,
        Message,
        ModelInfo,
        ModelSpec,
        Part,
        Problem,
        Prompt,
        Sampling,
    )
    from pytest_selfinvoke.models.base import Engine, Failure, Request
    from pytest_selfinvoke.results.store import read_records

_HOMES = {
    "Attack": "attacks.base",
    "Benchmark": "benchmarks.base",
    "BenchmarkInfo": "benchmarks.base",
    "Completion": "core.records",
    "Engine": "models.base",
    "Failure": "models.base",
    "JsonlBenchmark": "benchmarks.jsonl",
    "Message": "core.records",
    "ModelInfo": "core.records",
    "ModelSpec": "core.records",
    "NotApplicableError": "attacks.base",
    "Part": "core.records",
    "Problem": "core.records",
    "Prompt": "core.records",
    "Record": "core.record",
    "Request": "models.base",
    "Sampling": "core.records",
    "Status": "core.outcomes",
    "Verdict": "core.outcomes",
    "map_prompts": "attacks.base",
    "read_records": "results.store",
}

__all__ = [
    "Attack",
    "Benchmark",
    "BenchmarkInfo",
    "Completion",
    "Engine",
    "Failure",
    "JsonlBenchmark",
    "Message",
    "ModelInfo",
    "ModelSpec",
    "NotApplicableError",
    "Part",
    "Problem",
    "Prompt",
    "Record",
    "Request",
    "Sampling",
    "Status",
    "Verdict",
    "map_prompts",
    "read_records",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
