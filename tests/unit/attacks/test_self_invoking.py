from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.mutants import mutants
from pytest_selfinvoke.core.records import Problem
from tests.unit.attacks.samples import BASE, PLAIN, PRO, attacked, holds

NAMES = [
    f"self_invoking.{name}"
    for name in (
        "base_given",
        "base_given_perturbed",
        "base_renamed",
        "base_undocumented",
        "distractor_base",
        "order_swapped",
    )
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_changes_and_the_reference_still_holds(name: str, seed: int) -> None:
    changed = attacked(name, PRO, seed)
    assert changed.prompt != PRO.prompt
    assert changed.target.entry_point == "largest"
    assert holds(changed)


@pytest.mark.parametrize("name", NAMES)
def test_a_problem_without_a_base_function_is_left(name: str) -> None:
    with pytest.raises(NotApplicableError, match="no base function"):
        attacked(name)


def test_only_the_target_is_asked_where_the_base_function_is_given() -> None:
    changed = attacked("self_invoking.base_given", PRO)
    assert changed.entry_points == ("largest",)
    assert PRO.base is not None
    assert changed.prompt.startswith(PRO.base.reference)


def test_a_perturbed_base_function_is_not_the_given_one() -> None:
    given = attacked("self_invoking.base_given", PRO).prompt
    seeds = {
        attacked("self_invoking.base_given_perturbed", PRO, s).prompt for s in range(9)
    }
    assert len(seeds) > 2
    assert given not in seeds


def test_an_undocumented_base_function_has_only_code() -> None:
    prompt = attacked("self_invoking.base_undocumented", PRO).prompt
    assert prompt.startswith("def larger_of(left, right):\n    best = left\n")
    assert "# Return the largest word" in prompt


def test_a_number_sign_in_a_text_is_not_taken_for_a_comment() -> None:
    base = replace(
        BASE, solution='    """\n    """\n    a = """\n# b\n"""\n    return a\n'
    )
    with pytest.raises(NotApplicableError, match="number sign"):
        attacked("self_invoking.base_undocumented", replace(PRO, base=base))


def test_a_renamed_base_function_is_renamed_in_code_words_and_tests() -> None:
    changed = attacked("self_invoking.base_renamed", PRO)
    assert changed.base is not None
    name = changed.base.entry_point
    texts = (changed.prompt, changed.reference, changed.target.tests)
    assert "larger_of" not in "".join(texts)
    assert all(name in text for text in texts)
    assert changed.target.prompt.startswith(f"# Return the largest word, by {name}.")


def test_the_target_stands_first_without_a_body() -> None:
    changed = attacked("self_invoking.order_swapped", PRO)
    assert changed.entry_points == PRO.entry_points
    order = [
        changed.prompt.index(text) for text in ("def largest", "    ...", "def larger")
    ]
    assert order == sorted(order)
    assert changed.prompt.rstrip().endswith('"""')


def test_the_imports_of_the_base_function_stand_above_both() -> None:
    base = replace(BASE, prompt=f"from typing import List\nimport re\n{BASE.prompt}")
    target = PRO.target.prompt.replace("words)", "words: List[str])")
    problem = replace(PRO, base=base, target=replace(PRO.target, prompt=target))
    changed = attacked("self_invoking.order_swapped", problem)
    assert changed.prompt.startswith("from typing import List\nimport re\n# Return")
    assert holds(changed)


def test_a_distractor_is_complete_almost_right_and_beside_the_base_function() -> None:
    changed = attacked("self_invoking.distractor_base", PRO)
    [helper] = [
        node
        for node in ast.parse(f"{changed.prompt}    pass\n").body
        if isinstance(node, ast.FunctionDef) and "larger_of" in node.name
        and node.name != "larger_of"
    ]  # fmt: skip
    assert len(helper.body) == 3
    assert changed.base == PRO.base


@pytest.mark.parametrize(
    ("body", "mutant"),
    [
        ("return a < b", "return a <= b"),
        ("return a and b", "return a or b"),
        ("return a + b", "return a - b"),
        ("return 7", "return 8"),
        ("return (a) == (b)", "return (a) != (b)"),
    ],
)
def test_a_mutant_has_one_small_change(body: str, mutant: str) -> None:
    base = replace(
        BASE, entry_point="f", prompt="def f(a, b):\n", solution=f"    {body}"
    )
    assert f"def f(a, b):\n    {mutant}" in mutants(base, ())


def test_code_that_would_only_raise_is_no_mutant() -> None:
    base = replace(
        BASE, entry_point="f", prompt="def f(a):\n", solution="    return 'x' + a"
    )
    assert mutants(base, ()) == []
    problem = Problem(id="p", benchmark="b", base=base, target=PRO.target)
    with pytest.raises(NotApplicableError, match="no wrong version"):
        attacked("self_invoking.distractor_base", problem)


def test_known_wrong_base_functions_come_before_mutants() -> None:
    wrong = "def larger_of(left, right):\n    return left\n"
    right = BASE.reference
    assert mutants(BASE, (right, "def broken(", wrong)) == [wrong.rstrip()]
    assert PLAIN.wrong == ()
