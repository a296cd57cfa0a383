"""The documentation's snippets run, and its option reference is that of the code.

A fence under ``<!-- file: NAME -->`` is written to that file; every ``$ pytest ...`` line
of a ``console`` fence is run in the same folder, in the order of the page. ``shell`` fences
need a network, a server or a large model and are not run.
"""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPET = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_snippets_run(pytester: pytest.Pytester, page: Path) -> None:
    for snippet in SNIPPET.finditer(page.read_text()):
        if snippet["file"]:
            (pytester.path / snippet["file"]).write_text(snippet["text"])
        elif snippet["kind"] == "console":
            for command in re.findall(r"^\$ pytest (.*)$", snippet["text"], re.M):
                result = pytester.runpytest_subprocess(*shlex.split(command))
                wrong = "stub" in command or "house" in command
                assert result.ret == (1 if wrong else 0), command
                assert result.parseoutcomes().get("errors", 0) == 0, command


def test_every_kind_of_snippet_is_known() -> None:
    kinds = {m["kind"] for page in PAGES for m in SNIPPET.finditer(page.read_text())}
    assert kinds <= {"console", "shell", "python", "toml", "json", "text"}


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_option_reference_is_up_to_date() -> None:
    written = ROOT / "docs" / "reference" / "options.md"
    generated = runpy.run_path(str(ROOT / "docs" / "generate_reference.py"))[
        "reference"
    ]()
    assert written.read_text() == generated
