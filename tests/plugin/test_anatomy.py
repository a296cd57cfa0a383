"""Models that are wrong in exactly one way, and what is found of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Run, assert_clear, manifest, records

#: ``sum_even_lists(lists)`` is to call ``sum_even(numbers)`` for each list.
PROBLEM = "lists_01_sum_even"
BASE = "def sum_even(numbers):\n    return sum(n for n in numbers if n % 2 == 0)\n"
INVOKING = (
    "def sum_even_lists(lists):\n    return sum(sum_even(one) for one in lists)\n"
)

PLANTED = {
    "right": BASE + INVOKING,
    "base": BASE.replace("== 0", "== 1") + INVOKING,
    "invoking": BASE + INVOKING.replace("sum_even(one)", "sum_even(one) + 1"),
    "both": BASE.replace("== 0", "== 1") + INVOKING.replace("(one)", "(one) + 1"),
    # Each is right beside the reference: the one takes what the other has changed.
    "combination": "OFFSET = 0\n"
    + BASE.replace("return ", "return OFFSET + ")
    + INVOKING.replace("    return", "    global OFFSET\n    OFFSET = 1\n    return"),
    "nothing": "I would rather tell you about lists.",
    "refusal": "I'm sorry, but I can't help with that.",
    "no_base": INVOKING.replace("sum_even(one)", "sum(one)"),
    "no_invoking": BASE,
    "inlined": BASE
    + INVOKING.replace("sum_even(one)", "sum(n for n in one if n % 2 == 0)"),
    "shadowed": BASE
    + "def sum_even_lists(lists):\n"
    + "    def sum_even(values):\n        return sum(v for v in values if not v % 2)\n"
    + "    return sum(sum_even(one) for one in lists)\n",
    "arity": BASE + INVOKING.replace("(one)", "(one, 2)"),
    "unrun": BASE
    + "def sum_even_lists(lists):\n    if lists is None:\n        return sum_even(lists)\n"
    + "    return sum(n for one in lists for n in one if not n % 2)\n",
    "hidden": BASE + INVOKING.replace("sum_even(one)", "globals()['sum' '_even'](one)"),
    "endless": BASE
    + INVOKING.replace("    return", "    while True:\n        pass\n    return"),
    "memory": BASE + INVOKING.replace("    return", "    [0] * 10**12\n    return"),
    "type_error": BASE + INVOKING.replace("    return", "    None + 1\n    return"),
    "index_error": BASE + INVOKING.replace("    return", "    [][0]\n    return"),
    "value_error": BASE + INVOKING.replace("    return", "    int('x')\n    return"),
    "name_error": BASE + INVOKING.replace("    return", "    nowhere\n    return"),
    "key_error": BASE + INVOKING.replace("    return", "    {}[0]\n    return"),
    "syntax": BASE + INVOKING.replace("return", "return ="),
}

MODULE = f"""
PLANTED = {PLANTED!r}


def __getattr__(name):
    if name not in PLANTED:
        raise AttributeError(name)

    class One:
        def __init__(self, spec):
            pass

        def generate(self, requests):
            return [PLANTED[name] for _ in requests]

    return One
