"""Negative controls: the same tests with one expected value made wrong.

A program that passes tests because it solves them fails each control. One that reaches
into the tests from beside them has to guess which of the two it sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

#: A cheat that guesses survives this many with probability 1/4 each (measured).
COUNT = 4


def controls(tests: str) -> list[str]:
    """Up to :data:`COUNT` variants of test source; fewer if it has fewer values."""
    tree = ast.parse(tests)
    found = []
    for constant in list(_expected(tree))[:COUNT]:
        kept = constant.value
        constant.value = _other(kept)
        found.append(ast.unparse(tree))
        constant.value = kept
    return found


def _expected(tree: ast.Module) -> Iterator[ast.Constant]:
    """Constants that an assert compares with, one per assert first."""
    later = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare):
            if not all(isinstance(op, ast.Eq) for op in node.test.ops):
                continue
            constants = [c for s in node.test.comparators for c in _constants(s)]
            yield from constants[:1]
            later += constants[1:]
    yield from later


def _constants(node: ast.AST) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant):
        yield node
    elif not isinstance(node, ast.Call | ast.Subscript | ast.Attribute):
        for child in ast.iter_child_nodes(node):
            yield from _constants(child)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float | complex):
        return value + 1 if value + 1 != value else 0
    if isinstance(value, str):
        return value + "?"
    if isinstance(value, bytes):
        return value + b"?"
    return 0
