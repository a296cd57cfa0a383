from __future__ import annotations

import pytest

from pytest_selfinvoke.extraction.scanner import Scanner


def chunks(text: str) -> list[str]:
    scanner, found, position = Scanner(text), [], 0
    while (start := scanner.next_code(position)) < len(text):
        fence = scanner.fence(start)
        position = fence.end() if fence else scanner.chunk_end(start)
        found.append(text[start:position].strip("\n"))
    return found


@pytest.mark.parametrize(
    "expected",
    [
        ["x = 1", "y = 2"],
        ["def f():\n    return 1\n\n    # end", "g()"],
        ["def f():\n    x = 1\n# flush left\n    return x"],
        ["if x:\n    y = 1\nelif z:\n    y = 2\nelse:\n    y = 3", "w = 4"],
        ["try:\n    import a\nexcept ImportError:\n    a = None", "b = 1"],
        ["@a\n@b(\n1)\ndef f():\n    pass", "@c\nclass D:\n    pass"],
        ["x = [\n1,\n2,\n]", "y = 1"],
        ['s = """\nflush left\n"""', "y = 1"],
        ["s = '''it\\'s\n''' + \"don't (\"", "y = 1"],
        ["x = 1 + \\\n2", "y = 1"],
        ["x = 1  # it's (a comment", "y = 1"],
        ["    return 1\n    x = 2", "y = 1"],
        ["```python", "x = 1", "```", "~~~", "y = 2"],
    ],
)
def test_chunks_end_where_statements_do(expected: list[str]) -> None:
    assert chunks("\n".join(expected) + "\n") == expected


def test_a_fence_inside_a_string_is_no_fence() -> None:
    text = 'def f():\n    """\n    ```\n    f()\n    ```\n    """\n    return 1'
    assert chunks(text) == [text]


@pytest.mark.parametrize("line", ["def f():", "import os", "```", "@a", "class A:"])
def test_an_open_bracket_of_prose_ends_where_code_begins(line: str) -> None:
    assert chunks(f"as follows (see\nthere:\n{line}\n")[:2] == [
        "as follows (see\nthere:",
        line,
    ]


@pytest.mark.parametrize(
    ("line", "info"),
    [("```", ""), ("  ~~~~ py x=1", " py x=1"), ("```python", "python")],
)
def test_fence_lines(line: str, info: str) -> None:
    fence = Scanner(line).fence(0)
    assert fence is not None
    assert fence["info"] == info


@pytest.mark.parametrize("line", ["``", "```x``` is code", "x ```"])
def test_what_is_no_fence_line(line: str) -> None:
    assert Scanner(line).fence(0) is None


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n  # comments", "   "])
def test_no_code(text: str) -> None:
    assert chunks(text) == []
