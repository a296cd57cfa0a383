from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.extraction import extract

PROMPT = '''from typing import List


def poly(xs: List[int]) -> int:
    return sum(xs)


def base(xs: List[int]) -> int:
    """Sum of squares.

    >>> base([1, 2])
    5
    """


# Given lists of numbers, add the sums of squares.
def target(lists):
'''
STUB = PROMPT[: PROMPT.index("\n\n# Given")]
BASE_BODY = "    return poly([x * x for x in xs])\n"
BASE = STUB[STUB.index("def base") :] + BASE_BODY
TARGET = "def target(lists):\n    return sum(base(xs) for xs in lists)\n"
GOOD = f"{BASE}\n\n{TARGET}"
OLD = GOOD.replace("x * x", "x")
USE = "print(target([[1]]))\nassert target([[1], [2]]) == 5\n"


def run(text: str, *, prefix: str = "", **options: str) -> dict[str, str]:
    """Source by name of what the extracted program defines."""
    result = extract(
        text,
        entry_points=("base", "target"),
        prompt_code=PROMPT,
        prefix=prefix,
        **options,
    )
    assert result.program is not None, result
    assert result.verdict is None
    nodes = ast.parse(result.program).body
    return {getattr(n, "name", type(n).__name__): ast.unparse(n) for n in nodes}


def names(code: str) -> dict[str, str]:
    return {
        n.name: ast.unparse(n)
        for n in ast.parse(code).body
        if isinstance(n, ast.FunctionDef)
    }


EXPECTED = names(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```python\n{GOOD}```",
        f"Sure, here's it (don't worry:\n\n~~~ Python\n{GOOD}",
        f"````markdown\n```python\n{GOOD}```\n````\n",
        f"1. So:\n   ```py\n{GOOD}\n   ```\n",
        f"First\n```\n{BASE}```\nthen\n```\n{TARGET}```\nUse:\n```\n{USE}```\n",
        f"```\n{OLD}```\nThat's wrong. Better:\n```\n{GOOD}```\n",
        f"```\n{OLD}```\nBetter:\n```\n{BASE}```\n",
        f"```\n{GOOD}```\nSo it is:\n```\ndef base(xs):\n    ...\n```\n",
        f"{GOOD}\nThis works.\n\n```python\n{USE}```\n",
        f"{GOOD}\n```\nThis isn't hard.",
        f"<think>\n```\n{OLD}```\n</think>\n{GOOD}",
        f"{OLD}\n</think>\n```\n{GOOD}```",
        f"{PROMPT}\n{GOOD}",
        f"```\n{PROMPT}```\n\n```\n{GOOD}```",
        f"{BASE_BODY}\n\n{TARGET}\n{USE}",
        f"```python\n{BASE_BODY}\n\n{TARGET}```",
        f"{BASE_BODY.strip()}\n\n{TARGET}",
        f"{GOOD}\n{USE}\nif __name__ == '__main__':\n    base(1)\n",
        f"import pytest\nfrom solution import target\n{GOOD}\ndef test_it():\n    pass",
        "\ufeff" + GOOD.replace("\n", "\r\n"),
        GOOD.replace("    ", "\xa0\xa0\xa0 "),
    ],
)
def test_answers_of_a_chat(text: str) -> None:
    found = run(text)
    assert {n: found[n] for n in EXPECTED} == EXPECTED
    assert set(found) == {"ImportFrom", "poly", "base", "target"}


@pytest.mark.parametrize(
    "text",
    [
        f"{BASE_BODY}\n\n{TARGET}",
        f"{BASE_BODY}\n\n# Now the second\n{TARGET}\n\n{USE}\n{OLD}",
        f"{BASE_BODY}\n\nprint(base([1]))\n\n{TARGET}\n```\n{OLD}",
        f"{BASE_BODY}\n\n{TARGET}\nThis is how it's done.\n{OLD}",
        f"\n\nLet's start again:\n```python\n{GOOD}```\n",
        GOOD,
    ],
)
@pytest.mark.parametrize("announced", ["", "# Two functions.\n"])
def test_continuations(text: str, announced: str) -> None:
    found = run(text, prefix=announced + STUB)
    assert {n: found[n] for n in EXPECTED} == EXPECTED


def test_a_prefix_without_a_line_end() -> None:
    assert run(f"{BASE_BODY}\n{TARGET}", prefix=STUB.rstrip())["base"]
    assert run(f"s: List[int]) -> int:\n{BASE_BODY}\n{TARGET}", prefix="def base(x")


def test_what_comes_after_the_cut_is_used_if_needed() -> None:
    late = f"    return late(xs)\n\n{TARGET}\n{USE}\ndef late(xs):\n    return 1\n"
    assert "late" in run(late, prefix=STUB)


