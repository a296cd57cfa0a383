from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.core.errors import NotApplicableError
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.prompts.protocol import (
    ProtocolStyle,
    first_test,
    one_shot,
    one_shot_held_out,
    without_first,
)

BASE = Part(entry_point="one", prompt="def one():\n    '''1.'''\n", solution="")
TARGET = Part(
    entry_point="two",
    prompt="# Twice.\ndef two():\n",
    solution="",
    tests="assert two() == 2\nassert two() > 1\n",
)
PAIR = Problem(id="2", benchmark="b", target=TARGET, base=BASE)
PLAIN = replace(PAIR, base=None)


def render(name: str, problem: Problem = PAIR) -> Prompt:
    prompt = get_style(name).render(problem.prompt, problem)
    assert not prompt.is_chat
    assert prompt.style == name
    assert problem.prompt.strip() in prompt.text
    return prompt


def test_the_answer_begins_with_the_base_problems_code() -> None:
    prompt = render("zero-shot")
    assert prompt.prefix == "def one():\n    '''1.'''\n"
    assert prompt.text.endswith(f"### Answer\n```python\n{prompt.prefix}")
    assert "`two` is to be solved with the help of `one`." in prompt.text
    assert "assert" not in prompt.text


def test_a_plain_problem_begins_with_its_own_code() -> None:
    prompt = render("zero-shot", PLAIN)
    assert prompt.prefix == PLAIN.prompt
    assert "help of" not in prompt.text


@pytest.mark.parametrize("name", ["one-shot", "one-shot-held-out"])
def test_one_test_is_shown(name: str) -> None:
    text = render(name).text
    assert "assert two() == 2" in text
    assert "assert two() > 1" not in text


def test_the_answer_begins_with_reasoning() -> None:
    prompt = render("chain-of-thought")
    assert prompt.prefix == ""
    assert prompt.text.endswith("### Answer\nBefore the code, I go through the task step by step.\n")  # fmt: skip


def test_what_is_shown_grades_or_is_left_out_and_that_is_said() -> None:
    assert one_shot().graded(PAIR) is PAIR
    assert "also grades" in one_shot().warning
    held_out = one_shot_held_out()
    assert held_out.warning == ""
    left = held_out.graded(PAIR).target.tests
    assert "== 2" not in left
    assert "assert two() > 1" in left
    only = replace(PAIR, target=replace(TARGET, tests="assert two() == 2"))
    with pytest.raises(NotApplicableError, match="its only test is shown"):
        held_out.graded(only)


def test_settings_differ_in_their_hash() -> None:
    names = ("zero-shot", "one-shot", "one-shot-held-out", "chain-of-thought")
    styles = [get_style(name) for name in names]
    assert all(isinstance(style, ProtocolStyle) for style in styles)
    assert len({style.template_hash for style in styles}) == 4


CHECK = """
def check(candidate):
    for x in (1, 2):
        assert candidate(x) == x
    assert candidate(0) == 0

check(two)
"""


def test_tests_in_a_function_name_the_function() -> None:
    assert first_test(CHECK, "two") == "assert two(x) == x"
    left = without_first(CHECK)
    assert left is not None
    assert "candidate(x)" not in left
    assert "candidate(0)" in left
    with pytest.raises(NotApplicableError, match="no test that could be shown"):
        first_test("two()", "two")


@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("humaneval-pro", "codeeval-pro/humaneval_pro.json", 12),
        ("mbpp-pro", "codeeval-pro/mbpp_pro.json", 25),
    ],
)
def test_problems_with_one_test_only(
    data: Path, name: str, file: str, count: int
) -> None:
    problems = resolve(BUILTIN[name]).load(data / file)
    alone = [p.id for p in problems if without_first(p.target.tests) is None]
    assert len(alone) == count
