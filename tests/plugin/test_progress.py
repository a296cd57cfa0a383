"""The live line on a real terminal, and plain lines elsewhere."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

import pytest_selfinvoke

from .conftest import Run, assert_clear

QUICK = """
import pytest_selfinvoke.plugin.progress as progress
progress.REDRAWN_S = 0.01
progress.PLAIN_S = 0.05
progress.PLAIN_GROWTH = 1.0
"""
OWN_TEST = "def test_own(): pass"
WORKERS = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])


class Terminal:
    """What a session wrote to a terminal of 80 columns, and what is seen in the end."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        path = str(Path(pytest_selfinvoke.__file__).parents[1])
        unset = ("CI", "NO_COLOR", "PY_COLORS", "FORCE_COLOR", "COLUMNS")
        kept = {k: v for k, v in os.environ.items() if k not in unset}
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=folder,
            env={**kept, "TERM": "xterm", "PYTHONPATH": path, **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.written = b"".join(_read(master)).decode()
        os.close(master)
        self.status = process.wait(60)

    @property
    def states(self) -> list[str]:
        """All texts of the line while it was live."""
        return re.findall(
            r"\r(?:\x1b\[36m)?(\d+/\d+ cases[^\r\x1b]*)(?:\x1b\[0m)?\x1b\[K",
            self.written,
        )

    @property
    def screen(self) -> list[str]:
        """The lines that stay, as a terminal shows them."""
        text = re.sub(r"\x1b\[\d*m", "", self.written)
        lines = []
        for line in text.split("\n"):
            seen = ""
            for part in line.split("\r"):
                before, erased, after = part.partition("\x1b[K")
                seen = before + ("" if erased else seen[len(before) :]) + after
            lines.append(seen.rstrip())
        return lines


def _read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # Linux says that the other end is closed in this way.
            return
        if not data:
            return
        yield data


@pytest.fixture
def quick(pytester: pytest.Pytester) -> Path:
    pytester.makeconftest(QUICK)
    return pytester.path


@WORKERS
def test_one_line_stands_in_the_place_of_the_letters(
    quick: Path, workers: tuple[str, ...]
) -> None:
    options = ("--model=oracle", "--model=stub", "--limit=6", "--tb=no", "-rf")
    found = Terminal(quick, *options, *workers)
    assert found.status == 1
    assert len(found.states) > 1
    assert all(len(state) < 80 for state in found.states)
    assert any("waiting: " in state or "starting" in state for state in found.states)
    [start] = [i for i, s in enumerate(found.screen) if "12 items" in s]
    end = found.screen.index("=" * 34 + " selfinvoke " + "=" * 34)
    between = [line for line in found.screen[start + 1 : end] if line]
    assert len(between) == 1
    assert re.fullmatch(
        r"12/12 cases in 0:\d\d \| oracle 6/6, stub 0/6 solved \| .*/s", between[0]
    )
    assert "\x1b[32m.\x1b[0m" not in found.written
    assert "\x1b[31mF\x1b[0m" not in found.written
    # Everything else is as it always was.
    assert sum(line.startswith("FAILED mini::stub::") for line in found.screen) == 6
    assert "6 failed, 6 passed" in found.screen[-2]


@pytest.mark.parametrize("how", ["option", "environment"])
def test_without_colour_there_is_none(quick: Path, how: str) -> None:
    options = ["--color=no"] if how == "option" else []
    environment = {} if how == "option" else {"NO_COLOR": "1"}
    found = Terminal(quick, "--model=oracle", "--limit=3", *options, **environment)
    assert found.states
    assert set(re.findall(r"\x1b\[\d*[a-zA-Z]", found.written)) == {"\x1b[K"}


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        (["-q"], {}),
        (["--selfinvoke-progress=off"], {}),
        (["--selfinvoke-progress=plain"], {}),
        (["-v"], {}),
        (["-s"], {}),
        ([], {"CI": "true"}),
        ([], {"TERM": "dumb"}),
        (["."], {}),
    ],
    ids=["q", "off", "plain", "v", "s", "ci", "dumb", "own test"],
)
def test_elsewhere_pytest_writes_as_always(
    pytester: pytest.Pytester, options: list[str], environment: dict[str, str]
) -> None:
    if options == ["."]:
        pytester.makepyfile(test_own=OWN_TEST)
        options = [".", "--benchmark=mini"]
    found = Terminal(
        pytester.path, "--model=oracle", "--limit=3", *options, **environment
    )
    assert found.status == 0
    assert "\x1b[K" not in found.written
    if options == ["-v"]:
        assert sum(" PASSED " in line for line in found.screen) == 3
    else:
        assert any(re.match(r"(mini )?\.\.\.", line) for line in found.screen)


