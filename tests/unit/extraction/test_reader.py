from __future__ import annotations

import ast
from types import SimpleNamespace

import pytest

from pytest_selfinvoke.extraction import reader
from pytest_selfinvoke.extraction.reader import Broken, Fence, Statement, parse, read


def sources(text: str) -> list[str]:
    return [p.source for p in read(text) if isinstance(p, Statement)]


def broken(text: str) -> list[Broken]:
    return [p for p in read(text) if isinstance(p, Broken)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\ny = 2", ["x = 1", "y = 2"]),
        ("x = 1; f(x)", ["x = 1", "f(x)"]),
        ("@a\ndef f():\n    return 1  # one\n# after", None),
        ("Here it is (it's easy:\nx = [1,\n2]\nbye for now", ["x = [1,\n2]"]),
        ('Use """ for docs.\ndef f():\n    """Doc."""\n', None),
        ("The code is:\n\n    x = 1\n    y = 2\n\nDone.", ["x = 1", "y = 2"]),
        ("1. So:\n   - thus:\n     x = 1", ["x = 1"]),
        (">>> x = 1\n>>> f(x)", []),
        ("", []),
    ],
)
def test_statements_are_found(text: str, expected: list[str] | None) -> None:
    if expected is None:
        start = text.index("@") if "@" in text else text.index("def")
        expected = [text[start:].split("\n#")[0].rstrip()]
    assert sources(text) == expected


def test_what_is_broken_says_where_and_what() -> None:
    (found,) = broken("x = 1\n\n\ndef f(a):\n    return a +\n\ny = 2")
    assert (found.name, found.line, found.is_code) == ("f", 5, True)
    assert "invalid syntax" in found.message


def test_lines_are_counted_through_nesting() -> None:
    found = broken("So, then:\n\n    x = 1\n    def f(:\n        pass\n")
    assert [(b.name, b.line) for b in found] == [(None, 1), ("f", 4)]


@pytest.mark.parametrize(
    ("text", "is_code"),
    [
        ("for x in y\n", False),
        ("for x in y z:\n", True),
        ("return x y\n", True),
        ("x = = 1\n", True),
        ("from x import\n", True),
        ("Please note that this works\n", False),
        (">>> def f(): ...\n", False),
        ("@a b\nasync def f(): pass\n", True),
    ],
)
def test_code_is_told_from_prose(text: str, is_code: bool) -> None:
    assert any(b.is_code for b in broken(text)) is is_code


def test_fences_keep_their_place() -> None:
    text = "a b\n```python\nx = 1\n```\n"
    fences = [p for p in read(text) if isinstance(p, Fence)]
    assert [(f.info, text[f.start : f.end]) for f in fences] == [
        ("python", "```python\n"),
        ("", "```\n"),
    ]


def test_fences_below_prose_do_not_count() -> None:
    text = "a b\n    \\\n    ```\n    x = 1\n"
    assert sources(text) == ["x = 1"]
    assert not any(isinstance(p, Fence) for p in read(text))


@pytest.mark.parametrize(
    ("source", "binds", "needs"),
    [
        ("import a.b, c as d", {"a", "d"}, set()),
        ("from a import b as c", {"c"}, set()),
        ("x = y.z", {"x"}, {"y"}),
        ("x: int = y", {"x"}, {"int", "y"}),
        ("def f(a: A = D) -> B:\n    l = a\n    return l + G", {"f"}, set("ABDG")),
        ("@w\ndef f():\n    def g():\n        return f() + h()", {"f"}, set("wfh")),
        (
            "class C(B):\n    x = y\n    def m(self):\n        return z",
            {"C"},
            set("Byz"),
        ),
        ("try:\n    import a\nexcept E:\n    a = None", {"a"}, {"E"}),
        ("v = [x for x in xs if g(x)]", {"v"}, {"xs", "g"}),
    ],
)
def test_names(source: str, binds: set[str], needs: set[str]) -> None:
    (statement,) = parse(source)
    assert statement.binds == binds
    assert statement.needs == needs


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 10_000,
        "-" * 10_000 + "1",
        "+".join(["1"] * 50_000),
        "a" + ".b" * 50_000,
        "x if y else " * 10_000 + "z",
        "9" * 5_000,
        r"'\N{nothing}'",
        "nonlocal x",
    ],
)
def test_unreadable_code_is_broken_not_fatal(hostile: str) -> None:
    assert [type(p) for p in read(f"{hostile}\nx = 1")] == [Broken, Statement]


#: Lines that make the scanner guess wrong again and again, and harmless ones.
NASTY = {
    "prose": "This is a sentence that doesn't end (see the note), and it's long.\n",
    "bracket": "note (this\n",
    "brackets": "[[[[\n",
    "triple quote": "x = '''a\n",
    "both quotes": "a ''' b \"\"\"\n",
    "backslash": "'a\\\n",
    "stairs": "a\n b\n  c\n   d\n",
    "broken def": "def g(x)\n    return x\n",
    "fences": "```\nx y\n",
    "code": 'def g(x):\n    """Doc (here."""\n    return x\n',
}


@pytest.mark.parametrize("name", sorted(NASTY))
def test_parsed_characters_grow_linearly(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = 0

    def counting(source: str) -> ast.Module:
        nonlocal parsed
        parsed += len(source)
        return ast.parse(source)

    monkeypatch.setattr(
        reader, "ast", SimpleNamespace(**{**vars(ast), "parse": counting})
    )
    work = []
    for size in (20_000, 40_000):
        parsed = 0
        text = NASTY[name] * (size // len(NASTY[name])) + "\ndef f():\n    return 1\n"
        assert sources(text)[-1] == "def f():\n    return 1"
        work.append(parsed)
    assert work[1] < 2.5 * work[0]
    assert work[1] <= 6 * len(text)


@pytest.mark.parametrize(
    ("line", "size"), [(NASTY["prose"], 200_000), ('\\"""\n', 100_000)]
)
def test_code_is_found_in_much_prose(line: str, size: int) -> None:
    text = line * (size // len(line))
    found = sources(f"{text}\ndef f():\n    return 1\n\n{text}")
    assert found == ["def f():\n    return 1"]
