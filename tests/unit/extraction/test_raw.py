from __future__ import annotations

import pytest

from pytest_selfinvoke.extraction.raw import raw_program


@pytest.mark.parametrize(
    ("text", "prefix", "program"),
    [
        ("    return 1\n```\nprint(2)", "def f():\n", "def f():\n    return 1\n"),
        ("    return 1", "def f():\n", "def f():\n    return 1"),
        ("Well:\n```python\nx = 1\n```\nDone.", "", "x = 1\n"),
        ("```\nx = 1", "", "x = 1"),
        ("x = 1", "", "x = 1"),
        ("a ``` b", "", "a ``` b"),
    ],
)
def test_what_stands_before_the_next_fence(
    text: str, prefix: str, program: str
) -> None:
    assert raw_program(text, prefix) == program
