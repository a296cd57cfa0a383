"""Problems with one known fault each: every fault is found, and no other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pytest_selfinvoke.audit.auditor import FINDINGS, Auditor
from pytest_selfinvoke.audit.table import audit_lines
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.sandbox.base import Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

BASE = Part(
    entry_point="double",
    prompt="def double(x):\n",
    solution="    return x + x\n",
    tests="",
)
TARGET = Part(
    entry_point="total",
    prompt="def total(xs):\n",
    solution="    return sum(double(x) for x in xs if x > 0)\n",
    tests="assert total([1, 2, -1]) == 6\nassert total([0]) == 0\nassert total([]) == 0",
)
SOUND = Problem(id="p", benchmark="b", base=BASE, target=TARGET)


@pytest.fixture(scope="module")
def auditor() -> Iterator[Auditor]:
    with Sandbox() as sandbox, Sandbox(hash_seed=1) as other:
        yield Auditor(executor=sandbox, shuffled=[other], limits=Limits(cpu_s=1))


def target(**changes: str) -> Problem:
    return replace(SOUND, target=replace(TARGET, **changes))


def findings(auditor: Auditor, problem: Problem) -> list[str]:
    found = [name for name, _ in auditor.audit(problem).findings]
    assert set(found) <= set(FINDINGS)
    return found


def test_a_sound_problem(auditor: Auditor) -> None:
    tests = "assert total([1, 2, -1]) == 6\nassert total([3, 1]) == 8"
    audited = auditor.audit(target(tests=tests))
    assert audited.findings == ()
    assert audited.reasons == ()
    assert audited.invoking is True
    assert audited.asserts == 2
    assert audited.killed > 0
    assert audited.memory_bytes is not None
    assert 2**22 < audited.memory_bytes < 2**28


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (target(solution="    return 0\n"), ["reference fails"]),
        (target(solution="    while True: pass\n"), ["reference fails"]),
        (target(solution="    import no_such_module\n"), ["not judged"]),
        (
            target(tests="assert total([]) is None", solution="    double\n"),
            ["stub passes"],
        ),
        (
            target(solution="    return sum(2 * x for x in xs if x > 0)\n"),
            ["not invoking"],
        ),
        (
            target(solution="    return sum(double(x) for x in xs if x > 5)\n",
                   tests="assert total([1]) == 0"),
            ["never reached"],
        ),
        (
            target(tests="assert total([1, 2, -1]) == 6\nassert len([total([1])]) == 1"),
            ["idle assert"],
        ),
        (
            target(solution="    return sum(double(x) for x in xs) / 10\n",
                   tests="assert total([1]) == 0.2"),
            ["float equality"],
        ),
        (
            target(solution="    import random\n    return sum(double(x) for x in xs)\n",
                   tests="assert total([1, 2]) == 6"),
            ["random or clock"],
        ),
    ],
)  # fmt: skip
def test_one_fault_is_found(
    auditor: Auditor, problem: Problem, expected: list[str]
) -> None:
    assert findings(auditor, problem)[: len(expected)] == expected


def test_tests_that_assert_nothing(auditor: Auditor) -> None:
    assert findings(auditor, target(tests="total([1])")) == ["no test"]


def test_a_missing_library_says_nothing_of_the_problem(auditor: Auditor) -> None:
    assert not auditor.audit(target(solution="    import no_such_module\n")).reasons


def test_a_wrong_program_that_passes(auditor: Auditor) -> None:
    wrong = ("def double(x): return 0\ndef total(xs): return 0", SOUND.reference)
    audited = auditor.audit(replace(SOUND, wrong=wrong))
    assert audited.reasons == ("wrong passes: number 2",)


def test_the_order_of_sets(auditor: Auditor) -> None:
    solution = "    return [double(x) for x in set(xs)]\n"
    words = [f"w{i}" for i in range(8)]
    problem = target(solution=solution, tests=f"assert total({words}) == 0")
    seen = auditor.executor.run(auditor._job(problem, problem.reference)).actual
    problem = target(solution=solution, tests=f"assert total({words}) == {seen}")
    audited = auditor.audit(problem)
    assert audited.findings[0][0] == "depends on order"
    assert audited.reasons[0].startswith("depends on order: ")


def test_random_numbers_that_decide(auditor: Auditor) -> None:
    unlucky = random.Random(3).getrandbits(64)
    solution = (
        "    import random\n    lucky = random.getrandbits(64) != {}\n"
        "    return sum(map(double, xs)) * lucky\n"
    )
    tests = "assert total([1, 2]) == 6"
    problem = target(solution=solution.format(unlucky), tests=tests)
    assert findings(auditor, problem)[0] == "depends on chance"
    fair = target(solution=solution.format(-1), tests=tests)
    assert "depends on chance" not in findings(auditor, fair)


def test_a_verdict_that_hangs_on_where_the_tests_run(auditor: Auditor) -> None:
    solution = "    import sys\n    return double('colorsys' in sys.modules)\n"
    tests = "import colorsys\nassert total([1]) == 0\nassert colorsys"
    audited = auditor.audit(target(solution=solution, tests=tests))
    assert audited.findings[0][0] == "depends on the judge"
    assert audited.reasons


def test_a_reference_that_hangs_ends_by_its_limit(auditor: Auditor) -> None:
    audited = auditor.audit(target(solution="    while True: pass\n"))
    assert audited.reasons == (
        f"reference fails: ended by its limit after {audited.cpu_s:.1f} s of "
        "processor time",
    )


def test_the_table_names_problems_and_fits_a_terminal(auditor: Auditor) -> None:
    problems = [
        replace(SOUND, id=f"a_long_name_of_a_problem_{i}") for i in range(3)
    ] + [replace(target(solution="    return 0\n"), id="wrong")]
    lines = list(audit_lines("b", [auditor.audit(problem) for problem in problems]))
    assert lines[0] == "b: 4 problems, 1 unsound"
    assert lines[1].startswith("  mutants of the reference: ")
    text = "\n".join(lines)
    assert "  1 unsound, reference fails: the reference does not pass" in text
    assert all(len(line) <= 80 for line in lines), text
    assert next(audit_lines("b", [])) == "b: 0 problems, 0 unsound"
