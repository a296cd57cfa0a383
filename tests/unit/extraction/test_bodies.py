from __future__ import annotations

import ast

import pytest

from pytest_selfinvoke.extraction.bodies import programs_from_body, stub_of

STUB = "def f(xs):"
BODY = "for x in xs:\n        if x:\n            return x\n    return 0"
#: A function whose own body does not line up: nobody's body.
MISFIT = "def f(xs):\n        x = 1\n    return x"


def first_program(text: str, stub: str = STUB) -> str | None:
    for program in programs_from_body(text, stub):
        try:
            return ast.unparse(ast.parse(program))
        except SyntaxError:
            continue
    return None


@pytest.mark.parametrize(
    "text",
    [
        f"    {BODY}\n",
        f"\n\n    {BODY}\n\n# done\n",
        "  for x in xs:\n    if x:\n      return x\n  return 0",
        BODY,
        f"{BODY}\n# flush left\n",
        "for x in xs:\n    if x:\n        return x\nreturn 0",
        "Sure\n\nfor x in xs:\n    if x:\n        return x\nreturn 0\n",
    ],
)
@pytest.mark.parametrize("stub", [STUB, f'{STUB}\n    """Doc."""'])
def test_bodies_find_their_stub(text: str, stub: str) -> None:
    expected = f"{stub}\n    {BODY}"
    assert first_program(text, stub) == ast.unparse(ast.parse(expected))


def test_what_follows_the_body_stays() -> None:
    later = "\n\ndef g():\n    return 1\n"
    for body in (f"    {BODY}\n", "return 1\n"):
        program = first_program(body + later)
        assert program is not None
        assert [n.name for n in ast.parse(program).body] == ["f", "g"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sorry, I cannot.",
        "x = 1",
        "def g():\n    return 1",
        "x = = 1\nreturn 2",
        MISFIT,
    ],
)
def test_what_is_no_body(text: str) -> None:
    assert list(programs_from_body(text, STUB)) == []


@pytest.mark.parametrize("text", ["return 1\n", "        return 1\n    return 2\n"])
def test_a_stub_with_a_part_of_its_body_takes_the_rest_as_it_stands(text: str) -> None:
    stub = f"{STUB}\n    if xs:"
    expected = [f"{stub}\n{text}"] if text[0] == " " else []
    assert list(programs_from_body(text, stub)) == expected


CODE = '''import a

def f(x,
      y):
    """Doc.

flush left
    """


# About g.
@a
def g(lists):
'''


@pytest.mark.parametrize(
    ("name", "stub"),
    [
        ("f", CODE[CODE.index("def f") : CODE.index("\n\n\n# About")]),
        ("g", "@a\ndef g(lists):"),
        ("h", None),
    ],
)
def test_stubs_in_the_prompt(name: str, stub: str | None) -> None:
    assert stub_of(name, CODE) == stub
