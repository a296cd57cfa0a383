"""Put text into a prompt: above a function, below its signature, in its docstring."""

from __future__ import annotations

import ast
from dataclasses import replace

from pytest_selfinvoke.attacks.source import docstring, parse
from pytest_selfinvoke.core.records import Part, Problem


def above(problem: Problem, block: str) -> Problem:
    """The problem with lines above the target's prompt."""
    prompt = f"{block.rstrip()}\n{problem.target.prompt.lstrip(chr(10))}"
    return replace(problem, target=replace(problem.target, prompt=prompt))


def at_top(problem: Problem, block: str) -> Problem:
    """The problem with lines above all of its prompt."""
    part = problem.target if problem.base is None else problem.base
    changed = replace(
        part, prompt=f"{block.rstrip()}\n\n\n{part.prompt.lstrip(chr(10))}"
    )
    if problem.base is None:
        return replace(problem, target=changed)
    return replace(problem, base=changed)


def below(problem: Problem, lines: list[str]) -> Problem:
    """The problem with comments where the target's body is to be written."""
    indent = body_indent(problem.target)
    block = "".join(f"{indent}# {line}\n" for line in lines)
    prompt = f"{problem.target.prompt.rstrip()}\n{block}"
    return replace(problem, target=replace(problem.target, prompt=prompt))


def in_docstring(problem: Problem, lines: list[str]) -> Problem | None:
    """The problem with lines at the end of the target's docstring, if it has one."""
    part = problem.target
    source = parse(part.reference)
    for node in source.tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name != part.entry_point:
            continue
        doc = docstring(node.body)
        if doc is None or source.end(doc) > len(part.prompt.rstrip()):
            return None
        end = source.end(doc) - 3
        if source.text[end:].startswith(('"""', "'''")):
            indent = " " * doc.col_offset
            block = "".join(f"{indent}{line}\n" for line in lines)
            head = source.text[:end].rstrip()
            prompt = f"{head}\n\n{block}{indent}{part.prompt[end:]}"
            return replace(problem, target=replace(part, prompt=prompt))
    return None


def body_indent(part: Part) -> str:
    """How the target's body goes on: as its first line, for a block may be open."""
    first = next(line for line in part.solution.split("\n") if line.strip())
    return first[: len(first) - len(first.lstrip())] or "    "
