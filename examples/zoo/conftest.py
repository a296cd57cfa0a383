"""The zoo's problems under a name: ``--benchmark=zoo``."""

from pathlib import Path

from pytest_selfinvoke import JsonlBenchmark

FILE = Path(__file__).with_name("problems.jsonl")


def pytest_selfinvoke_benchmarks(registry):
    registry.add("zoo", JsonlBenchmark.named("zoo", FILE, licence="Apache-2.0"))
