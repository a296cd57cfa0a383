"""The assertions of a problem's tests."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable


def parsed_tests(tests: str) -> ast.Module:
    """The syntax tree; a strange escape in a string is no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(tests)


def assertions(tree: ast.AST) -> list[ast.Assert]:
    """In the order in which they stand, in functions and loops too."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def with_only(tests: str, keeps: Callable[[int], bool]) -> str:
    """The tests with some of their assertions; all else is run as before.

    :param keeps: says of each, counted from 0, whether it stays.
    """
    tree = parsed_tests(tests)
    kept = {node for i, node in enumerate(assertions(tree)) if keeps(i)}
    return ast.unparse(ast.fix_missing_locations(_Kept(kept).visit(tree)))


class _Kept(ast.NodeTransformer):
    def __init__(self, kept: set[ast.Assert]) -> None:
        self._kept = kept

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        return node if node in self._kept else ast.Pass()
