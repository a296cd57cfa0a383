from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_selfinvoke.core.edits import Edit, edited, edits_between

TEXTS = st.text(alphabet="ab \n.x", max_size=40)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=3), st.data())
def test_all_edits_lead_there_none_stay_and_some_can_be_made(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    before = tuple(old for old, _ in pairs)
    after = tuple(new for _, new in pairs)
    edits = edits_between(before, after)
    assert edited(before, edits) == after
    assert edited(before, ()) == before
    some = [edit for edit in edits if data.draw(st.booleans())]
    assert len(edited(before, some)) == len(before)


def replaced(before: str, after: str) -> list[tuple[str, str]]:
    edits = edits_between([before], [after])
    return [(before[e.start : e.end], e.replacement) for e in edits]


def test_words_are_changed_one_by_one() -> None:
    before = "Return the largest of two numbers, or zero.\n"
    after = "Return teh largest of too numbers, or zero!\n"
    assert replaced(before, after) == [("the", "teh"), ("two", "too"), (".", "!")]


def test_each_line_that_comes_or_goes_is_a_change() -> None:
    assert replaced("a\nb\n", "a\nx y\nz\nb\n") == [("", "x y\n"), ("", "z\n")]
    assert replaced("a\nx y\nz\nb\n", "a\nb\n") == [("x y\n", ""), ("z\n", "")]


def test_words_that_come_within_a_line_are_one_change() -> None:
    assert replaced("a b\n", "a new word b\n") == [("", " new word")]


def test_every_text_has_its_own_edits() -> None:
    edits = edits_between(["same", "old"], ["same", "new"])
    assert edits == (Edit(text=1, start=0, end=3, replacement="new"),)
    assert edited(["same", "old"], edits) == ("same", "new")


def test_there_must_be_as_many_texts() -> None:
    with pytest.raises(ValueError, match="shorter"):
        edits_between(["a"], [])


def test_some_of_the_lines() -> None:
    before = ["def f():\n"]
    edits = edits_between(before, ["# one\n# two\n# three\ndef f():\n"])
    assert edited(before, edits[1:2]) == ("# two\ndef f():\n",)
