"""Give a function another name, in code and words alike."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.source import Edit, Source, edited, parse
from pytest_selfinvoke.core.records import Part, Problem


def renamed(problem: Problem, old: str, new: str) -> Problem:
    """The problem with a module-level name replaced everywhere.

    In code, in the tests, and in words, where it is not a common word itself.

    :raises NotApplicableError: if the name is also that of an attribute, an argument,
        an import, or stands in an f-string.
    """
    base = problem.base and _part(problem.base, old, new)
    target = _part(problem.target, old, new)
    return replace(problem, base=base, target=target)


def renamed_code(code: str, old: str, new: str) -> str:
    """The code with a module-level name replaced.

    :raises NotApplicableError: if the name has other meanings in the code.
    """
    if old == new:
        return code
    return "".join(edited(code, 0, _code(parse(code), old, new)))


def _part(part: Part, old: str, new: str) -> Part:
    source = parse(part.reference)
    cut = len(f"{part.prompt.rstrip()}\n")
    edits = {e.start: e for e in (*_words(source, old, new), *_code(source, old, new))}
    prompt, solution = edited(source.text, cut, edits.values())
    return replace(
        part,
        entry_point=new if part.entry_point == old else part.entry_point,
        prompt=prompt,
        solution=solution,
        tests=renamed_code(part.tests, old, new),
    )


def _code(source: Source, old: str, new: str) -> Iterator[Edit]:
    for node in ast.walk(source.tree):
        match node:
            case ast.Name(id=name) if name == old:
                start = source.start(node)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if (
                name == old
            ):
                start = source.text.index(old, source.start(node) + len("def "))
            case (
                ast.JoinedStr()
                | ast.Attribute()
                | ast.arg()
                | ast.keyword()
                | ast.alias()
            ) if _names(node, old):
                raise NotApplicableError(f"{old} has other meanings in the code")
            case _:
                continue
        if source.text[start : start + len(old)] != old:
            raise NotApplicableError(f"{old} has other meanings in the code")
        yield Edit(start=start, end=start + len(old), new=new)


def _names(node: ast.AST, old: str) -> bool:
    """Whether an f-string, attribute, argument, keyword or import has the name."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(n, ast.Name) and n.id == old for n in ast.walk(node))
    words = (getattr(node, key, None) for key in ("attr", "arg", "name", "asname"))
    return old in words


def _words(source: Source, old: str, new: str) -> Iterator[Edit]:
    """The name in docstrings and comments: as a call, or where it is no common word."""
    is_common = old.isalpha() and old.islower()
    pattern = re.compile(rf"\b{re.escape(old)}\b" + (r"(?=\()" if is_common else ""))
    for start, end in _prose(source):
        for match in pattern.finditer(source.text, start, end):
            yield Edit(start=match.start(), end=match.end(), new=new)


def _prose(source: Source) -> Iterator[tuple[int, int]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield source.start(node), source.end(node)
    for start, line in zip(source.starts, source.lines, strict=True):
        if line.lstrip().startswith("#"):
            yield start, start + len(line.rstrip())
