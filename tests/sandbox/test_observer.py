"""What is seen of calls inside the sandbox."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import observer
from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.observer import Observation
from pytest_selfinvoke.sandbox.runner import Sandbox
from pytest_selfinvoke.sandbox.running import ServerLostError
from pytest_selfinvoke.sandbox.tracing import Watch

BASE = "def base(x):\n    return x + 1\n"
TESTS = "assert target(1) == 3\nassert target(2) == 4\n"
LIMITS = Limits(cpu_s=1.0, wall_s=20.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("unsafe-ok") as sandbox:
        yield sandbox


def job(program: str, tests: str = TESTS) -> Job:
    return Job(
        program=program, tests=tests, entry_points=("base", "target"), limits=LIMITS
    )


SEEN = {
    "a call": BASE + "def target(x):\n    return base(base(x))\n",
    "through a helper": BASE
    + "def h(x):\n    return base(base(x))\ndef target(x):\n    return h(x)\n",
    "through map": BASE + "def target(x):\n    return base(*map(base, [x]))\n",
    "by another name": BASE
    + "def target(x):\n    return globals()['ba' 'se'](x) + 1\n",
    "decorated": "import functools\n@functools.lru_cache\n"
    + BASE
    + "@functools.cache\ndef target(x):\n    return base(base(x))\n",
    "a wrapper that hides what it wraps": "def w(f):\n    return lambda x: f(x)\n@w\n"
    + BASE
    + "def target(x):\n    return base(x) + 1\n",
    "lambdas": "base = lambda x: x + 1\ntarget = lambda x: base(base(x))\n",
    "a generator": "def base(x):\n    yield x + 2\n"
    "def target(x):\n    return next(base(x))\n",
    "in an inner function": BASE
    + "def target(x):\n    found = []\n"
    + "    def run():\n        inner(found, x)\n"
    + "    def inner(found, x):\n        found.append(base(x) + 1)\n"
    + "    run()\n    return found[0]\n",
    "a wrong answer": BASE + "def target(x):\n    return base(x)\n",
    "after a failed test": BASE
    + "def target(x):\n    if x == 1:\n        raise SystemExit\n    return base(x) + 1\n",
    "in a program that then never ends": BASE
    + "def target(x):\n    base(x)\n    while True:\n        pass\n",
    "in a program that then leaves": BASE
    + "import os\ndef target(x):\n    base(x)\n    os._exit(0)\n",
    "recursion": "def base(x):\n    return base(x - 1) + 1 if x else 2\n"
    "def target(x):\n    return base(x)\n",
}

NOT_SEEN = {
    "no call": BASE + "def target(x):\n    return x + 2\n",
    "while it loads": BASE + "base(1)\ndef target(x):\n    return x + 2\n",
    "an inner function of that name": BASE
    + "def target(x):\n    def base(x):\n        return x + 2\n    return base(x)\n",
    "a method of that name": BASE
    + "class K:\n    def base(self, x):\n        return x + 2\n"
    + "def target(x):\n    return K().base(x)\n",
    "code that no test reaches": BASE
    + "def target(x):\n    return x + 2 if x < 9 else base(x)\n",
    "a name that is only mentioned": BASE
    + "def target(x):\n    base\n    return x + 2\n",
}


@pytest.mark.parametrize("name", SEEN)
def test_a_call_is_seen(sandbox: Sandbox, name: str) -> None:
    assert sandbox.observe(job(SEEN[name])).invoked is True


@pytest.mark.parametrize("name", NOT_SEEN)
def test_what_is_no_call_is_not(sandbox: Sandbox, name: str) -> None:
    assert sandbox.observe(job(NOT_SEEN[name])).invoked is False


def test_a_call_from_the_tests_is_not_the_programs(sandbox: Sandbox) -> None:
    tests = "assert target(1) == base(base(1))\n"
    found = sandbox.observe(job(NOT_SEEN["no call"], tests))
    assert found.invoked is False
    assert sandbox.observe(job(SEEN["a call"], tests)).invoked is True


@pytest.mark.parametrize(
    "program",
    [
        "def base(",
        "raise ValueError",
        BASE + "def target(x):\n    while True:\n        pass\n",
        "import os\nos._exit(1)",
    ],
)
def test_what_does_not_end_or_load_is_not_known(sandbox: Sandbox, program: str) -> None:
    assert sandbox.observe(job(program)) == Observation(invoked=None)


@pytest.mark.parametrize(
    ("call", "misfit"),
    [
        ("base(x, 1)", True),
        ("base()", True),
        ("base(y=x)", True),
        ("base(x)", False),
        ("base(None)", False),
        ("len(x, x)", False),
        ("base(x) + len(x, x)", False),
    ],
)
def test_calls_that_do_not_fit(sandbox: Sandbox, call: str, misfit: bool) -> None:
    program = BASE + f"def target(x):\n    return {call}\n"
    assert sandbox.observe(job(program)).misfit is misfit


def test_the_base_functions_own_mistake_is_no_misfit(sandbox: Sandbox) -> None:
    program = "def base(x):\n    return base()\ndef target(x):\n    return base(x)\n"
    assert sandbox.observe(job(program)) == Observation(invoked=True)


def test_a_program_cannot_foretell_the_number(sandbox: Sandbox) -> None:
    forged = (
        "import socket, json\n"
        "line = socket.socket(fileno=3)\n"
        "for message in ({'loaded': ['base', 'target']}, {'invoked': '0' * 32}):\n"
        "    data = json.dumps(message).encode()\n"
        "    line.sendall(len(data).to_bytes(4, 'big') + data)\n"
        "line.detach()\n"
    )
    program = forged + NOT_SEEN["no call"]
    assert sandbox.observe(job(program)).invoked is not True


def test_the_verdict_is_not_changed_by_watching(sandbox: Sandbox) -> None:
    for program in (SEEN["a call"], NOT_SEEN["no call"]):
        sandbox.observe(job(program))
        assert sandbox.run(job(program)).verdict is Verdict.SOLVED


def test_a_lost_server_is_started_again(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def lose(job: Job, solutions: object) -> Observation:
        calls.append(job)
        if len(calls) == 1:
            raise ServerLostError
        return observer.Observation(invoked=True)

    monkeypatch.setattr("pytest_selfinvoke.sandbox.runner.observe", lose)
    assert sandbox.observe(job(BASE)).invoked is True

    def always(job: Job, solutions: object) -> Observation:
        raise ServerLostError

    monkeypatch.setattr("pytest_selfinvoke.sandbox.runner.observe", always)
    with pytest.raises(NotJudgedError):
        sandbox.observe(job(BASE))


@pytest.mark.parametrize(("name", "seen"), [("a call", 1), ("no call", 0)])
def test_profiling_sees_the_same(name: str, seen: int) -> None:
    """The way of Python 3.11, whichever runs this test; the program is ours."""
    module = ModuleType("solution")
    exec(compile((SEEN | NOT_SEEN)[name], "solution.py", "exec"), vars(module))
    found: list[bool] = []
    names = ("base", "target")
    watch = Watch(module, "solution.py", names, lambda: found.append(True))
    before = sys.getprofile()
    with watch._profiling():
        vars(module)["target"](1)
    sys.setprofile(before)
    assert len(found) == seen
