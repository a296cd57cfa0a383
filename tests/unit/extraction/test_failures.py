from __future__ import annotations

import pytest

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.extraction import Extracted, extract

PROMPT = 'def base(x):\n    """Doc."""\n\n\n# Twice.\ndef target(x):\n'
NAMES = ("base", "target")


def failed(text: str, *, prefix: str = "", finish_reason: str = "stop") -> Extracted:
    result = extract(
        text,
        entry_points=NAMES,
        prompt_code=PROMPT,
        prefix=prefix,
        finish_reason=finish_reason,
    )
    assert result.program is None
    return result


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "the answer is empty"),
        (" \n\t", "the answer is empty"),
        ("<think>def base(x): return 1", "the answer ends inside its reasoning"),
        ("Sorry, I can't.", "it has no Python code"),
        ("Sure\nNote: this", "it has no Python code"),
        (">>> def base(x):\n...     return x\n>>> base(1)\n1", "it has no Python code"),
        ("```java\npublic class A {}\n```", "it has no Python code"),
        (PROMPT, "it only repeats the prompt"),
        (f"```python\n{PROMPT}```\nThat is it.", "it only repeats the prompt"),
    ],
)
def test_no_code(text: str, detail: str) -> None:
    result = failed(text)
    assert (result.verdict, result.detail) == (Verdict.NO_CODE, detail)
    assert result.missing


@pytest.mark.parametrize("text", ["\n\n", "\n# to do\n", "\nThat is all, folks.\n"])
def test_a_continuation_that_adds_nothing_is_no_code(text: str) -> None:
    result = failed(text, prefix='def base(x):\n    """Doc."""\n')
    assert result.verdict is Verdict.NO_CODE


def test_a_plain_stub_that_stays_a_stub_is_no_code() -> None:
    stub = 'def f():\n    """Doc."""\n'
    result = extract(
        "\nDone, then.\n", entry_points=("f",), prompt_code=stub, prefix=stub
    )
    assert result.verdict is Verdict.NO_CODE
    assert (result.detail, result.missing) == ("it only repeats the prompt", ("f",))


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("def base(x):\n    return x +\n", "line 2: invalid syntax"),
        (
            "def base(x):\n    return 1\n\ndef target(x):\n    return (\n",
            "line 5: '(' was never closed",
        ),
        ("import os\nfor x in y z:\n    base(x)\n", None),
        ("```\nfor x in y z:\n    base(x)\n```", "line 2: invalid syntax"),
    ],
)
def test_syntax_errors(text: str, detail: str | None) -> None:
    result = failed(text)
    if detail is None:
        assert result.verdict is Verdict.MISSING_ENTRY_POINT
    else:
        assert (result.verdict, result.detail) == (Verdict.SYNTAX_ERROR, detail)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def base(a, a):\n    return a\n", "line 1: duplicate argument"),
        ("if 1:\n    base = 2\n    return 3\n", "in the program: 'return' outside"),
    ],
)
def test_what_parses_but_does_not_compile(text: str, message: str) -> None:
    result = failed(f"{text}\ndef target(x):\n    return x\n")
    assert result.verdict is Verdict.SYNTAX_ERROR
    assert result.detail.startswith(message)


def test_a_function_that_the_prompt_does_not_have_is_missing() -> None:
    result = extract("    return 1", entry_points=("f",), prompt_code="x = 1\n")
    assert result.verdict is Verdict.MISSING_ENTRY_POINT


def test_a_cut_off_answer_says_so() -> None:
    text = "def base(x):\n    return x\n\ndef target(x):\n    return base("
    result = failed(text, finish_reason="length")
    assert result.verdict is Verdict.SYNTAX_ERROR
    assert result.detail.endswith("; the answer was cut off")
    assert result.missing == ("target",)


@pytest.mark.parametrize(
    ("text", "missing", "detail"),
    [
        ("def target(x):\n    return x", ("base",), "'base' is not defined"),
        ("def base(x):\n    return x", ("target",), "'target' is not defined"),
        ("print(1)", NAMES, "'base' is not defined, 'target' is not defined"),
        (
            "class Solution:\n    def base(self): return 1\n"
            "    def target(self): return 2",
            NAMES,
            "'base' is not defined outside of 'Solution', "
            "'target' is not defined outside of 'Solution'",
        ),
        (
            "from solution import base\ndef target(x):\n    return base(x)",
            ("base",),
            "'base' is not defined",
        ),
    ],
)
def test_missing_entry_points(text: str, missing: tuple[str, ...], detail: str) -> None:
    result = failed(text)
    assert result.verdict is Verdict.MISSING_ENTRY_POINT
    assert (result.missing, result.detail) == (missing, detail)


def test_a_body_alone_cannot_replace_the_base_function() -> None:
    result = failed("```python\n    return base(base(x))\n```")
    assert result.verdict is Verdict.MISSING_ENTRY_POINT
    assert result.missing == ("base",)
