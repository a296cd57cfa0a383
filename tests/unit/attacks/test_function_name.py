from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import NotApplicableError, facts_of
from pytest_selfinvoke.attacks.name_words import synonyms
from pytest_selfinvoke.attacks.naming import derive
from pytest_selfinvoke.benchmarks.pro import HUMANEVAL_PRO
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.core.seeding import derive_rng
from tests.unit.attacks.samples import PRO, attacked, holds

NAMES = [name for name in BUILTIN if name.startswith("function_name.")]
#: A change of it is a change of variants: published figures name another version.
DIGEST = "b8a7de501d1f2521"
DATA = os.environ.get("SELFINVOKE_DATA")


def named(name: str) -> Problem:
    part = Part(
        entry_point=name,
        prompt=f"def {name}(n):\n",
        solution="    return n\n",
        tests=f"assert {name}(1) == 1\n",
    )
    return Problem(id="p", benchmark="b", target=part)


def new_names(attack: str, name: str, seeds: int = 40) -> set[str]:
    found = set()
    for seed in range(seeds):
        changed = attacked(f"function_name.{attack}", named(name), seed)
        assert holds(changed)
        found.add(changed.target.entry_point)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_both_functions_are_renamed_and_the_reference_still_holds(name: str) -> None:
    problem = rename_sample()
    changed = attacked(name, problem)
    assert not set(changed.entry_points) & set(problem.entry_points)
    assert holds(changed)
    assert attacked(name, problem) == changed


@pytest.mark.parametrize("name", NAMES)
def test_the_base_function_can_be_left(name: str) -> None:
    problem = rename_sample()
    attack = derive(f"{name}@both=false", lambda known: resolve(BUILTIN[known]))
    changed = attack(problem, derive_rng(1))
    assert changed.entry_points[0] == problem.entry_points[0]
    assert changed.entry_points[1] != problem.entry_points[1]
    assert holds(changed)


def rename_sample() -> Problem:
    """A self-invoking problem with names of which every attack makes others."""
    assert PRO.base is not None
    base = replace(
        PRO.base,
        entry_point="find_max",
        prompt=PRO.base.prompt.replace("larger_of", "find_max"),
    )
    target = replace(
        PRO.target,
        entry_point="largest_word",
        prompt=PRO.target.prompt.replace("largest(", "largest_word("),
        solution=PRO.target.solution.replace("larger_of", "find_max"),
        tests=PRO.target.tests.replace("larger_of", "find_max").replace(
            "largest(", "largest_word("
        ),
    )
    return replace(PRO, base=base, target=target)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("is_prime", "isPrime"),
        ("differ_At_one", "differAtOne"),
        ("Strongest_Extension", "strongestExtension"),
        ("string_to_md5", "stringToMd5"),
        ("digitSum", "digit_sum"),
        ("parseHTTPText2", "parse_http_text2"),
    ],
)
def test_camel_case_is_the_other_convention(old: str, new: str) -> None:
    assert new_names("camel_case", old, seeds=1) == {new}


@pytest.mark.parametrize("name", ["solve", "f", "_"])
def test_a_name_of_one_word_has_no_humps(name: str) -> None:
    with pytest.raises(NotApplicableError, match="no other name"):
        attacked("function_name.camel_case", named(name))


def test_camel_case_has_one_text_whatever_the_seed() -> None:
    seeded = {name: facts_of(resolve(BUILTIN[name])).seeded for name in NAMES}
    assert [name for name in NAMES if not seeded[name]] == ["function_name.camel_case"]


def test_butter_finger_hits_one_neighbouring_key() -> None:
    found = new_names("butter_finger", "qP_1")
    assert found == {"wP_1", "aP_1", "qO_1", "qL_1"}


def test_swapped_are_two_adjacent_letters_that_differ() -> None:
    assert new_names("swap_character", "aab_cd") == {"aba_cd", "aab_dc"}


def test_changed_characters_differ_in_case_only() -> None:
    found = new_names("change_character", "add_two")
    assert len(found) > 10
    assert {name.lower() for name in found} == {"add_two"}


def test_no_case_is_changed_without_a_probability() -> None:
    attack = derive(
        "function_name.change_character@probability=0.0",
        lambda known: resolve(BUILTIN[known]),
    )
    with pytest.raises(NotApplicableError):
        attack(named("add"), derive_rng(0))
    with pytest.raises(UserError, match="probability"):
        derive(
            "function_name.change_character@probability=2",
            lambda known: resolve(BUILTIN[known]),
        )


@pytest.mark.parametrize(
    ("attack", "name", "expected"),
    [
        ("inflection", "add_2", {"added_2", "adding_2"}),
        ("inflection", "prime_of", {"primes_of"}),
        ("inflection", "getItems", {"gotItems", "gettingItems", "getItem"}),
        ("inflection", "SUM_x", {"SUMS_x", "SUMMED_x", "SUMMING_x"}),
        ("synonym", "count_x", {"tally_x"}),
        ("synonym", "Max_of_nums", {"Maximum_of_nums", "Max_of_numbers"}),
    ],
)
def test_one_word_is_replaced_in_its_case(
    attack: str, name: str, expected: set[str]
) -> None:
    assert new_names(attack, name) == expected


@pytest.mark.parametrize("attack", ["inflection", "synonym"])
def test_words_that_are_not_known_are_left(attack: str) -> None:
    with pytest.raises(NotApplicableError):
        attacked(f"function_name.{attack}", named("xyzzy_of"))


def test_a_name_that_the_problem_has_already_is_not_given() -> None:
    problem = named("count_x")
    target = replace(problem.target, tests="tally_x = 1\n")
    with pytest.raises(NotApplicableError, match="no other name"):
        attacked("function_name.synonym", replace(problem, target=target))


def test_two_functions_do_not_get_one_name() -> None:
    base, target = named("is_one").target, named("is__one").target
    problem = Problem(id="p", benchmark="b", base=base, target=target)
    changed = attacked("function_name.camel_case", problem)
    assert changed.entry_points == ("isOne", "is__one")


def test_a_builtin_is_not_shadowed() -> None:
    assert synonyms("total") == ("sum",)
    with pytest.raises(NotApplicableError, match="no other name"):
        attacked("function_name.synonym", named("total"))


def test_texts_are_those_of_this_version() -> None:
    """They are the same in every process and Python version."""
    digest = hashlib.sha256()
    for name in NAMES:
        for seed in range(5):
            digest.update(attacked(name, rename_sample(), seed).reference.encode())
    assert digest.hexdigest()[:16] == DIGEST


@pytest.mark.skipif(not DATA, reason="SELFINVOKE_DATA names no data")
@pytest.mark.parametrize("name", NAMES)
def test_real_problems_keep_no_name_in_signature_and_tests(name: str) -> None:
    file = Path(DATA or "") / "codeeval-pro" / "humaneval_pro.json"
    if not file.exists():
        pytest.skip("SELFINVOKE_DATA has no HumanEval Pro")
    applied = 0
    for problem in HUMANEVAL_PRO.load(file):
        try:
            changed = attacked(name, problem)
        except NotApplicableError:
            continue
        applied += 1
        compile(changed.reference + changed.target.tests, "program", "exec")
        assert f"def {changed.target.entry_point}(" in changed.prompt
        assert changed.entry_points != problem.entry_points
    assert applied > 140
