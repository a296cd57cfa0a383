"""Where the completions of a run came from: made now, or kept from earlier."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_selfinvoke.core.record import Record


class Sources:
    """Counts records of models whose completions are worth keeping.

    Set ``errors`` to what kept the store from being written.
    """

    def __init__(self) -> None:
        self.generated = 0
        self.stored = 0
        self.errors: list[str] = []

    def add(self, record: Record) -> None:
        """Count the completion of a record, if it has one."""
        if record.completion is not None:
            stored = bool(record.completion.get("stored"))
            self.stored += stored
            self.generated += not stored

    def lines(self, store: str, mode: str) -> Iterator[str]:
        """What the summary says; nothing of a run without such models."""
        for error in self.errors:
            yield f"error: completions are not kept any more: {error}"
        if self.generated or self.stored:
            text = f"completions: {self.generated} generated"
            if mode == "off":
                yield f"{text}, none kept (--selfinvoke-cache=off)"
            else:
                yield f"{text}, {self.stored} from the store {store}"
