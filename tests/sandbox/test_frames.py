"""numpy's and pandas' values between the processes of the sandbox."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import codec, codec_arrays, codec_frames
from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the processes inside the sandbox, and nowhere else."""
    monkeypatch.setattr(codec, "more_encoders", [])
    monkeypatch.setattr(codec, "DECODERS", dict(codec.DECODERS))
    codec_arrays.register()
    codec_frames.register()


def there_and_back(value: object) -> Any:
    return codec.decode(json.loads(json.dumps(codec.encode(value))))


DAYS = pd.date_range("2026-01-01", periods=3, freq="D")
SERIES = [
    pd.Series([1, 2, 3]),
    pd.Series([1.5, math.nan, -0.0], name="x", index=["a", "b", "c"]),
    pd.Series(["a", None, "c"]),
    pd.Series(["a", "b"], dtype="string"),
    pd.Series([True, False]),
    pd.Series([1, None], dtype="Int64"),
    pd.Series([True, None], dtype="boolean"),
    pd.Series(["a", "b", "a"], dtype="category"),
    pd.Series(pd.Categorical(["lo", "hi"], categories=["lo", "hi"], ordered=True)),
    pd.Series(DAYS),
    pd.Series(DAYS.tz_localize("Europe/Berlin")),
    pd.Series(pd.to_timedelta([1, 2], unit="h")),
    pd.Series([(1, 2), [3], {"k": 1}], name=("two", "names")),
    pd.Series([], dtype=float),
]


@pytest.mark.parametrize("value", SERIES, ids=map(str, range(len(SERIES))))
def test_series(value: Any) -> None:
    pd.testing.assert_series_equal(there_and_back(value), value)


INDEXES = [
    pd.RangeIndex(2, 10, 3, name="r"),
    pd.Index([3, 1, 2]),
    pd.Index(["x", "y"], name="letters"),
    pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["n", None]),
    DAYS,
    pd.DatetimeIndex(["2026-01-01", "2026-01-05"], tz="UTC"),
    pd.CategoricalIndex(["a", "b", "a"]),
]


@pytest.mark.parametrize("value", INDEXES, ids=map(str, range(len(INDEXES))))
def test_indexes(value: Any) -> None:
    found = there_and_back(value)
    pd.testing.assert_index_equal(found, value, exact=True)
    assert getattr(found, "freqstr", None) == getattr(value, "freqstr", None)


def test_frames() -> None:
    frame = pd.DataFrame(
        {"a": [1, 2], "b": [0.5, math.nan], "c": ["x", "y"], 4: [True, False]},
        index=pd.Index(["r1", "r2"], name="row"),
    )
    pd.testing.assert_frame_equal(there_and_back(frame), frame)
    twice = pd.DataFrame([[1, 2], [3, 4]], columns=["same", "same"])
    pd.testing.assert_frame_equal(there_and_back(twice), twice)
    wide = frame.pivot_table(index="c", columns="a", values="b")
    pd.testing.assert_frame_equal(there_and_back(wide), wide)
    pd.testing.assert_frame_equal(there_and_back(pd.DataFrame()), pd.DataFrame())


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2026-01-02 03:04:05.000000006"),
        pd.Timestamp("2026-01-02", tz="America/New_York"),
        pd.Timedelta("1 days 2 ns"),
    ],
    ids=repr,
)
def test_scalars(value: Any) -> None:
    found = there_and_back(value)
    assert (type(found), found) == (type(value), value)


def test_what_is_not_there() -> None:
    assert there_and_back(pd.NA) is pd.NA
    assert there_and_back(pd.NaT) is pd.NaT


def test_a_subclass_arrives_as_its_base() -> None:
    class Own(pd.DataFrame):  # type: ignore[misc]
        pass

    codec.as_base.clear()
    found = there_and_back(Own({"a": [1]}))
    assert type(found) is pd.DataFrame
    assert codec.as_base == {"Own"}


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([object()]),
        pd.DataFrame({"f": [len]}),
        pd.Series(pd.period_range("2026", periods=2, freq="Y")),
    ],
    ids=["object", "function", "period"],
)
def test_live_objects_do_not_travel(value: Any) -> None:
    with pytest.raises(codec.UnsupportedError):
        codec.encode(value)


@pytest.mark.parametrize(
    "data",
    [
        {"npa": ["<f8", [10**12], ""]},
        {"npa": ["<f8", [2], "00" * 8]},
        {"npa": ["|O", [1], "00" * 8]},
        {"npa": ["<f8", [-1, 3], "00" * 16]},
        {"pds": [["array", 3], 5, None]},
        {"pdf": [[], 3, 4]},
        {"pdi": ["plain", [["object", 5], None], ["n"]]},
        {"pdi": ["range", [1, 2], ["n"]]},
        {"pdts": ["never", None]},
        {"pds": [["nullable", [[1], "no such type"]], [], None]},
    ],
    ids=str,
)
def test_malformed_data_is_an_error_and_nothing_else(data: Any) -> None:
    with pytest.raises(codec.UnsupportedError):
        codec.decode(data)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


TESTS = """
import numpy as np
import pandas as pd
frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
expected = pd.DataFrame({"a": [2, 3], "b": ["x", None]})
pd.testing.assert_frame_equal(f(frame), expected)
assert f(frame).equals(expected)
assert f(frame).shape == (2, 2)
"""
HONEST = """
import pandas as pd
def f(frame):
    return frame.assign(a=frame["a"] + 1)
"""
ALWAYS_EQUAL = """
import pandas as pd
class Own(pd.DataFrame):
    def equals(self, other): return True
    def __eq__(self, other): return True
    shape = (2, 2)
def f(frame):
    pd.testing.assert_frame_equal = lambda *a, **k: None
    return Own({"a": [9, 9], "b": ["x", None]})
"""
IN_PLACE = """
def f(frame, array):
    frame["c"] = frame["a"] * 2
    frame.drop(columns="a", inplace=True)
    array += 1
"""
LOOKS = """
import numpy as np
import pandas as pd
frame, array = pd.DataFrame({"a": [1, 2]}), np.zeros(2)
f(frame, array)
assert list(frame.columns) == ["c"]
assert frame["c"].tolist() == [2, 4]
assert array.sum() == 2
"""


@pytest.mark.parametrize(
    ("program", "tests", "verdict"),
    [
        (HONEST, TESTS, Verdict.SOLVED),
        (ALWAYS_EQUAL, TESTS, Verdict.WRONG_ANSWER),
        (IN_PLACE, LOOKS, Verdict.SOLVED),
        ("def f(frame, array): pass", LOOKS, Verdict.WRONG_ANSWER),
    ],
    ids=["honest", "always equal", "in place", "not in place"],
)
def test_programs_with_frames_are_judged_apart(
    sandbox: Sandbox, program: str, tests: str, verdict: Verdict
) -> None:
    job = Job(program=program, tests=tests, entry_points=("f",), limits=Limits())
    execution = sandbox.run(job)
    assert (execution.verdict, execution.judge) == (verdict, "apart"), execution
