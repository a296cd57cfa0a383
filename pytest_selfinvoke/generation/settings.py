"""What the controller tells the generation server about the completion store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CacheMode(StrEnum):
    """What a session does with the store."""

    READ_WRITE = "read-write"
    READ_ONLY = "read-only"
    REFRESH = "refresh"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Which store a session uses, and how. ``run`` names the session in it."""

    path: str
    mode: CacheMode
    run: str
