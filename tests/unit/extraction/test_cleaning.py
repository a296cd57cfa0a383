from __future__ import annotations

import pytest

from pytest_selfinvoke.extraction.cleaning import clean, without_reasoning


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        ("\ufeffx = 1", "x = 1"),
        ("x\0 = 1", "x = 1"),
        ("x = '\ud800'", "x = '?'"),
        ("if x:\n\xa0\xa0\xa0 y = '\xa0'", "if x:\n    y = '\xa0'"),
        ("\tx = '\t'", "\tx = '\t'"),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@pytest.mark.parametrize(
    ("text", "kept", "is_inside"),
    [
        ("plain", "plain", False),
        ("<think>\nhm\n</think>\nanswer", "\nanswer", False),
        ("a\n  <Thinking>hm</Thinking> b", "a\n b", False),
        ("<think>one</think>a\n<think>two</think>b", "a\nb", False),
        ("hm, so\n</think>\nanswer", "\nanswer", False),
        ("answer first\n<think>and then", "answer first\n", True),
        ("a\n<think>b</think>c</think>d", "d", False),
        ("<think>a\n<think> b</think>c", "c", False),
        ('tag = "<think>"', 'tag = "<think>"', False),
    ],
)
def test_reasoning_is_taken_out(text: str, kept: str, is_inside: bool) -> None:
    assert without_reasoning(text) == (kept, is_inside)
