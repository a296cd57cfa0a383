"""Values as plain data, exactly and by type; what cannot travel is an error.

Only exact builtin and standard types leave; an instance of a subclass travels as its
base, which :data:`as_base` notes. What is decoded is always built anew from builtins,
so no method of the sender's can run at the receiver. Runs inside the sandbox too:
standard library only.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_DEPTH = 200
#: Integers beyond this travel as hexadecimal text: JSON readers limit decimal digits.
_BIG = 2**63
#: Characters of a value in a message.
_SHOWN = 500
#: Types whose values were encoded as their base; for whoever encodes to clear and read.
as_base: set[str] = set()
#: Tried for values of other types: return an encoder, or nothing.
more_encoders: list[Callable[[object], Callable[[Any, int], Any] | None]] = []


class UnsupportedError(Exception):
    """A value that does not travel (a function, a generator, an own class, ...)."""


def encode(value: object, depth: int = 0) -> Any:
    """The value as plain JSON data.

    :raises UnsupportedError: if it, or something in it, has no plain form.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -_BIG < value < _BIG else {"i": hex(value)}  # type: ignore[operator,arg-type]
    if kind is float:
        return {"f": value.hex()}  # type: ignore[attr-defined]
    if depth > MAX_DEPTH:
        raise UnsupportedError("nested too deeply, or within itself")
    encoder = _ENCODERS.get(kind)
    if encoder is None:
        encoder = _base_encoder(value)
    return encoder(value, depth + 1)


def decode(data: Any, depth: int = 0) -> Any:
    """The value behind plain data.

    :raises UnsupportedError: if the data is malformed.
    """
    if data is None or isinstance(data, bool | str | int):
        return data
    if depth > MAX_DEPTH:
        raise UnsupportedError("nested too deeply")
    if isinstance(data, list):
        return [decode(item, depth + 1) for item in data]
    try:
        [(tag, body)] = data.items()
        return DECODERS[tag](body, depth + 1)
    except UnsupportedError:
        raise
    except (
        AttributeError,
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise UnsupportedError(f"malformed data: {error}") from error
    except ArithmeticError as error:  # OverflowError among them
        raise UnsupportedError(f"malformed number: {error}") from error


def shortened(value: object) -> str:
    """A value for people, on one short line."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _sequence(tag: str) -> Callable[[Any, int], Any]:
    def encoder(value: Any, depth: int) -> Any:
        return {tag: [encode(item, depth) for item in tuple(value)]}

    return encoder


def _list(value: Any, depth: int) -> Any:
    return [encode(item, depth) for item in list.__iter__(value)]


def _dict(value: Any, depth: int) -> Any:
    pairs = [[encode(k, depth), encode(v, depth)] for k, v in dict.items(value)]
    return {"d": pairs}


def _date(value: dt.date, depth: int) -> Any:
    return {"date": [value.year, value.month, value.day]}


def _time(value: dt.time, depth: int) -> Any:
    if value.tzinfo is not None:
        raise UnsupportedError("a time with a zone")
    return {"time": value.isoformat()}


def _datetime(value: dt.datetime, depth: int) -> Any:
    if value.tzinfo is not None and type(value.tzinfo) is not dt.timezone:
        raise UnsupportedError("a datetime with a zone by name")
    return {"datetime": value.isoformat()}


_ENCODERS: dict[type, Callable[[Any, int], Any]] = {
    list: _list,
    tuple: _sequence("t"),
    set: _sequence("s"),
    frozenset: _sequence("fs"),
    dict: _dict,
    bytes: lambda value, depth: {"b": value.hex()},
    bytearray: lambda value, depth: {"ba": value.hex()},
    complex: lambda value, depth: {"c": [value.real.hex(), value.imag.hex()]},
    range: lambda value, depth: {
        "r": [encode(n) for n in (value.start, value.stop, value.step)]
    },
    Decimal: lambda value, depth: {"dec": str(value)},
    Fraction: lambda value, depth: {
        "frac": [encode(value.numerator), encode(value.denominator)]
    },
    type({}.keys()): _sequence("s"),
    type({}.items()): _sequence("s"),
    deque: lambda value, depth: {
        "dq": [[encode(item, depth) for item in value], value.maxlen]
    },
    dt.date: _date,
    dt.time: _time,
    dt.datetime: _datetime,
    dt.timedelta: lambda value, depth: {
        "delta": [value.days, value.seconds, value.microseconds]
    },
}


def _base_encoder(value: object) -> Callable[[Any, int], Any]:
    """For subclasses: the encoder of the nearest base that travels."""
    for find in more_encoders:
        found_more = find(value)
        if found_more is not None:
            return found_more
    for base in type(value).__mro__[1:]:
        if base in _PLAIN_BASES:
            as_base.add(type(value).__name__)
        if base is int:
            return lambda v, depth: encode(int.__int__(v))
        if base is float:
            return lambda v, depth: encode(float.__float__(v))
        if base is str:
            return lambda v, depth: str.__str__(v)
        if base in _ENCODERS:
            found = _ENCODERS[base]
            return lambda v, depth: found(_plain(base, v), depth)
    raise UnsupportedError(f"a value of type {type(value).__name__}")


def _plain(base: type, value: Any) -> Any:
    """A copy with the exact base type, made by the base's own methods."""
    if base in (list, tuple, set, frozenset):
        return base(base.__iter__(value))
    if base is dict:
        return dict(dict.items(value))
    if base in (bytes, bytearray):
        return base(memoryview(value))
    if base is dt.datetime:
        return dt.datetime.combine(value.date(), value.timetz())
    return value


_PLAIN_BASES = {int, float, str, *_ENCODERS}


def _floats(body: Any, depth: int) -> complex:
    real, imaginary = body
    return complex(float.fromhex(real), float.fromhex(imaginary))


def _items(body: Any, depth: int) -> list[Any]:
    return [decode(item, depth) for item in body]


#: By tag. More are added inside the sandbox only: what decodes is code that what was
#: sent can reach.
DECODERS: dict[str, Callable[[Any, int], Any]] = {
    "i": lambda body, depth: int(body, 16),
    "f": lambda body, depth: float.fromhex(body),
    "t": lambda body, depth: tuple(_items(body, depth)),
    "s": lambda body, depth: set(_items(body, depth)),
    "fs": lambda body, depth: frozenset(_items(body, depth)),
    "d": lambda body, depth: {decode(k, depth): decode(v, depth) for k, v in body},
    "dq": lambda body, depth: deque(_items(body[0], depth), body[1]),
    "b": lambda body, depth: bytes.fromhex(body),
    "ba": lambda body, depth: bytearray.fromhex(body),
    "c": _floats,
    "r": lambda body, depth: range(*(decode(n) for n in body)),
    "dec": lambda body, depth: Decimal(body),
    "frac": lambda body, depth: Fraction(*(decode(n) for n in body)),
    "date": lambda body, depth: dt.date(*body),
    "time": lambda body, depth: dt.time.fromisoformat(body),
    "datetime": lambda body, depth: dt.datetime.fromisoformat(body),
    "delta": lambda body, depth: dt.timedelta(*body),
}
