from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.certification.static import changes_layout, flaw, is_inert
from pytest_selfinvoke.core.records import Part, Problem

PROBLEM = Problem(
    id="p",
    benchmark="b",
    base=Part(
        entry_point="one",
        prompt='def one(x):\n    """One more."""\n',
        solution="    return x + 1\n",
    ),
    target=Part(
        entry_point="two",
        prompt="# Two more.\ndef two(x):\n",
        solution="    return one(one(x))\n",
        tests="assert two(1) == 3\n",
    ),
)


def with_target(**changes: str) -> Problem:
    return replace(PROBLEM, target=replace(PROBLEM.target, **changes))


def test_a_good_problem_has_no_flaw() -> None:
    assert flaw(PROBLEM, PROBLEM) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prompt": 'def two(x):\n    """Two more.\n    " " "\n'}, "does not parse"),
        ({"prompt": "deF two(x):\n"}, "does not parse"),
        ({"prompt": "# Two more.\ndef too(x):\n"}, "does not name two"),
        ({"solution": "\treturn x\n     y\n"}, "do not compile"),
        ({"entry_point": "four", "prompt": "# four\ndef two(x):\n"}, "not define four"),
        (
            {"prompt": "def g():\n    def two(x):\n", "solution": "        return x\n"},
            "does not define two",
        ),
    ],
)
def test_flaws(changes: dict[str, str], said: str) -> None:
    assert said in flaw(PROBLEM, with_target(**changes))


def test_a_prompt_need_not_parse_where_the_nominal_one_does_not() -> None:
    odd = with_target(prompt="def two(x): return (\n", solution="    one(one(x)))\n")
    assert flaw(PROBLEM, odd) != ""
    assert flaw(odd, odd) == ""


@pytest.mark.parametrize(
    "prompt",
    [
        "def two(x):\n    y = one(x)\n",
        "def two(x):\n    if x:\n",
        "def two(x):\n\tif x:\n\t\ty = 1\n",
        "def two(x):\n    # a comment\n",
        "class two:\n    def f(self):\n",
        "def two(x): # a comment\n",
        "two\n",
    ],
)
def test_a_prompt_may_end_anywhere(prompt: str) -> None:
    problem = with_target(prompt=prompt, solution="")
    assert "prompt does not parse" not in flaw(PROBLEM, problem)


def test_blanks_alone_are_inert_unless_layout_is_meant() -> None:
    spaced = with_target(prompt="# Two  more.\n\ndef two(x):\n")
    assert is_inert(PROBLEM, spaced, layout=False)
    assert not is_inert(PROBLEM, spaced, layout=True)
    assert is_inert(PROBLEM, PROBLEM, layout=True)


@pytest.mark.parametrize("character", ["\u200b", "\u00a0", "\u0430"])
def test_a_character_that_looks_like_nothing_is_text(character: str) -> None:
    changed = with_target(prompt=f"# Two{character} more.\ndef two(x):\n")
    assert not is_inert(PROBLEM, changed, layout=False)


@pytest.mark.parametrize(
    ("attack", "layout"),
    [
        ("docstring.butter_fingers", False),
        ("docstring.whitespace", True),
        ("docstring.whitespace@remove=0.2", True),
        ("format.new_lines", True),
        ("docstring.synonym_insertion+format.tab_indent", True),
        ("docstring.synonym_insertion+syntax.dead_code_first", False),
        ("mine", True),
        ("recode.humaneval_new_lines_s0", True),
    ],
)
def test_which_attacks_are_about_layout(attack: str, layout: bool) -> None:
    assert changes_layout(attack) is layout