def test_a_line_that_is_asked_for_is_there(quick: Path) -> None:
    options = ("-q", "--no-header", "--selfinvoke-progress=line")
    found = Terminal(quick, "--model=oracle", "--limit=3", *options, CI="true")
    assert found.states
    assert not any(line.startswith("selfinvoke: ") for line in found.screen)


def test_another_plugins_lines_stand_alone(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        QUICK
        + """
import time

def pytest_runtest_logfinish(nodeid, location):
    time.sleep(0.1)
    terminal.write_line("from another plugin")

def pytest_sessionstart(session):
    global terminal
    terminal = session.config.pluginmanager.getplugin("terminalreporter")
"""
    )
    found = Terminal(pytester.path, "--model=oracle", "--limit=3")
    assert found.screen.count("from another plugin") == 3


def test_an_interrupted_session_keeps_its_last_state(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        QUICK
        + """
def pytest_runtest_teardown(item):
    if len(done) == 2:
        raise KeyboardInterrupt
    done.append(item)

done = []
"""
    )
    found = Terminal(pytester.path, "--model=oracle", "--limit=6")
    assert found.status == pytest.ExitCode.INTERRUPTED
    assert any(
        line.startswith("3/6 cases | oracle 3/3 solved") for line in found.screen
    )


@WORKERS
def test_plain_lines_stand_between_the_letters(
    quick: Path, run_apart: Run, workers: tuple[str, ...]
) -> None:
    result = run_apart("--model=oracle", "--model=stub", "--tb=no", "-rN", *workers)
    result.assert_outcomes(passed=48, failed=48)
    lines = result.outlines
    plain = [line for line in lines if line.startswith("selfinvoke after 0:")]
    assert len(plain) > 2
    assert all(re.match(r"selfinvoke after \d:\d\d: \d+/96 cases", s) for s in plain)
    rows = [line for line in lines if re.match(r"(mini )?[.F]+( |$)", line)]
    if not workers:
        # The heading comes again, as after all lines that are not pytest's.
        assert all(row.startswith("mini ") for row in rows)
    letters = "".join(row.removeprefix("mini ").partition(" ")[0] for row in rows)
    assert (letters.count("."), letters.count("F")) == (48, 48)
    assert "\x1b" not in result.stdout.str()


def test_plain_lines_and_long_results(quick: Path, run_apart: Run) -> None:
    result = run_apart("--model=oracle", "-v", "--limit=20")
    lines = result.outlines
    assert any(line.startswith("selfinvoke after 0:") for line in lines)
    assert sum(bool(re.match(r"mini::\S+ PASSED ", line)) for line in lines) == 20


def test_without_a_terminal_plugin_there_is_nothing(run: Run) -> None:
    result = run("--model=oracle", "--limit=2", "-p", "no:terminal")
    assert result.ret == 0
    assert "cases" not in result.stdout.str()


def test_a_typo_is_refused(run: Run) -> None:
    result = run("--model=oracle", "--selfinvoke-progress=lines")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "invalid choice: 'lines'")
