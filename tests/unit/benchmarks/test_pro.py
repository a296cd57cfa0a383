"""The self-invoking benchmarks: records as they are, repaired ones, the real files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.benchmarks.pro import (
    BIGCODEBENCH_LITE_PRO,
    HUMANEVAL_PRO,
    MBPP_PRO,
)
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark
from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.records import Problem

RECORD = {
    "id": 4,
    "raw_problem": "# Half of x.\nimport math\ndef half(x):\n",
    "raw_solution": "    return x / 2\n",
    "new_problem": "# Halves of all.\ndef halves(xs):\n",
    "new_solution": "    return [half(x) for x in xs]\n\n\n",
    "test_code": "\nassert halves([2]) == [1]",
}


def load(
    folder: Path, change: dict[str, Any], benchmark: Benchmark = HUMANEVAL_PRO
) -> Problem:
    path = folder / "file.json"
    path.write_text(json.dumps([{**RECORD, **change}]), encoding="utf-8")
    (problem,) = benchmark.load(path)
    return problem


def check(problem: Problem, *, tests: str | None = None) -> None:
    """Run trusted texts as the judge does: the tests see the functions alone."""
    names: dict[str, Any] = {}
    exec(compile(problem.reference, "program", "exec"), names)
    seen = {name: names[name] for name in problem.entry_points}
    exec(compile(tests or problem.target.tests, "tests", "exec"), seen)


def test_record_as_it_is(tmp_path: Path) -> None:
    problem = load(tmp_path, {})
    assert (problem.id, problem.benchmark) == ("HumanEvalPro_004", "humaneval-pro")
    assert problem.entry_points == ("half", "halves")
    assert problem.base is not None
    assert problem.base.prompt == RECORD["raw_problem"]
    assert problem.base.solution == RECORD["raw_solution"]
    assert problem.base.tests == ""
    assert problem.target.prompt == RECORD["new_problem"]
    assert problem.target.solution == RECORD["new_solution"]
    assert problem.target.tests == RECORD["test_code"]
    assert (problem.tags, problem.requires) == ((), ())
    check(problem)
    with pytest.raises(AssertionError):
        check(problem, tests="assert halves([2]) == [2]")


def test_ids() -> None:
    prefixes = {"humaneval-pro": 3, "mbpp-pro": 3, "bigcodebench-lite-pro": 4}
    for benchmark in (HUMANEVAL_PRO, MBPP_PRO, BIGCODEBENCH_LITE_PRO):
        assert isinstance(benchmark, Benchmark)
        assert prefixes.pop(benchmark.info.name)
    assert not prefixes


def test_ids_of_bigcodebench(tmp_path: Path) -> None:
    problem = load(tmp_path, {"id": "BigCodeBench/42"}, BIGCODEBENCH_LITE_PRO)
    assert problem.id == "BigCodeBenchLitePro_0042"
    with pytest.raises(DataError, match="'id': must be a whole number"):
        load(tmp_path, {"id": "BigCodeBench/42"}, MBPP_PRO)
    with pytest.raises(DataError, match="must be a string like 'BigCodeBench/12'"):
        load(tmp_path, {}, BIGCODEBENCH_LITE_PRO)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"raw_problem": "def up(x):\n  return x\ndef half(x):\n    '''Half.'''\n"},
            id="helper-above-the-base",
        ),
        pytest.param(
            {
                "raw_problem": "def half(x):\n  import math\n  '''Half.'''\n",
                "raw_solution": "  return x / 2",
            },
            id="import-above-the-docstring",
        ),
        pytest.param(
            {
                "new_solution": "    return up([half(x) for x in xs])\ndef up(x): return x"
            },
            id="helper-below-the-target",
        ),
        pytest.param(
            {"new_problem": "# Halves.\ndef up(x): return x\n\ndef halves(xs):\n"},
            id="helper-above-the-target",
        ),
        pytest.param(
            {"raw_problem": RECORD["raw_problem"].replace("\n", "\r\n")}, id="crlf"
        ),
        pytest.param({"raw_solution": "    return x / 2\n# Halves?\n"}, id="comment"),
    ],
)
def test_unusual_records_are_taken_as_they_are(
    change: dict[str, Any], tmp_path: Path
) -> None:
    problem = load(tmp_path, change)
    assert problem.entry_points == ("half", "halves")
    assert problem.base is not None
    taken = {
        "raw_problem": problem.base.prompt,
        "raw_solution": problem.base.solution,
        "new_problem": problem.target.prompt,
        "new_solution": problem.target.solution,
    }
    assert taken == {key: {**RECORD, **change}[key] for key in taken}
    assert problem.tags == ()
    check(problem)


HALVES = "    return [half(x) for x in xs]\n"


@pytest.mark.parametrize(
    ("change", "prompt", "solution"),
    [
        pytest.param(
            {
                "new_problem": "# Halves.\nimport re\ndef half(x):\n",
                "new_solution": f"    return x / 2\n\ndef halves(xs):\n{HALVES}",
            },
            "# Halves.\nimport re\n\ndef halves(xs):\n",
            f"{HALVES}\n\ndef half(x):\n    return x / 2",
            id="signature-of-the-base-again",
        ),
        pytest.param(
            {
                "new_problem": "# Halves.\ndef halves(xs):\n    all = []\n"
                "    for x in xs:\n",
                "new_solution": "        all.append(half(x))\n    return all\n",
            },
            "# Halves.\ndef halves(xs):\n",
            "    all = []\n    for x in xs:\n        all.append(half(x))\n"
            "    return all\n",
            id="inside-a-body",
        ),
        pytest.param(
            {
                "new_problem": "# Halves.\ndef halves(xs):\n    xs = list(xs)\n",
                "new_solution": HALVES,
            },
            "# Halves.\ndef halves(xs):\n",
            f"    xs = list(xs)\n{HALVES}",
            id="behind-a-whole-statement",
        ),
        pytest.param(
            {
                "new_problem": "# Halves of:\n",
                "new_solution": f"# all.\n\ndef halves(xs):\n{HALVES}",
            },
            "# Halves of:\n# all.\n\ndef halves(xs):\n",
            HALVES,
            id="inside-a-comment",
        ),
        pytest.param(
            {
                "new_problem": "# Halves.\ntry:\n",
                "new_solution": "    import a\nexcept ImportError:\n    a = 1\n"
                f"def halves(xs):\n{HALVES}",
            },
            "# Halves.\ntry:\n    import a\nexcept ImportError:\n    a = 1\n"
            "def halves(xs):\n",
            HALVES,
            id="inside-a-statement",
        ),
        pytest.param(
            {"new_problem": "# Halves of xs.import re\ndef halves(xs):\n"},
            "# Halves of xs.\nimport re\ndef halves(xs):\n",
            RECORD["new_solution"],
            id="glued-import",
        ),
        pytest.param(
            {"new_problem": "# Halves, '[1]'from a.b import c\ndef halves(xs):\n"},
            "# Halves, '[1]'\nfrom a.b import c\ndef halves(xs):\n",
            RECORD["new_solution"],
            id="glued-from",
        ),
        pytest.param(
            {
                "raw_solution": "    return x / 2\n\n# Halves.\n\nimport re\n",
                "new_problem": "def halves(xs):\n",
            },
            "# Halves.\n\nimport re\n\n\ndef halves(xs):\n",
            RECORD["new_solution"],
            id="description-in-the-raw-solution",
        ),
    ],
)
def test_repaired_prompts(
    change: dict[str, Any], prompt: str, solution: str, tmp_path: Path
) -> None:
    problem = load(tmp_path, change)
    assert problem.entry_points == ("half", "halves")
    assert problem.tags == ("repaired",)
    assert problem.target.prompt == prompt
    assert problem.target.solution == solution
    if "a.b" not in prompt:
        check(problem)


def test_repaired_base(tmp_path: Path) -> None:
    change = {
        "raw_problem": "# Half.\ndef half(x):\n  # now\n  x += 0\n  if x:\n",
        "raw_solution": "    return x / 2\n  return 0",
    }
    problem = load(tmp_path, change)
    assert problem.base is not None
    assert problem.base.prompt == "# Half.\ndef half(x):\n"
    assert problem.base.solution.startswith("  # now\n  x += 0\n  if x:\n    return")
    assert problem.tags == ("repaired",)
    check(problem)


def test_tests_that_define_the_function_themselves(tmp_path: Path) -> None:
    own = "def halves(xs):\n    return [1]\nassert halves([4]) == [1]\n"
    problem = load(tmp_path, {"test_code": own})
    assert problem.target.tests == "assert halves([4]) == [1]\n"
    assert problem.tags == ("repaired",)
    with pytest.raises(AssertionError):
        check(problem)


def test_tests_get_what_they_take_from_the_reference(tmp_path: Path) -> None:
    tests = "assert halves([math.pi]) == [math.pi / 2]"
    problem = load(tmp_path, {"test_code": tests})
    assert problem.target.tests == f"import math\n{tests}"
    assert problem.tags == ()
    check(problem)


def test_required_libraries(tmp_path: Path) -> None:
    solution = "    import numpy, os\n    return x / 2\n"
    tests = "import pandas as pd\nassert halves"
    problem = load(tmp_path, {"raw_solution": solution, "test_code": tests})
    assert problem.requires == ("numpy", "pandas")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"raw_problem": "half:"}, "raw_problem with raw_solution cannot be parsed"),
        ({"new_solution": "   )"}, "new_problem with new_solution cannot be parsed"),
        ({"test_code": "assert halves(math"}, "'test_code': cannot be parsed"),
        ({"test_code": "assert 1"}, "'new_solution': must hold a function that is te"),
        (
            {"raw_problem": "x = 1", "raw_solution": "y = 2"},
            "'raw_solution': must hold",
        ),
        ({"new_problem": ""}, r"field 'new_problem': .* in record 1 \(id 4\)"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, change)


# Some references hold "\\w" in plain strings.
@pytest.mark.filterwarnings("ignore:.*invalid escape sequence")
@pytest.mark.parametrize(
    ("benchmark", "count", "repaired", "requires"),
    [
        (HUMANEVAL_PRO, 164, 13, False),
        (MBPP_PRO, 378, 29, False),
        (BIGCODEBENCH_LITE_PRO, 57, 33, True),
    ],
    ids=lambda value: value.info.name if hasattr(value, "info") else None,
)
def test_real_files(
    benchmark: Benchmark, count: int, repaired: int, requires: bool, data: Path
) -> None:
    problems = benchmark.load(benchmark.locate(data, download=False))
    assert len(problems) == count
    assert sum("repaired" in problem.tags for problem in problems) == repaired
    found = {name for problem in problems for name in problem.requires}
    assert sorted(found) == sorted(benchmark.info.requires)
    assert bool(found) is requires
    assert isinstance(benchmark, PublishedBenchmark)
    assert benchmark.mismatch(problems) is None
    for problem in problems:
        compile_all(problem)


def compile_all(problem: Problem) -> None:
    """Every prompt ends with the signature of what is asked for."""
    compile(problem.reference, problem.id, "exec")
    for part in (problem.base, problem.target):
        assert part is not None
        text = f"{part.prompt.rstrip()}\n{indent_of(part.solution)}pass\n"
        compile(text, problem.id, "exec", dont_inherit=True)
        assert f"def {part.entry_point}" in part.prompt


def indent_of(solution: str) -> str:
    lines = (line for line in solution.splitlines() if line.strip())
    first = next(line for line in lines if not line.startswith("#"))
    return first[: len(first) - len(first.lstrip())]


@pytest.mark.slow
@pytest.mark.parametrize("benchmark", [HUMANEVAL_PRO, MBPP_PRO], ids=["he", "mbpp"])
def test_real_references_pass(benchmark: Benchmark, data: Path) -> None:
    problems = benchmark.load(benchmark.locate(data, download=False))
    cases = [[p.reference, list(p.entry_points), p.target.tests] for p in problems]
    # Published references are trusted; another process only keeps them out of ours.
    program = (
        "import json, sys\n"
        "for i, (reference, names, tests) in enumerate(json.load(sys.stdin)):\n"
        "    space = {'__name__': 'program'}\n"
        "    exec(compile(reference, f'reference {i}', 'exec'), space)\n"
        "    exec(compile(tests, f'{i}', 'exec'), {n: space[n] for n in names})\n"
        "print(i + 1, 'passed')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", program],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.endswith(f"{len(cases)} passed\n"), done.stderr
