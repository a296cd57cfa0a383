"""How pandas' values travel: as the arrays, indexes and scalars that they are made of.

Used by processes inside the sandbox only; the worker never decodes these. Values of
pandas 2 and 3 travel; both ends have the same one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from pytest_selfinvoke.sandbox import codec
from pytest_selfinvoke.sandbox.codec import UnsupportedError, decode, encode


def register() -> None:
    """Let this process encode and decode pandas' values."""
    codec.more_encoders.append(encoder)
    codec.DECODERS.update(
        pdnone=lambda body, depth: _pandas().NA if body == "NA" else _pandas().NaT,
        pdts=_decode_timestamp,
        pdtd=lambda body, depth: _pandas().Timedelta(decode(body, depth)),
        pdi=_decode_index,
        pds=lambda body, depth: _decode_series(*body, depth=depth),
        pdf=lambda body, depth: _decode_frame(*body, depth=depth),
    )


def encoder(value: Any) -> Callable[[Any, int], Any] | None:
    """What encodes a pandas value; ``None`` if this is none, or has no plain form."""
    if "pandas" not in sys.modules:
        return None
    pd = _pandas()
    if value is pd.NA or value is pd.NaT:
        name = "NA" if value is pd.NA else "NaT"
        return lambda v, depth: {"pdnone": name}
    for base, found in (
        (pd.Timestamp, _timestamp),
        (pd.Timedelta, lambda v, d: {"pdtd": encode(v.to_timedelta64(), d)}),
        (pd.DataFrame, _frame),
        (pd.Series, _series),
        (pd.Index, _index),
    ):
        if isinstance(value, base):
            if type(value) is not base and base is not pd.Index:
                codec.as_base.add(type(value).__name__)
            return found
    return None


def write_back(target: Any, value: Any) -> None:
    """Make an array, series or frame look like another one, in place."""
    kind = type(target).__name__
    if kind == "ndarray" and target.shape == value.shape:
        target[...] = value
    elif kind in ("DataFrame", "Series"):
        target.__init__(value)


def _pandas() -> Any:
    import pandas as pd

    return pd


def _timestamp(value: Any, depth: int) -> Any:
    zone = None if value.tzinfo is None else str(value.tzinfo)
    return {"pdts": [encode(value.to_datetime64(), depth), zone]}


def _decode_timestamp(body: Any, depth: int) -> Any:
    moment, zone = body
    found = _pandas().Timestamp(decode(moment, depth))
    return found if zone is None else found.tz_localize("UTC").tz_convert(zone)


def _index(value: Any, depth: int) -> Any:
    pd = _pandas()
    names = [encode(name, depth) for name in value.names]
    if isinstance(value, pd.RangeIndex):
        parts: list[Any] = [encode(n) for n in (value.start, value.stop, value.step)]
        return {"pdi": ["range", parts, names]}
    if isinstance(value, pd.MultiIndex):
        levels = [value.get_level_values(i) for i in range(value.nlevels)]
        return {"pdi": ["multi", [_index(level, depth) for level in levels], names]}
    if type(value) not in (
        pd.Index,
        pd.DatetimeIndex,
        pd.TimedeltaIndex,
        pd.CategoricalIndex,
    ):
        raise UnsupportedError(f"an index of type {type(value).__name__}")
    frequency = getattr(value, "freqstr", None)
    return {"pdi": ["plain", [_values(value, depth), frequency], names]}


def _decode_index(body: Any, depth: int) -> Any:
    pd = _pandas()
    kind, parts, names = body
    names = [decode(name, depth) for name in names]
    if kind == "range":
        start, stop, step = (decode(n) for n in parts)
        return pd.RangeIndex(start, stop, step, name=names[0])
    if kind == "multi":
        levels = [decode(part, depth + 1) for part in parts]
        return pd.MultiIndex.from_arrays(levels, names=names)
    values, frequency = parts
    found = pd.Index(_decode_values(values, depth), name=names[0])
    if frequency is not None:
        found = type(found)(found, freq=frequency, name=names[0])
    return found


def _series(value: Any, depth: int) -> Any:
    name = encode(value.name, depth)
    return {"pds": [_values(value, depth), _index(value.index, depth), name]}


def _decode_series(values: Any, index: Any, name: Any, *, depth: int) -> Any:
    return _pandas().Series(
        _decode_values(values, depth),
        index=decode(index, depth),
        name=decode(name, depth),
    )


def _frame(value: Any, depth: int) -> Any:
    columns = [_values(value.iloc[:, i], depth) for i in range(value.shape[1])]
    return {"pdf": [columns, _index(value.columns, depth), _index(value.index, depth)]}


def _decode_frame(columns: Any, names: Any, index: Any, *, depth: int) -> Any:
    pd = _pandas()
    index = decode(index, depth)
    data = {i: _decode_values(values, depth) for i, values in enumerate(columns)}
    frame = pd.DataFrame(data, index=index)
    frame.columns = decode(names, depth)
    return frame


def _values(value: Any, depth: int) -> Any:
    """The values of an index or series: ``[kind of array, its parts]``."""
    pd = _pandas()
    dtype = value.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = encode(
            value.cat.codes.to_numpy() if hasattr(value, "cat") else value.codes, depth
        )
        return ["category", [codes, _index(dtype.categories, depth), dtype.ordered]]
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = value.to_numpy(dtype=f"M8[{dtype.unit}]")
        return ["zoned", [encode(moments, depth), dtype.unit, str(dtype.tz)]]
    if isinstance(dtype, pd.StringDtype) or str(dtype) in _NULLABLE:
        items = [None if pd.isna(v) else encode(v, depth) for v in value.tolist()]
        return ["nullable", [items, str(dtype)]]
    if dtype.kind == "O" and not pd.api.types.is_extension_array_dtype(dtype):
        return ["object", [encode(item, depth) for item in value.tolist()]]
    if pd.api.types.is_extension_array_dtype(dtype):
        raise UnsupportedError(f"values of type {dtype}")
    return ["array", encode(value.to_numpy(), depth)]


_NULLABLE = frozenset(
    [f"{sign}Int{size}" for sign in ("", "U") for size in (8, 16, 32, 64)]
    + ["Float32", "Float64", "boolean"]
)


def _decode_values(data: Any, depth: int) -> Any:
    pd = _pandas()
    kind, parts = data
    if kind == "category":
        codes, categories, ordered = parts
        return pd.Categorical.from_codes(
            decode(codes, depth), decode(categories, depth), ordered=ordered
        )
    if kind == "zoned":
        moments, unit, zone = parts
        found = pd.DatetimeIndex(decode(moments, depth)).as_unit(unit)
        return found.tz_localize("UTC").tz_convert(zone)
    if kind == "nullable":
        items, name = parts
        found = [pd.NA if item is None else decode(item, depth) for item in items]
        return pd.array(found, dtype=name)
    if kind == "object":
        import numpy as np

        found = np.empty(len(parts), dtype=object)
        for place, item in enumerate(parts):
            found[place] = decode(item, depth)
        return found
    return decode(parts, depth)
