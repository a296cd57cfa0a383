"""Rename functions of a problem everywhere together: code, prose, examples, tests.

Names are found by tokens, never inside longer names or in ordinary strings. Where a
name also stands for something else (an attribute, a parameter, a variable, a part of an
f-string), nothing is guessed: the problem is left alone.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.tokens import line_starts, tokens
from pytest_selfinvoke.core.records import Part, Problem

_TRIPLE = ('"""', "'''")


def rename(problem: Problem, names: Mapping[str, str]) -> Problem:
    """The problem with functions renamed.

    :param names: old name -> new name.
    :raises NotApplicableError: if that would change more than names.
    """
    _check(problem, names)
    return replace(
        problem,
        base=None if problem.base is None else _part(problem.base, names),
        target=_part(problem.target, names),
        wrong=tuple(_code(program, names) for program in problem.wrong),
    )


@lru_cache(maxsize=4096)
def used_names(code: str) -> frozenset[str]:
    """All names in code, and all words of its prose."""
    return frozenset(re.findall(r"[A-Za-z_]\w*", code))


def _check(problem: Problem, names: Mapping[str, str]) -> None:
    sources = [problem.reference, problem.target.tests, *problem.wrong]
    taken = frozenset[str]().union(*map(used_names, sources))
    for old, new in names.items():
        if new in taken:
            raise NotApplicableError(f"{new!r} is in use already")
        for source in sources:
            if not _is_only_a_function(source, old):
                raise NotApplicableError(f"{old!r} is the name of something else too")


@lru_cache(maxsize=4096)
def _is_only_a_function(source: str, name: str) -> bool:
    if name not in source:
        return True
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return False
    return not any(_stands_otherwise(node, name) for node in ast.walk(tree))


def _stands_otherwise(node: ast.AST, name: str) -> bool:
    """Whether a node holds the name, and not as a function or a call of it."""
    if isinstance(node, ast.Name):
        return node.id == name and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.JoinedStr):
        # Tokens of f-strings differ between versions of Python.
        inside = (n.id for n in ast.walk(node) if isinstance(n, ast.Name))
        return name in inside
    if isinstance(node, ast.Global | ast.Nonlocal):
        return name in node.names
    if isinstance(node, ast.alias | ast.ClassDef) and node.name == name:
        return True
    return name in (getattr(node, field, "") for field in ("attr", "arg", "asname"))


def _part(part: Part, names: Mapping[str, str]) -> Part:
    gap = "" if part.prompt.endswith("\n") else "\n"
    whole = f"{part.prompt}{gap}{part.solution}"
    edits = list(_edits(whole, frozenset(names)))
    end = len(part.prompt)
    before = [edit for edit in edits if edit[0] < end]
    after = [(a - end - len(gap), b - end - len(gap)) for a, b in edits if a >= end]
    return replace(
        part,
        entry_point=names.get(part.entry_point, part.entry_point),
        prompt=_replaced(part.prompt, before, names),
        solution=_replaced(part.solution, after, names),
        tests=_code(part.tests, names),
    )


def _code(code: str, names: Mapping[str, str]) -> str:
    return _replaced(code, list(_edits(code, frozenset(names))), names)


def _replaced(text: str, edits: list[tuple[int, int]], names: Mapping[str, str]) -> str:
    parts, at = [], 0
    for start, end in edits:
        parts += [text[at:start], names[text[start:end]]]
        at = end
    return "".join([*parts, text[at:]])


@lru_cache(maxsize=4096)
def _edits(code: str, names: frozenset[str]) -> tuple[tuple[int, int], ...]:
    """Where the names stand, as offsets, in order."""
    starts = line_starts(code)
    found: list[tuple[int, int]] = []
    for token in tokens(code):
        start = starts[token.start[0] - 1] + token.start[1]
        if token.type == tokenize.NAME and token.string in names:
            found.append((start, start + len(token.string)))
        elif token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING and token.string.endswith(_TRIPLE)
        ):
            end = starts[token.end[0] - 1] + token.end[1]
            found += _mentions(code, start, end, names)
    return tuple(found)


def _mentions(
    code: str, start: int, end: int, names: frozenset[str]
) -> Iterator[tuple[int, int]]:
    """Where prose speaks of a function, and not only uses the same word."""
    for match in re.finditer(r"[A-Za-z_]\w*", code[start:end]):
        if match.group() not in names:
            continue
        a, b = start + match.start(), start + match.end()
        is_word = match.group().isalpha() and match.group().islower()
        is_quoted = code[a - 1 : a] == code[b : b + 1] and code[b : b + 1] in tuple(
            "`'\""
        )
        if not is_word or is_quoted or code[b : b + 1] == "(":
            yield a, b
