"""Reference solutions in many wrappings: what goes in has to come out."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.extraction import extract

# The references hold escapes such as "\\d", of which the compiler warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore::SyntaxWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
DEFINED = re.compile(r"^def (\w+)", re.MULTILINE)
FILES = ("humaneval_pro", "mbpp_pro", "bigcodebench_lite_pro", "HumanEval")


def part(prompt: str, solution: str) -> Part:
    name = (DEFINED.findall(prompt) or DEFINED.findall(solution))[-1]
    return Part(entry_point=name, prompt=prompt, solution=solution)


def problems(data: Path, name: str) -> list[Problem]:
    if name == "HumanEval":
        lines = (data / "recode" / "HumanEval.jsonl").read_text().splitlines()
        return [
            Problem(
                id=row["task_id"],
                benchmark=name,
                target=part(row["prompt"], row["canonical_solution"]),
            )
            for row in map(json.loads, lines)
        ]
    rows = json.loads((data / "codeeval-pro" / f"{name}.json").read_text())
    return [
        Problem(
            id=str(row["id"]),
            benchmark=name,
            base=part(row["raw_problem"], row["raw_solution"]),
            target=part(row["new_problem"], row["new_solution"]),
        )
        for row in rows
    ]


def first(problem: Problem) -> Part:
    return problem.base or problem.target


def body(problem: Problem) -> str:
    """What a base model writes after the first function's stub."""
    rest = problem.target.reference if problem.base else ""
    return f"{first(problem).solution.strip(chr(10))}\n\n\n{rest}"


def use(problem: Problem) -> str:
    name = problem.entry_points[-1]
    return f"print({name}(1))\nassert {name}(2) == 3\nresult = {name}(4)\n"


def pieces(problem: Problem) -> str:
    base = "" if problem.base is None else f"```\n{problem.base.reference}```\n"
    return f"First:\n{base}then:\n```\n{problem.target.reference}```\nThat's it.\n"


def corrected(problem: Problem) -> str:
    stubs = "\n".join(f"def {n}():\n    return 0\n" for n in problem.entry_points)
    return f"```\n{stubs}```\nThis isn't right. Better:\n```\n{problem.reference}```"


ANSWERS: dict[str, Callable[[Problem], str]] = {
    "plain": lambda p: p.reference,
    "fence": lambda p: f"Here's how (it's easy:\n\n```python\n{p.reference}```\nBye.",
    "unclosed fence": lambda p: f"So:\n~~~ py\n{p.reference}",
    "indented fence": lambda p: f"1. So:\n   ```\n{indent(p.reference, '   ')}   ```",
    "used after": lambda p: f"```\n{p.reference}```\nThen:\n```\n{use(p)}```\n",
    "thought": lambda p: f"<think>\n{p.prompt}\n</think>\n{p.reference}",
    "in pieces": pieces,
    "corrected": corrected,
    "prompt first": lambda p: f"{p.prompt}\n\n{p.reference}",
    "windows": lambda p: p.reference.replace("\n", "\r\n"),
    "body": body,
    "fenced body": lambda p: f"```python\n{body(p)}\n```\nGood luck!",
    "stripped body": lambda p: body(p).strip(),
}
CONTINUATIONS: dict[str, Callable[[Problem], str]] = {
    "body": body,
    "runs on": lambda p: f"{body(p)}\n{use(p)}\n# Next\n\ndef other():\n    re",
    "prose": lambda p: f"{body(p)}\n```\n\nThis isn't hard (is it?\n",
    "starts again": lambda p: f"\n{p.reference}",
}


def definitions(source: str, names: tuple[str, ...]) -> dict[str, str]:
    """Dumped trees by name; white space at line ends of docstrings does not count."""
    source = re.sub(r"[ \t]+$", "", source, flags=re.MULTILINE)
    return {
        n.name: ast.dump(n)
        for n in ast.parse(source).body
        if isinstance(n, ast.FunctionDef) and n.name in names
    }


def lost(problem: Problem, text: str, prefix: str) -> str | None:
    result = extract(
        text,
        entry_points=problem.entry_points,
        prompt_code=problem.prompt,
        prefix=prefix,
    )
    if result.program is None:
        return f"{problem.id}: {result.verdict}: {result.detail}"
    names = problem.entry_points
    if definitions(result.program, names) == definitions(problem.reference, names):
        return None
    return f"{problem.id}: another program"


def is_deep(problem: Problem) -> bool:
    """Whether the stub ends inside of a block: a stripped body has lost its depth."""
    last = first(problem).prompt.rstrip().rpartition("\n")[2]
    return last.startswith(" ") and last.endswith(":")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("wrapping", ANSWERS)
def test_references_survive_a_chat(data: Path, file: str, wrapping: str) -> None:
    found = problems(data, file)
    if wrapping == "stripped body":
        found = [p for p in found if not is_deep(p)]
    assert found
    assert not [x for p in found if (x := lost(p, ANSWERS[wrapping](p), ""))]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("wrapping", CONTINUATIONS)
def test_references_survive_as_continuations(
    data: Path, file: str, wrapping: str
) -> None:
    found = [(p, f"{first(p).prompt.rstrip()}\n") for p in problems(data, file)]
    assert not [x for p, s in found if (x := lost(p, CONTINUATIONS[wrapping](p), s))]
