"""Random generators that depend on names, never on time, process or hash salt."""

from __future__ import annotations

import hashlib
import random


def derive_seed(*parts: str | int) -> int:
    """A 63-bit seed from the run's seed and any names (problem, attack, sample)."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive_rng(*parts: str | int) -> random.Random:
    """A generator seeded with :func:`derive_seed`: the same names, the same numbers."""
    return random.Random(derive_seed(*parts))
