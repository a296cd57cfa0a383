"""Problems of your own under a name: ``pytest --model=oracle --benchmark=tickets``."""

from pathlib import Path

from pytest_selfinvoke import JsonlBenchmark

FILE = Path(__file__).with_name("problems.jsonl")


def pytest_selfinvoke_benchmarks(registry):
    registry.add("tickets", JsonlBenchmark.named("tickets", FILE, licence="MIT"))