def test_the_method_is_named() -> None:
    def method(text: str, prefix: str = "") -> str:
        return extract(
            text, entry_points=("f",), prompt_code="def f():\n", prefix=prefix
        ).method

    whole = "def f():\n    return 1\n"
    assert method(whole) == "text"
    assert method(f"```\n{whole}```") == "fence"
    assert method("    return 1") == "body"
    assert method("    return 1", prefix="def f():\n") == "continuation"


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("\n\ndef target(lists):\n    return [base(x", EXPECTED["target"]),
        ("\n\ndef target(lists):\n    return 1", EXPECTED["target"]),
        ("\n\nprint(targ", EXPECTED["target"]),
    ],
)
def test_a_cut_off_end_is_dropped(tail: str, expected: str) -> None:
    for text, prefix in ((GOOD + tail, ""), (f"{BASE_BODY}\n{TARGET}{tail}", STUB)):
        found = run(text, prefix=prefix, finish_reason="length")
        assert found["target"] == expected


def test_an_answer_that_just_fits_is_kept() -> None:
    assert run(GOOD, finish_reason="length")["target"] == EXPECTED["target"]


@pytest.mark.parametrize("body", ["pass", "...", "raise NotImplementedError"])
def test_stubs_stay_a_program(body: str) -> None:
    text = f"def base(xs):\n    {body}\n\ndef target(lists):\n    {body}\n"
    assert set(run(text)) >= {"base", "target"}


def test_a_repeated_base_stub_with_a_real_target_is_a_program() -> None:
    found = run(f"```\n{STUB}\n\n{TARGET}```")
    assert found["target"] == EXPECTED["target"]
    assert "Sum of squares" in found["base"]


@pytest.mark.parametrize(
    "definition",
    ["f = lambda: 1", "async def f():\n    return 1", "class f:\n    x = 1"],
)
def test_other_ways_to_define(definition: str) -> None:
    result = extract(definition, entry_points=("f",), prompt_code="def f():\n")
    assert result.program == f"{definition}\n"


def test_future_imports_stand_first() -> None:
    text = (
        f"import os\n\n{GOOD}\n```\nfrom __future__ import annotations\nimport a\n```"
    )
    result = extract(
        f"from __future__ import annotations\n{text}",
        entry_points=("base", "target"),
        prompt_code=PROMPT,
    )
    assert result.program is not None
    assert result.program.startswith("from __future__ import annotations\n")
    assert result.program.count("__future__") == 1


def test_an_invalid_escape_is_no_error() -> None:
    text = 'def f():\n    return "\\d" is 5\n'
    result = extract(text, entry_points=("f",), prompt_code="def f():\n")
    assert result.verdict is None


def test_fences_in_a_docstring_do_not_split_the_function() -> None:
    doc = '    """Doc.\n\n    ```python\n    f()\n    ```\n    """'
    code = f"def f():\n{doc}\n    return 1\n"
    for text in (code, f"```python\n{code}```\nDone."):
        result = extract(text, entry_points=("f",), prompt_code="def f():\n")
        assert result.program == code


def test_a_deep_expression_does_not_crash() -> None:
    code = "def f():\n    return " + "+".join(["1"] * 900)
    result = extract(code, entry_points=("f",), prompt_code=f"f()\n{code}.b")
    assert result.program is not None or result.verdict is Verdict.SYNTAX_ERROR


PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            GOOD,
            TARGET,
            BASE_BODY,
            "```",
            "\n```python\n",
            "<think>",
            "</think>",
            '"""',
            "'",
            "(",
            "    ",
            "\n",
            "\\\n",
            ">>> ",
            "def base(",
            "\xa0",
            "\t",
            "\f",
            "\0",
            "\ud800",
            "\r",
            "else:\n",
            "@a\n",
            "class A:\n",
            "from x import *\n",
            "base = 1; target = 2\n",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(PIECES, max_size=12).map("".join),
    st.sampled_from(["", STUB, "\ud800```", "(", "def base(x):"]),
    st.sampled_from(["stop", "length"]),
)
def test_any_text_gives_a_program_or_a_verdict(
    text: str, prefix: str, finish_reason: str
) -> None:
    result = extract(
        text,
        entry_points=("base", "target"),
        prompt_code=PROMPT,
        prefix=prefix,
        finish_reason=finish_reason,
    )
    assert (result.program is None) == (result.verdict is not None)
    if result.program is None:
        assert result.verdict in {
            Verdict.NO_CODE,
            Verdict.SYNTAX_ERROR,
            Verdict.MISSING_ENTRY_POINT,
        }
        assert result.detail
        assert "\n" not in result.detail
    else:
        compile(result.program, "<program>", "exec")
        assert not result.missing
