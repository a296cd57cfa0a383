"""The zoo's problems are those of their script, and none was in the training data."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ZOO = Path(__file__).parents[1] / "examples" / "zoo"


@pytest.fixture(scope="module")
def modules() -> tuple[ModuleType, ModuleType]:
    """``tasks`` and ``make_problems``, loaded as their folder is on the path."""
    loaded = []
    for name in ("tasks", "make_problems"):
        spec = importlib.util.spec_from_file_location(name, ZOO / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        loaded.append(module)
    for name in ("tasks", "make_problems"):
        del sys.modules[name]
    return loaded[0], loaded[1]


def test_the_file_is_what_the_script_writes(
    modules: tuple[ModuleType, ModuleType],
) -> None:
    lines = (ZOO / "problems.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == modules[1].problems()
    assert len(lines) == 48


def test_what_is_held_out_is_in_no_training_example(
    modules: tuple[ModuleType, ModuleType],
) -> None:
    tasks = modules[0]
    rng = random.Random(11)
    seen = [tasks.draw(rng, "seen") for _ in range(3000)]

    def without_numbers(text: str) -> str:
        return re.sub(r"\d+", "1", text)

    def composition(task: object) -> tuple[str, str]:
        base, target = task.base_does, task.target_does  # type: ignore[attr-defined]
        return without_numbers(base), without_numbers(target.replace(task.base, "F"))  # type: ignore[attr-defined]

    compositions = {composition(task) for task in seen}
    new = [tasks.draw(rng, "composition") for _ in range(300)]
    assert not compositions & {composition(task) for task in new}

    def wordings(task: object) -> set[str]:
        says = (task.base_says, task.target_says.replace(task.base, "F"))  # type: ignore[attr-defined]
        return {without_numbers(text) for text in says}

    known = set().union(*map(wordings, seen))
    unseen = [tasks.draw(rng, "wording") for _ in range(300)]
    assert all(wordings(task) - known for task in unseen)
