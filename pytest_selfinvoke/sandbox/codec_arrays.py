"""How numpy's scalars and arrays travel: type, shape and bytes, exactly.

Used by processes inside the sandbox only; the worker never decodes these.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_selfinvoke.sandbox import codec

#: Kinds whose bytes are their value. Object arrays hold live objects: they stay.
_KINDS = "biufcSUMm"
_MAX_BYTES = 4 * 2**20


def register() -> None:
    """Let this process encode and decode numpy's values."""
    codec.more_encoders.append(encoder)
    codec.DECODERS["npv"] = lambda body, depth: _decode(body[0], [], body[1])[()]
    codec.DECODERS["npa"] = lambda body, depth: _decode(*body)


def encoder(value: Any) -> Callable[[Any, int], Any] | None:
    """What encodes a numpy value; ``None`` if this is not one, or has no plain form."""
    if "numpy" not in sys.modules:
        return None
    import numpy as np

    if isinstance(value, float | complex | str | bytes):
        return None  # numpy's own subclasses of these travel as their base
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return lambda v, depth: {"npv": [v.dtype.str, v.tobytes().hex()]}
    if type(value) is not np.ndarray or value.dtype.kind not in _KINDS:
        return None
    return _array if value.nbytes <= _MAX_BYTES else None


def _array(value: Any, depth: int) -> Any:
    return {"npa": [value.dtype.str, list(value.shape), value.tobytes().hex()]}


def _decode(kind: str, shape: list[int], data: str) -> Any:
    import numpy as np

    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS:
        raise ValueError(f"kind {dtype.kind}")
    return np.frombuffer(bytes.fromhex(data), dtype).reshape(shape).copy()