"""


@pytest.fixture
def planted(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(planted=MODULE)


def anatomies(folder: Path) -> dict[str, dict[str, Any]]:
    """Planted model -> anatomy."""
    return {
        r["case"]["model"].removeprefix("planted-"): r["anatomy"]
        for r in records(folder)
    }


def test_each_way_of_being_wrong_is_found(
    run: Run, planted: None, pytester: pytest.Pytester
) -> None:
    models = [f"--model=planted:{name}" for name in PLANTED]
    ini = ("-o", "selfinvoke_cpu_s=1", "--tb=no", "-rN", "-n", "2", "-v")
    result = run(*models, *ini, "-k", PROBLEM)
    result.assert_outcomes(passed=5, failed=len(PLANTED) - 5)
    found = anatomies(pytester.path)
    assert {name: one["attribution"] for name, one in found.items()} == {
        **dict.fromkeys(("right", "inlined", "shadowed", "unrun", "hidden")),
        "base": "base_wrong",
        "invoking": "invocation_wrong",
        "both": "both_wrong",
        "combination": "only_combination_fails",
        "nothing": "no_code",
        "refusal": "no_code",
        "no_base": "both_wrong",
        **dict.fromkeys(
            (
                *("no_invoking", "arity", "endless", "memory", "syntax", "type_error"),
                *("index_error", "value_error", "name_error", "key_error"),
            ),
            "invocation_wrong",
        ),
    }
    wrong = {n for n, one in found.items() if one["base"]["score"] == "wrong"}
    assert wrong == {"base", "both", "nothing", "refusal", "no_base"}
    assert found["no_base"]["missing"] == ["base"]
    assert found["no_invoking"]["missing"] == ["invoking"]
    calls = {name: one["invocation"] for name, one in found.items()}
    assert not calls["right"]["inlined"]
    assert {n for n, one in calls.items() if one["inlined"]} == {"inlined", "shadowed"}
    assert {n for n, one in calls.items() if one["wrong_arity"]} == {"arity"}
    assert (calls["unrun"]["static"], calls["unrun"]["observed"]) == (True, False)
    assert (calls["hidden"]["static"], calls["hidden"]["observed"]) == (False, True)
    assert calls["right"]["observed"] is True
    lines = [line for line in result.outlines if line.startswith("  clean: ")]
    kinds = [line.removeprefix("  clean: ") for line in lines]
    for kind in (
        *("AssertionError", "NameError", "ValueError", "IndexError", "TypeError"),
        *("other", "timeout", "memory", "no code", "syntax error", "missing base"),
        *("missing invoking function", "refused"),
    ):
        assert f"{kind} 1" in kinds, kind


def test_the_tables(run: Run, planted: None) -> None:
    names = ("right", "base", "invoking")
    result = run(
        *(f"--model=planted:{n}" for n in names), "-k", PROBLEM, "-v", "--tb=no"
    )
    result.stdout.fnmatch_lines(
        [
            "anatomy of planted-base on mini",
            "in %  *  n  base   Pro   gap Pro|base",
            "clean *  1   0.0   0.0   0.0        -",
            "to blame *  base",
            "clean *  1",
            "base function called *  yes",
            "failures",
            "  clean: AssertionError 1",
            "failures of the base function",
            "  clean: AssertionError 1",
            "anatomy of planted-invoking on mini",
            "clean *  1 100.0   0.0 100.0      0.0",
            "to blame *  invoking",
            "anatomy of planted-right on mini",
            "clean *  1 100.0 100.0   0.0    100.0",
        ]
    )


def test_a_failure_says_who_is_to_blame(run: Run, planted: None) -> None:
    result = run("--model=planted:base", "-k", PROBLEM)
    result.stdout.fnmatch_lines(
        [
            "to blame: the base function (solved with the reference's); the base "
            "function is wrong by its own tests"
        ]
    )


def test_it_can_be_turned_off(
    run: Run, planted: None, pytester: pytest.Pytester
) -> None:
    options = ("--selfinvoke-anatomy=off", "-k", PROBLEM, "--tb=no")
    result = run("--model=planted:base", *options)
    result.stdout.no_fnmatch_line("anatomy of*")
    assert [record["anatomy"] for record in records(pytester.path)] == [None]
    assert manifest(pytester.path)["plans"][0]["anatomy"] == "off"


def test_other_names_are_taken_apart_as_well(
    run: Run, pytester: pytest.Pytester
) -> None:
    run("--model=oracle", "--attack=function_name.camel_case", "-k", PROBLEM)
    [record] = records(pytester.path)
    assert "sumEven" in record["program"]
    assert record["anatomy"]["base"]["score"] == "right"
    assert record["anatomy"]["invocation"]["observed"] is True


def test_a_suite_file_turns_it_off(run: Run, pytester: pytest.Pytester) -> None:
    file = pytester.path / "one.selfinvoke.toml"
    text = '[suite]\nanatomy = "{}"\nlimit = 1\n[[model]]\nspec = "oracle"\n'
    file.write_text(text.format("off"))
    run(file.name)
    assert [record["anatomy"] for record in records(pytester.path)] == [None]
    file.write_text(text.format("of"))
    assert_clear(run(file.name), "one.selfinvoke.toml", "anatomy must be auto or off")


PRO = {
    "id": 0,
    "raw_problem": "# Add one.\ndef add_one(x):\n",
    "raw_solution": "    return x + 1\n",
    "new_problem": "# Add two.\ndef add_two(x):\n",
    "new_solution": "    return add_one(add_one(x))\n",
    "test_code": "assert add_two(1) == 3\n",
}


def test_without_the_parent_the_base_function_is_not_scored(
    run: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "pro.json").write_text(json.dumps([PRO]))
    result = run("--model=oracle", "--benchmark=humaneval-pro=pro.json")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "selfinvoke: base functions of humaneval-pro are not scored: *humaneval*",
            "base function not scored, for want of tests that suit it: 1",
        ]
    )
    [record] = records(pytester.path)
    assert record["anatomy"]["base"]["score"] == "unknown"
    assert record["anatomy"]["invocation"]["observed"] is True


def test_the_parent_is_found_beside_a_file(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "pro.json").write_text(json.dumps([PRO]))
    parent = {
        "task_id": "HumanEval/0",
        "prompt": "def add_one(x):\n    '''Add one.'''\n",
        "entry_point": "add_one",
        "canonical_solution": "    return x + 1\n",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    }
    (pytester.path / "HumanEval.jsonl").write_text(json.dumps(parent))
    result = run("--model=oracle", "--benchmark=humaneval-pro=pro.json")
    result.stdout.no_fnmatch_line("*not scored*")
    [record] = records(pytester.path)
    assert record["anatomy"]["base"]["score"] == "right"
