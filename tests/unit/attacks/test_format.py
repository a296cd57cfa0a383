from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.layout import layout
from pytest_selfinvoke.core.records import Problem
from tests.unit.attacks.samples import ONE_LINE, PLAIN, PRO, attacked, holds

NAMES = [
    f"format.{name}"
    for name in (
        "doc_to_comments",
        "new_line_after_code",
        "new_line_after_doc",
        "new_lines",
        "split_lines",
        "tab_indent",
    )
]


@pytest.mark.parametrize("problem", [PLAIN, PRO, ONE_LINE], ids=["plain", "pro", "one"])
@pytest.mark.parametrize("name", NAMES)
def test_the_layout_changes_and_the_program_does_not(
    name: str, problem: Problem
) -> None:
    changed = attacked(name, problem)
    assert changed.prompt != attacked("clean.half", problem).prompt
    assert holds(changed)
    if name != "format.doc_to_comments":
        assert _code(changed) == _code(attacked("clean.half", problem))


def _code(problem: Problem) -> str:
    tree = ast.parse(problem.reference)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = " ".join(node.value.split())
    return ast.dump(tree)


def test_tabs_indent_the_solution_as_well() -> None:
    changed = attacked("format.tab_indent")
    assert "\n\t\tfor second" in changed.reference
    assert "\n\treturn total" in changed.target.solution
    lines = changed.reference.split("\n")
    assert not any(line.startswith("    ") for line in lines)


def test_tabs_leave_the_text_of_strings_alone() -> None:
    solution = (
        "    a = '''one\n    two'''\n    b = f'''one\n    {a}\n    '''\n    return b\n"
    )
    problem = replace(PLAIN, target=replace(PLAIN.target, solution=solution))
    changed = attacked("format.tab_indent", problem)
    assert "'''one\n    two'''" in changed.reference
    assert "'''one\n    {a}\n    '''" in changed.reference
    assert _code(changed) == _code(problem)


def test_a_line_is_split_inside_of_brackets() -> None:
    prompt = attacked("format.split_lines").prompt
    assert "def near(numbers: List[\n        int], limit: int) -> int:\n" in prompt


def test_a_docstring_becomes_comments_in_its_place() -> None:
    prompt = attacked("format.doc_to_comments").prompt
    assert (
        "-> int:\n    # Count pairs of numbers that are near.\n    #\n"
        "    # >>> near([1, 2], 3)\n    # 1\n    # All pairs.\n"
    ) in prompt


def test_a_docstring_that_is_all_there_is_stays() -> None:
    bare = replace(
        PRO.target, prompt='class A:\n    """Doc."""\n\n\ndef largest(words):\n'
    )
    problem = replace(PRO, base=replace(PRO.target, entry_point="x"), target=bare)
    with pytest.raises(NotApplicableError, match="no docstring"):
        attacked("format.doc_to_comments", problem)


def test_empty_lines_stand_between_given_statements_only() -> None:
    half = attacked("clean.half")
    seeds = {attacked("format.new_lines", seed=seed).prompt for seed in range(8)}
    assert len(seeds) > 4
    for prompt in seeds:
        assert [s for s in prompt.split("\n") if s] == [
            s for s in half.prompt.split("\n") if s
        ]
    assert attacked("format.new_lines").target.solution == half.target.solution


def test_an_empty_line_follows_the_code() -> None:
    half = attacked("clean.half").prompt
    assert attacked("format.new_line_after_code").prompt == f"{half}\n"
    pro = attacked("format.new_line_after_code", PRO).prompt
    assert "return best\n\n\n\n# Return" in pro


def test_an_empty_line_follows_the_docstring_or_the_comment() -> None:
    assert '"""\n\n    # All pairs.' in attacked("format.new_line_after_doc").prompt
    prompt = attacked("format.new_line_after_doc", PRO).prompt
    assert "# Write larger_of.\n\ndef" in prompt
    assert 'is 2."""\n\n    best' in prompt
    assert "by larger_of.\n\ndef largest" in prompt


def test_layout_knows_levels_breaks_and_strings() -> None:
    lines = layout("if a:\n  b(1, c)\n  d = '''\nx\n'''\n# end\n")
    assert [line.level for line in lines][:3] == [0, 1, 1]
    assert lines[1].breaks == (4, 7)
    assert [line.is_quoted for line in lines[2:5]] == [False, True, True]
    assert [line.is_complete for line in lines[:5]] == [True, True, False, False, True]
