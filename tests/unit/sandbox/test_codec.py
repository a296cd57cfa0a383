from __future__ import annotations

import datetime as dt
import enum
import json
import math
from collections import Counter, OrderedDict, namedtuple
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.sandbox.codec import (
    UnsupportedError,
    decode,
    encode,
    shortened,
)

hashable = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.complex_numbers(allow_nan=False),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)
values = st.recursive(
    hashable,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(hashable, inner),
        st.sets(hashable),
        st.frozensets(hashable),
    ),
    max_leaves=20,
)


def there_and_back(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value))))


@given(values)
def test_values_come_back_equal_and_of_the_same_type(value: object) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [10**6000, -(2**63), 2**63, 2**63 - 1],
    ids=["huge", "least", "beyond", "most"],
)
def test_integers_of_any_size(value: int) -> None:
    assert there_and_back(value) == value


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, math.inf, -math.inf, 5e-324])
def test_floats_to_the_last_bit(value: float) -> None:
    assert there_and_back(value).hex() == value.hex()


def test_not_a_number_stays_one() -> None:
    assert math.isnan(there_and_back(math.nan))


def test_true_and_one_stay_apart() -> None:
    back = there_and_back([True, 1, 1.0])
    assert [type(item) for item in back] == [bool, int, float]


def test_surrogates_travel() -> None:
    assert there_and_back("\ud800") == "\ud800"


class Colour(enum.IntEnum):
    RED = 3


class Equal(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, 3),
        (Equal(4), 4),
        (Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
    ],
)
def test_subclasses_arrive_as_their_base(value: object, plain: object) -> None:
    back = there_and_back(value)
    assert type(back) is type(plain)
    assert back == plain


class Own:
    pass


@pytest.mark.parametrize("value", [Own(), print, iter([]), Own, {1: [Own()]}, math])
def test_what_has_no_plain_form_is_an_error(value: object) -> None:
    with pytest.raises(UnsupportedError):
        encode(value)


def test_a_list_within_itself_is_an_error() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(UnsupportedError, match="too deeply"):
        encode(endless)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"unknown": 1},
        {"i": "xyz"},
        {"i": 5},
        {"f": "1z"},
        {"s": [[1]]},
        {"d": [[[1], 2]]},
        {"d": 5},
        {"t": None},
        {"dec": "abc"},
        {"frac": [1, 0]},
        {"date": [1, 2, 99]},
        {"b": "zz"},
        {"r": [1, 2, 0]},
        {"a": 1, "b": 2},
        1.5,
    ],
)
def test_malformed_data_is_an_error_and_nothing_else(data: object) -> None:
    with pytest.raises(UnsupportedError):
        decode(data)


def test_data_nested_too_deeply_is_an_error() -> None:
    data: list[object] = []
    for _ in range(400):
        data = [data]
    with pytest.raises(UnsupportedError):
        decode(data)


def test_shortened_never_fails_and_never_floods() -> None:
    assert shortened(10**5000) == "<int>"
    assert len(shortened("x" * 10_000)) < 600
    assert shortened({"a": Decimal(1), "b": Fraction(1, 2)}).startswith("{'a'")
    assert shortened(dt.date(2020, 1, 2)) == "datetime.date(2020, 1, 2)"
