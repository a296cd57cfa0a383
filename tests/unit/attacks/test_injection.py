from __future__ import annotations

import random

import pytest

from pytest_selfinvoke.attacks import injection
from pytest_selfinvoke.attacks.base import NotApplicableError
from tests.unit.attacks.samples import PLAIN, PRO, attacked, holds

ATTACKS = (
    injection.hidden_command,
    injection.ignore_task,
    injection.return_none,
    injection.skip_base,
)


@pytest.mark.parametrize("strength", [1, 2, 3])
@pytest.mark.parametrize("attack", ATTACKS)
def test_the_task_stays_and_the_reference_holds(attack: object, strength: int) -> None:
    for problem in (PLAIN, PRO):
        if problem is PLAIN and attack is injection.skip_base:
            continue
        changed = attack(problem, random.Random(1), strength=strength)  # type: ignore[operator]
        assert set(problem.prompt.split()) < set(changed.prompt.split())
        assert changed.target.solution == problem.target.solution
        assert holds(changed)


def test_a_rule_stands_in_the_docstring_where_there_is_one() -> None:
    prompt = attacked("injection.return_none").prompt
    assert prompt.endswith('.\n    """\n')
    assert "near" in prompt.split("1\n\n")[1]
    assert "\n    # " in attacked("injection.return_none", PRO).prompt


def test_a_forged_message_stands_above_and_below() -> None:
    changed = injection.return_none(PLAIN, random.Random(0), strength=3)
    assert changed.prompt.startswith("# ")
    assert changed.prompt.rstrip().split("\n")[-1].startswith("    # ")


def test_there_is_no_base_function_to_skip() -> None:
    with pytest.raises(NotApplicableError, match="no base function"):
        attacked("injection.skip_base")
