"""Every example does what its line in examples/README.md says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

OUTCOMES = {
    "pytest test_our_model.py --model=oracle": {"passed": 9},
    "pytest test_memory.py": {"passed": 2},
    "pytest --model=house_model:load --limit=3": {"failed": 3},
    "pytest --model=oracle --benchmark=tickets": {"passed": 2},
    "pytest --model=oracle --attack=clean,style.shout --limit=3": {"passed": 6},
    "pytest robustness.selfinvoke.toml": {"passed": 42, "failed": 42},
    "pytest --model=oracle --prompt-style=template:terse.txt --limit=3": {"passed": 3},
}


def lines() -> list[tuple[str, str]]:
    text = (EXAMPLES / "README.md").read_text()
    return re.findall(r"^\| `(\w+)` \|.*\| `(pytest .*?)` \|$", text, re.M)


@pytest.mark.parametrize(("folder", "command"), lines())
def test_the_example_runs(pytester: pytest.Pytester, folder: str, command: str) -> None:
    shutil.copytree(EXAMPLES / folder, pytester.path, dirs_exist_ok=True)
    result = pytester.runpytest_subprocess(*shlex.split(command)[1:])
    outcomes = result.parseoutcomes()
    assert {k: outcomes.get(k, 0) for k in ("passed", "failed", "errors")} == {
        "passed": 0,
        "failed": 0,
        "errors": 0,
        **OUTCOMES[command],
    }


def test_every_folder_has_a_line() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == {folder for folder, _ in lines()}
    assert {command for _, command in lines()} == set(OUTCOMES)
