"""Every example does what its README says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDERS = sorted(path for path in EXAMPLES.iterdir() if path.is_dir())
#: A command, and the last line of what it prints, which counts the outcomes.
COMMAND = re.compile(r"^\$ pytest (.*)\n(?:(?!\$ |```).*\n)*?(.* in \d+\.\d\ds)$", re.M)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_example_runs(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    own_cache: Path,
    folder: Path,
) -> None:
    for name in ("SELFINVOKE_DATA", "PYTEST_XDIST_WORKER", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -p no:anyio")
    shutil.copytree(folder, pytester.path, dirs_exist_ok=True)
    text = (folder / "README.md").read_text()
    commands = COMMAND.findall(text)
    assert len(commands) == text.count("$ pytest") > 0
    for command, shown in commands:
        result = pytester.runpytest_subprocess(*shlex.split(command))
        expected = pytest.RunResult.parse_summary_nouns([shown])
        assert result.parseoutcomes() == expected, command


def test_every_example_is_listed() -> None:
    listed = re.findall(r"\]\((\w+)/README\.md\)", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == [folder.name for folder in FOLDERS]


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
def test_pipelines_run_the_command_that_is_tested(name: str) -> None:
    [command] = re.findall(
        r"^\$ (pytest .*)$", (EXAMPLES / "ci/README.md").read_text(), re.M
    )
    pipeline = (EXAMPLES / "ci" / name).read_text()
    steps = re.findall(r"^ *- (?:run: )?(pytest .*)$", pipeline, re.M)
    assert steps == [command]
