"""Benchmarks, one file each, imported when first used."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "bigcodebench": "pytest_selfinvoke.benchmarks.bigcodebench:BIGCODEBENCH",
    "bigcodebench-lite-pro": "pytest_selfinvoke.benchmarks.pro:BIGCODEBENCH_LITE_PRO",
    "humaneval": "pytest_selfinvoke.benchmarks.humaneval:HUMANEVAL",
    "humaneval-pro": "pytest_selfinvoke.benchmarks.pro:HUMANEVAL_PRO",
    "jsonl": "pytest_selfinvoke.benchmarks.jsonl:JSONL",
    "mbpp": "pytest_selfinvoke.benchmarks.mbpp:MBPP",
    "mbpp-pro": "pytest_selfinvoke.benchmarks.pro:MBPP_PRO",
    "mini": "pytest_selfinvoke.benchmarks.mini:MINI",
}
