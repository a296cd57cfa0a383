"""Live progress: one line on a terminal, or plain lines now and then.

Registered in the process that the user started, never in an xdist worker. A thread
writes, for the session's own thread waits for models and programs; another one asks the
generation server, which may be slow to answer.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.plugin.controller import Controller
from pytest_selfinvoke.plugin.runtime import connect
from pytest_selfinvoke.reports.progress import Activity, Tracker, duration, status_line

#: Seconds between two states of the line.
REDRAWN_S = 0.2
#: Seconds between two questions to the generation server.
ASKED_S = 1.0
#: Seconds to the first plain line; each further one takes half as long again.
PLAIN_S = 30.0
PLAIN_GROWTH = 1.5
PLAIN_MAX_S = 600.0


class ProgressDisplay:
    """Shows how far the session is, from the first item that starts to the last.

    The line stands in the place of pytest's letters: between them it could not be
    rewritten. Nothing else changes, and all letters are there where it is not shown.
    """

    def __init__(self, config: pytest.Config, controller: Controller) -> None:
        self._config = config
        self._controller = controller
        #: ``line`` or ``plain`` while something is shown.
        self._mode = ""
        self._has_begun = False
        self._terminal: Any = None
        self._tracker: Tracker | None = None
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._paused = False
        self._out = -1
        self._shown = ""
        #: Whether the thread left the terminal where pytest does not expect it.
        self._torn = False
        controller.listeners.append(self.add)

    def add(self, record: Record) -> None:
        """Count a record."""
        if self._tracker is not None:
            self._tracker.add(record, time.monotonic())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> Generator[None]:
        """Begin with the first item: what xdist says of its workers is over then."""
        if not self._has_begun:
            self._has_begun = True
            self._begin(self._controller.runtime.settings.progress)
        with self._lock:
            self._make_room(nodeid)
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> Generator[None]:
        """Have pytest write on a line of its own."""
        with self._lock:
            self._make_room(report.nodeid)
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, Any, Any]:
        """Take the letter while the line is shown; the category stays as it is."""
        status = yield
        return (status[0], "", "") if self._mode == "line" and status else status

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """End with the last item, however the loop ends."""
        try:
            return (yield)
        finally:
            self._end()

    def pytest_enter_pdb(self) -> None:
        """The debugger has the terminal for itself."""
        with self._lock:
            self._paused = True
            if self._mode == "line":
                self._write("\r\x1b[K")

    def pytest_leave_pdb(self) -> None:
        """Go on."""
        self._paused, self._shown = False, ""

    def _begin(self, mode: str) -> None:
        self._terminal = self._config.pluginmanager.getplugin("terminalreporter")
        cases = self._controller.expected
        if self._terminal is None or not cases:
            return
        if mode == "auto" and self._config.get_verbosity() < 0:
            return
        try:
            # A descriptor of our own: while an item runs, pytest captures the other.
            self._out = os.dup(sys.stdout.fileno())
        except (OSError, ValueError):
            return
        self._mode = "line" if mode != "plain" and self._fits_line(mode) else "plain"
        if self._mode == "line":
            self._terminal.showfspath = False
        self._tracker = Tracker(
            {id_: case.model for id_, case in cases.items()},
            workers=self._controller.workers,
            now_s=time.monotonic(),
        )
        for work in (self._ask, self._show):
            threading.Thread(target=work, name="progress", daemon=True).start()

    def _fits_line(self, mode: str) -> bool:
        """Whether one line can be rewritten, and nothing else wants to be written."""
        option = self._config.option
        return (
            os.isatty(self._out)
            and os.environ.get("TERM") != "dumb"
            # Another plugin's reporter shows progress in its own way.
            and type(self._terminal) is pytest.TerminalReporter
            and self._controller.selected == len(self._controller.expected)
            and option.capture != "no"
            and self._config.get_verbosity() <= 0
            and (mode == "line" or not os.environ.get("CI"))
        )

    def _make_room(self, nodeid: str) -> None:
        if self._torn:
            self._torn = False
            # As after any line that is not pytest's: the file's name comes again.
            self._terminal.currentfspath = None
            if self._terminal.showfspath and not self._terminal.showlongtestinfo:
                self._terminal.write_fspath_result(nodeid, "")

    def _ask(self) -> None:
        """Keep what the models do up to date."""
        client = connect(self._controller.connection())
        try:
            while not self._over.is_set():
                # Without a server there is no answer, until another one is started.
                with contextlib.suppress(SelfInvokeError):
                    found = client.activity()
                    activity = Activity(
                        loading=[name for name, one in found.items() if one.loading],
                        asked={
                            name: one.waiting
                            for name, one in found.items()
                            if one.waiting
                        },
                        tokens=sum(one.tokens for one in found.values()),
                    )
                    assert self._tracker is not None
                    self._tracker.observe(activity, time.monotonic())
                self._over.wait(ASKED_S)
        finally:
            client.close()

    def _show(self) -> None:
        pause_s = REDRAWN_S if self._mode == "line" else PLAIN_S
        while not self._over.wait(pause_s):
            with self._lock:
                if not (self._paused or self._over.is_set()):
                    self._draw()
            if self._mode == "plain":
                pause_s = min(PLAIN_MAX_S, pause_s * PLAIN_GROWTH)

    def _draw(self) -> None:
        assert self._tracker is not None
        progress = self._tracker.progress(time.monotonic())
        if self._mode == "line":
            # The last column stays free: after it some terminals begin a new line.
            text = status_line(progress, _columns(self._out) - 1)
            if text != self._shown:
                self._shown = text
                text = self._config.get_terminal_writer().markup(text, cyan=True)
                self._write(f"\r{text}\x1b[K")
            # Who writes a line now, begins a new one.
            self._terminal.currentfspath = -2
            return
        after = duration(progress.elapsed_s)
        text = f"selfinvoke after {after}: {status_line(progress)}"
        if self._config.pluginmanager.hasplugin("dsession"):
            # Nothing is captured here: the writer's own idea of its line stays right.
            writer = self._config.get_terminal_writer()
            if writer.width_of_current_line:
                writer.line()
            writer.line(text)
            writer.flush()
        else:
            self._write(f"{text}\n" if self._torn else f"\n{text}\n")
            self._torn = True

    def _write(self, text: str) -> None:
        # A terminal that is gone is no reason to end a run.
        with contextlib.suppress(OSError):
            os.write(self._out, text.encode("ascii", "replace"))

    def _end(self) -> None:
        """Leave the last state of the line, and nothing of ours running."""
        self._over.set()
        if self._tracker is None:
            return
        with self._lock:
            if self._mode == "line":
                self._write("\r\x1b[K")
                text = status_line(self._tracker.progress(time.monotonic()))
                self._terminal.currentfspath = None
                self._terminal.write_line(text)
            self._mode = ""
            os.close(self._out)


def _columns(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80
