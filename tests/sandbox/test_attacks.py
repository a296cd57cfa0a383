"""Attacked problems stay solvable, and are not solved by nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import NotApplicableError, apply
from pytest_selfinvoke.benchmarks.mini import MINI
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Problem, Variant
from pytest_selfinvoke.extraction import extract
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

#: The others have tests of their own.
FAMILIES = (
    "clean",
    "context",
    "format",
    "injection",
    "misleading",
    "self_invoking",
    "syntax",
)
NAMES = [name for name in BUILTIN if name.partition(".")[0] in FAMILIES]
PROBLEMS = MINI.load(None)[::7]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def verdict(sandbox: Sandbox, program: str, problem: Problem) -> Verdict:
    job = Job(
        program=program,
        tests=problem.target.tests,
        entry_points=problem.entry_points,
        limits=Limits(),
    )
    return sandbox.run(job).verdict


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_passes_and_the_stub_fails(name: str, sandbox: Sandbox) -> None:
    attack = resolve(BUILTIN[name])
    count = 0
    for problem in PROBLEMS:
        try:
            attacked = apply(attack, problem, Variant(attack=name, seed=0), seed=0)
        except NotApplicableError:
            continue
        count += 1
        assert verdict(sandbox, attacked.reference, attacked) is Verdict.SOLVED
        stub = "".join(f"def {f}(*_): pass\n" for f in attacked.entry_points)
        assert verdict(sandbox, stub, attacked) is not Verdict.SOLVED
    assert count


@pytest.mark.parametrize("name", NAMES)
def test_a_right_answer_to_the_rendered_prompt_is_right(
    name: str, sandbox: Sandbox
) -> None:
    attack = resolve(BUILTIN[name])
    for problem in PROBLEMS[:3]:
        try:
            attacked = apply(attack, problem, Variant(attack=name, seed=0), seed=0)
        except NotApplicableError:
            continue
        for style, answer in _answers(attacked).items():
            prompt = get_style(style).render(attacked.prompt, attacked)
            found = extract(
                answer,
                entry_points=attacked.entry_points,
                prompt_code=attacked.prompt,
                prefix=prompt.prefix,
            )
            assert found.program is not None, found.detail
            assert verdict(sandbox, found.program, attacked) is Verdict.SOLVED


def _answers(problem: Problem) -> dict[str, str]:
    base, target = problem.base, problem.target
    if base is None:
        continued = target.reference[len(f"{target.prompt.rstrip()}\n") :]
    else:
        continued = f"{base.solution}\n\n{target.reference}"
    return {"chat": f"```python\n{problem.reference}```", "completion": continued}
