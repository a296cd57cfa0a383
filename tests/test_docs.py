"""The documentation's snippets run, and its option reference is that of the code.

A page is read from top to bottom, in an empty folder. The comment above a fence says
what is done with it:

``<!-- file: NAME -->``
    It is written to that file.
``<!-- exit: N -->``
    Its commands exit with N instead of 0.
``<!-- skip: REASON -->``
    Nothing: it needs a network, a large model or a checkout.

Each ``$ pytest ...`` or ``$ python ...`` line of a ``console`` fence is run; an
exit status is that of the fence's last one. The lines below a command are in its output, in this order;
``...`` stands for others. Times, and names of run folders, may differ. A fence that is
neither run, nor a file, nor skipped can only be ``text``.
"""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>file|exit|skip): (?P<value>[^\n]+) -->\n)?"
    r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
COMMAND = re.compile(
    r"^\$ (?P<command>(?:pytest|python) .*)\n(?P<shown>(?:(?!\$ ).*\n)*)", re.M
)
VARYING = re.compile(r"\d{8}-\d{6}|\d+\.\d\ds")

pages = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix()
)


@pytest.fixture(autouse=True)
def plain_world(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    """Output is as wide as on the pages; plugins that only take time stay out."""
    for name in ("SELFINVOKE_DATA", "PYTEST_XDIST_WORKER", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -p no:anyio")


@pages
def test_snippets_run(pytester: pytest.Pytester, page: Path) -> None:
    for fence in FENCE.finditer(page.read_text()):
        if fence["mark"] == "file":
            (pytester.path / fence["value"]).write_text(fence["text"])
        elif fence["kind"] == "console" and fence["mark"] != "skip":
            *first, last = COMMAND.finditer(fence["text"])
            for found in first:
                run(pytester, found, status=0)
            run(pytester, last, status=int(fence["value"] or 0))


def run(pytester: pytest.Pytester, found: re.Match[str], *, status: int) -> None:
    program, *arguments = shlex.split(found["command"])
    if program == "pytest":
        result = pytester.runpytest_subprocess(*arguments)
    else:
        result = pytester.run(sys.executable, *arguments)
    assert result.ret == status, found["command"]
    printed = iter([VARYING.sub("", line) for line in result.outlines])
    for line in found["shown"].splitlines():
        if line not in ("", "..."):
            # Each search goes on where the one before found its line.
            assert VARYING.sub("", line) in printed, line


@pages
def test_every_fence_is_run_or_says_why_not(page: Path) -> None:
    text = page.read_text()
    fences = list(FENCE.finditer(text))
    assert len(re.findall(r"^ *```", text, re.M)) == 2 * len(fences)
    for fence in fences:
        runs = fence["kind"] == "console" and COMMAND.search(fence["text"])
        assert fence["kind"] == "text" or fence["mark"] in ("file", "skip") or runs


@pages
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_option_reference_is_up_to_date() -> None:
    written = ROOT / "docs" / "reference" / "options.md"
    generated = runpy.run_path(str(ROOT / "docs" / "generate_reference.py"))[
        "reference"
    ]()
    assert written.read_text() == generated
