"""How many models may be loaded at one time."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Slots:
    """Places for models in memory.

    Who holds a place keeps it while there is work, and gives it up when there is none
    and somebody else waits.

    :param count: of places.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting = 0
        self._changed = threading.Condition()
        self._holders: list[Callable[[], None]] = []

    @property
    def contended(self) -> bool:
        """Whether somebody waits for a place."""
        return self._waiting > 0

    def acquire(self, nudge: Callable[[], None], cancelled: Callable[[], bool]) -> bool:
        """Wait for a place; ``False`` if that was cancelled.

        :param nudge: called, from another thread, when somebody else waits.
        """
        with self._changed:
            self._waiting += 1
            holders = list(self._holders)
        # Not under the lock: a holder that is nudged may be giving its place up.
        for holder in holders:
            holder()
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0 or cancelled())
            self._waiting -= 1
            if cancelled():
                return False
            self._free -= 1
            self._holders.append(nudge)
            return True

    def release(self, nudge: Callable[[], None]) -> None:
        """Give a place up."""
        with self._changed:
            self._holders.remove(nudge)
            self._free += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Let those who wait see that they were cancelled."""
        with self._changed:
            self._changed.notify_all()
