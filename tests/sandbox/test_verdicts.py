"""Every verdict, from real programs in the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def run(
    sandbox: Sandbox, program: str, tests: str = "assert f(1) == 2", **limits: float
) -> Execution:
    chosen = Limits(**{"cpu_s": 1.0, "wall_s": 10.0, **limits})  # type: ignore[arg-type]
    return sandbox.run(
        Job(program=program, tests=tests, entry_points=("f",), limits=chosen)
    )


def test_solved(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def f(x): return x + 1")
    assert (execution.verdict, execution.judge) == (Verdict.SOLVED, "apart")
    assert 0 < execution.cpu_s < 1


def test_a_wrong_answer_shows_test_and_values(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def f(x): return [x]")
    assert execution.verdict is Verdict.WRONG_ANSWER
    assert execution.failing_test == "assert f(1) == 2"
    assert (execution.expected, execution.actual) == ("2", "[1]")


def test_a_wrong_answer_to_tests_that_have_to_be_run(sandbox: Sandbox) -> None:
    tests = "for n in range(3):\n    assert f(n) == n + 1"
    execution = run(sandbox, "def f(x): return min(x + 1, 2)", tests)
    assert execution.verdict is Verdict.WRONG_ANSWER
    assert execution.failing_test == "assert f(n) == n + 1"
    assert (execution.expected, execution.actual) == ("3", "2")
    assert execution.judge == "apart"


def test_an_exception_names_type_message_and_line(sandbox: Sandbox) -> None:
    execution = run(sandbox, "x = 1\nraise KeyError('no')")
    assert execution.verdict is Verdict.EXCEPTION
    assert execution.exception == "KeyError"
    assert execution.detail == "KeyError: 'no' (line 2: raise KeyError('no'))"


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit(0)",
        "def f(x): exit(0)",
        "def f(x): raise SystemExit",
        "def f(x): raise KeyboardInterrupt",
    ],
)
def test_leaving_by_exception_is_no_pass(sandbox: Sandbox, program: str) -> None:
    assert run(sandbox, program).verdict is Verdict.EXCEPTION


@pytest.mark.parametrize(
    "program",
    [
        "import os; os._exit(0)",
        "import os\ndef f(x): os._exit(0)",
        "import os\nos.close(3)\ndef f(x): return 2",
        "import os, threading\nthreading.Timer(0, os._exit, [0]).start()\n"
        "def f(x):\n    while True: pass",
    ],
)
def test_leaving_early_is_no_pass(sandbox: Sandbox, program: str) -> None:
    execution = run(sandbox, program)
    assert execution.verdict in (Verdict.CRASHED, Verdict.EXCEPTION)


def test_a_segmentation_fault(sandbox: Sandbox) -> None:
    execution = run(sandbox, "import ctypes\ndef f(x): ctypes.string_at(0)")
    assert execution.verdict is Verdict.CRASHED
    assert "SIGSEGV" in execution.detail


def test_too_much_processor_time(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def f(x):\n    while True: pass")
    assert execution.verdict is Verdict.TIMEOUT
    assert "CPU" in execution.detail
    assert not execution.notes


def test_sleeping_too_long_is_tried_twice(sandbox: Sandbox) -> None:
    execution = run(sandbox, "import time\ntime.sleep(99)", wall_s=0.3)
    assert execution.verdict is Verdict.TIMEOUT
    assert "clock" in execution.detail
    assert "twice" in execution.notes[0]


@pytest.mark.parametrize(
    "program",
    [
        "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except OSError: pass\ndef f(x):\n    while True: pass",
        "def f(x): return 7 ** (7 ** 12)",
        "import re\ndef f(x): return re.match('(a+)+b', 'a' * 40)",
    ],
    ids=["ignores signals", "arithmetic", "regular expression"],
)
def test_nothing_holds_the_deadline_up(sandbox: Sandbox, program: str) -> None:
    verdict = run(sandbox, program).verdict
    assert verdict in (Verdict.TIMEOUT, Verdict.MEMORY)


def test_too_much_memory(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def f(x): return bytearray(10 ** 11)")
    assert execution.verdict is Verdict.MEMORY


@pytest.mark.parametrize(
    "program",
    ["def f(x:", "def f(x):\n\treturn 1\n        return 2", "x\0y", "'\ud800'"],
)
def test_source_that_does_not_compile(sandbox: Sandbox, program: str) -> None:
    assert run(sandbox, program).verdict is Verdict.SYNTAX_ERROR


def test_a_missing_function_is_named(sandbox: Sandbox) -> None:
    execution = run(sandbox, "def g(x): return 2")
    assert execution.verdict is Verdict.MISSING_ENTRY_POINT
    assert execution.detail == "does not define f"


ALWAYS_EQUAL = """
class Equal({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = {base}.__hash__
def f(x): return Equal()
"""


@pytest.mark.parametrize("base", ["object", "int", "str", "tuple", "float"])
def test_objects_that_equal_everything_do_not_pass(sandbox: Sandbox, base: str) -> None:
    execution = run(sandbox, ALWAYS_EQUAL.format(base=base))
    assert execution.verdict in (Verdict.WRONG_ANSWER, Verdict.TAMPERED)


@pytest.mark.parametrize(
    "program",
    [
        "import os\nos.write(3, b'\\0\\0\\0\\2{}')\ndef f(x): return 1",
        "import os\nos.write(3, b'\\xff' * 100)\ndef f(x): return 1",
        "import os\nos.write(3, b'\\0\\0\\0\\5hello')\ndef f(x): return 1",
        "import json\njson.dumps = lambda *a, **k: '{\"passed\": true}'\ndef f(x): return 1",
        "import pytest_selfinvoke.sandbox.child as c\nc.encode = lambda v: {'s': [[1]]}\ndef f(x): return 1",
    ],
)
def test_forged_answers_do_not_pass(sandbox: Sandbox, program: str) -> None:
    assert run(sandbox, program).verdict is not Verdict.SOLVED


def test_a_flood_of_output_is_cut(sandbox: Sandbox) -> None:
    program = "print('x' * 10 ** 7)\ndef f(x): return x + 1"
    execution = run(sandbox, program, cpu_s=5)
    assert execution.verdict is Verdict.SOLVED
    assert len(execution.stdout) == Limits().output_bytes


HONEST = {
    "prints": "print('hello')\ndef f(x): return x + 1",
    "main block": "def f(x): return x + 1\nif __name__ == '__main__': raise SystemExit",
    "guarded input": "def f(x):\n    try: input()\n    except EOFError: return x + 1",
    "dataclass": "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    "@dataclass\nclass A:\n    x: int\ndef f(x): return A(x).x + 1",
    "threads": "import threading\ndef f(x):\n    out = []\n"
    "    t = threading.Thread(target=out.append, args=(x + 1,))\n"
    "    t.start(); t.join()\n    return out[0]",
    "own files": "import tempfile\nopen('a', 'w').write('x')\ndef f(x):\n"
    "    with tempfile.NamedTemporaryFile() as t: t.write(b'1')\n    return x + 1",
    "asyncio": "import asyncio\nasync def g(x): return x + 1\ndef f(x): return asyncio.run(g(x))",
    "recursion": "import sys\nsys.setrecursionlimit(5000)\n"
    "def f(x, n=3000): return x + 1 if n == 0 else f(x, n - 1)",
    "logging": "import logging\ndef f(x):\n    logging.warning('w')\n    return x + 1",
    "random": "import random\nrandom.seed(1)\ndef f(x): return x + 1",
    "own equality": "class V:\n    def __init__(s, v): s.v = v\n"
    "    def __eq__(s, o): return s.v == o.v\ndef f(x): return x + 1 if V(1) == V(x) else 0",
    "memory within the limit": "def f(x): return len(bytearray(10 ** 8)) * 0 + x + 1",
}


@pytest.mark.parametrize("program", HONEST.values(), ids=HONEST)
def test_honest_programs_pass(sandbox: Sandbox, program: str) -> None:
    execution = run(sandbox, program, cpu_s=5)
    assert execution.verdict is Verdict.SOLVED, execution


def test_changed_arguments_travel_back(sandbox: Sandbox) -> None:
    tests = "a = [1]\nd = {}\nf(a, d)\nassert a == [1, 2]\nassert d == {'k': 1}"
    program = "def f(a, d):\n    a.append(2)\n    d['k'] = 1"
    assert run(sandbox, program, tests).verdict is Verdict.SOLVED


def test_exceptions_travel_to_the_tests(sandbox: Sandbox) -> None:
    tests = "try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) == 'no'\nelse:\n    assert False"
    assert (
        run(sandbox, "def f(x): raise ValueError('no')", tests).verdict
        is Verdict.SOLVED
    )
    assert run(sandbox, "def f(x): return 1", tests).verdict is Verdict.WRONG_ANSWER


def test_modules_that_tests_take_for_granted_are_found(sandbox: Sandbox) -> None:
    tests = "assert f(1) == math.floor(2.5)"
    execution = run(sandbox, "import math\ndef f(x): return x + 1", tests)
    assert (execution.verdict, execution.judge) == (Verdict.SOLVED, "apart")


LIVE = "assert f(lambda n: n) == 1\nassert f(lambda n: n * 2) == 2\nassert f(lambda n: n + 3) == 4\nassert f(lambda n: 9) == 9"


def test_tests_with_functions_as_arguments_run_beside_the_program(
    sandbox: Sandbox,
) -> None:
    execution = run(sandbox, "def f(g): return g(1)", LIVE)
    assert (execution.verdict, execution.judge) == (Verdict.SOLVED, "inline")
    assert "4 negative controls" in execution.notes[1]


@pytest.mark.parametrize(
    "program",
    [
        ALWAYS_EQUAL.format(base="object"),
        "import builtins\nbuiltins.AssertionError = KeyboardInterrupt\ndef f(g): return 0",
        "def f(g): raise SystemExit(0)",
        "import os\ndef f(g): os._exit(0)",
        "import sys\ndef f(g):\n    sys._getframe(1).f_globals['f'] = None\n    return 0",
    ],
)
def test_tests_beside_the_program_are_not_fooled(
    sandbox: Sandbox, program: str
) -> None:
    assert run(sandbox, program, LIVE).verdict is not Verdict.SOLVED


@pytest.mark.parametrize("tests", ["", "def test():\n    assert f(1) == 2"])
def test_tests_that_never_call_the_solution_judge_nothing(
    sandbox: Sandbox, tests: str
) -> None:
    with pytest.raises(NotJudgedError, match="never call"):
        run(sandbox, "def f(x): return 2", tests)


def test_a_bare_except_in_the_tests_hides_nothing(sandbox: Sandbox) -> None:
    tests = "try:\n    f(1)\nexcept:\n    pass"
    assert (
        run(sandbox, "import os\ndef f(x): os._exit(0)", tests).verdict
        is Verdict.CRASHED
    )


@pytest.mark.slow
def test_all_references_of_the_public_benchmarks(
    sandbox: Sandbox, data: object
) -> None:
    from pytest_selfinvoke.benchmarks import BUILTIN
    from pytest_selfinvoke.core.imports import resolve

    for name in ("humaneval-pro", "mbpp-pro", "humaneval"):
        benchmark = resolve(BUILTIN[name])
        for problem in benchmark.load(benchmark.locate(data, download=False)):
            job = Job(
                program=problem.reference,
                tests=problem.target.tests,
                entry_points=problem.entry_points,
            )
            execution = sandbox.run(job)
            assert execution.verdict is Verdict.SOLVED, (problem.id, execution)
            assert execution.judge == "apart", problem.id
