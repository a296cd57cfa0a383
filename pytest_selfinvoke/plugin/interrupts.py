"""Ctrl-C while a session ends: pytest would print a traceback of whatever it hits."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupts:
    """Lets Ctrl-C pass unnoticed between :meth:`hold` and :meth:`release`."""

    def __init__(self) -> None:
        #: Whether what a session ends with was interrupted.
        self.was_pressed = False
        self._before: signal._HANDLER = None

    def press(self) -> None:
        """Ctrl-C came, and is being heeded: another one just after it says no more."""
        self.was_pressed = True
        self.hold()

    def hold(self) -> None:
        """From now on; only for what ends by itself in seconds."""
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self._before is None:
            # Not SIG_IGN, which processes that are started meanwhile would inherit.
            self._before = signal.signal(signal.SIGINT, _unnoticed)

    def release(self) -> None:
        """As it was; without :meth:`hold` nothing happens."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None


def _unnoticed(number: int, frame: FrameType | None) -> None:
    pass
