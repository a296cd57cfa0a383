from __future__ import annotations

import pytest

from pytest_selfinvoke.extraction.fences import segments
from pytest_selfinvoke.extraction.reader import read


def split(text: str) -> list[tuple[str | None, list[str]]]:
    return [
        (s.info, [statement.source for statement in s.statements])
        for s in segments(read(text), length=len(text))
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", [(None, ["x"])]),
        ("```py\nx\n```\ny", [(None, []), ("py", ["x"]), (None, ["y"])]),
        ("```\nx", [(None, []), ("", ["x"])]),
        ("~~~\nx\n```\ny\n~~~", [(None, []), ("", ["x", "y"]), (None, [])]),
        ("````\nx\n```\ny\n````", [(None, []), ("", ["x", "y"]), (None, [])]),
        (
            "```py\nx\n```python\ny\n```",
            [(None, []), ("py", ["x"]), ("python", ["y"]), (None, [])],
        ),
    ],
)
def test_segments(text: str, expected: list[tuple[str | None, list[str]]]) -> None:
    assert split(text) == expected


def test_segments_know_their_text() -> None:
    text = "a\n```py\n  x\n```\nb"
    parts = segments(read(text), length=len(text))
    assert [text[s.start : s.end] for s in parts] == ["a\n", "  x\n", "b"]
