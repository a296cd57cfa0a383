"""What the tests of a program reach, as coverage.py would count it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.coverer import Coverage, counted
from pytest_selfinvoke.sandbox.runner import Sandbox

PROGRAM = '''\
import math


def f(x):
    """Docstring."""
    if x > 0:
        return 1
    elif x < -5:
        return 2
    for i in range(x,
                   0):
        if i == -1:
            break
    else:
        return 3
    return g(x)


def g(x):
    return [y for y in (x,
                        x)]
'''


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def covered(sandbox: Sandbox, tests: str, program: str = PROGRAM) -> Coverage | None:
    limits = Limits(cpu_s=1.0, wall_s=5.0)
    job = Job(program=program, tests=tests, entry_points=("f",), limits=limits)
    return sandbox.cover(job)


def test_everything_is_reached(sandbox: Sandbox) -> None:
    tests = "assert f(1) == 1\nassert f(-9) == 2\nassert f(0) == 3\nf(-2)"
    found = covered(sandbox, tests)
    assert found is not None
    assert (found.lines_reached, found.missed) == (found.lines, ())
    assert found.branches_reached == found.branches == 8


def test_what_no_test_reaches_is_named(sandbox: Sandbox) -> None:
    found = covered(sandbox, "assert f(1) == 1")
    assert found is not None
    assert found.missed == (8, 9, 10, 12, 13, 15, 16, 20)
    assert (found.branches_reached, found.branches) == (1, 8)


def test_a_test_that_fails_ends_nothing(sandbox: Sandbox) -> None:
    found = covered(sandbox, "assert f(1) == 2\nassert f(-9) == 2")
    assert found is not None
    assert 9 not in found.missed


def test_it_counts_as_coverage_does(sandbox: Sandbox, tmp_path: Path) -> None:
    import coverage

    if coverage.Coverage.current() is not None:
        pytest.skip("coverage measures this session already")
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "solution.py").write_text(PROGRAM)
    tests = "f(1)\nf(-2)\n"
    measured = coverage.Coverage(branch=True, data_file=None, config_file=False, include=[f"{folder}/*"])  # fmt: skip
    space: dict[str, object] = {}
    with measured.collect():
        exec(compile(PROGRAM, str(folder / "solution.py"), "exec"), space)
        exec(tests, space)
    _, statements, _, missing, _ = measured.analysis2(str(folder / "solution.py"))
    found = covered(sandbox, tests)
    assert found is not None
    assert (found.lines, list(found.missed)) == (len(statements), missing)
    numbers = measured._analyze(str(folder / "solution.py")).numbers
    assert found.branches == numbers.n_branches
    assert found.branches_reached == numbers.n_branches - numbers.n_missing_branches


@pytest.mark.parametrize("tests", ["f(1)\nwhile True: pass", "import os\nos._exit(0)"])
def test_tests_that_do_not_end_say_nothing(sandbox: Sandbox, tests: str) -> None:
    assert covered(sandbox, tests) is None


def test_a_program_that_does_not_load_says_nothing(sandbox: Sandbox) -> None:
    assert covered(sandbox, "f(1)", "def f(:") is None


def test_a_program_without_branches() -> None:
    found = counted("def f():\n    return 1\n", [(0, 1), (1, -1)])
    assert (found.lines, found.lines_reached, found.branches) == (2, 1, 0)
