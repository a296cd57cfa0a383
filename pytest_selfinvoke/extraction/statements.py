"""What kinds of top-level statements there are, to the one who builds a program."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Import = ast.Import | ast.ImportFrom
#: Statements that state something; all others do something (a test, an example).
DECLARATIONS = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.Try,
    ast.If,
)


def is_stub(node: ast.stmt) -> bool:
    """Whether it is a function without a body: docstring, ``pass``, ``...`` only."""
    return isinstance(node, Function) and all(_is_empty(n) for n in node.body)


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        return _loads(node, "NotImplementedError")
    is_constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_constant or isinstance(node, ast.Pass)


def is_main_guard(node: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__"``, in any spelling."""
    return isinstance(node, ast.If) and any(
        isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test)
    )


def is_future_import(node: ast.stmt) -> bool:
    """Whether it must stand first in a program."""
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def is_star_import(node: ast.stmt) -> bool:
    """Whether it binds names that cannot be known."""
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def is_setting(node: ast.stmt) -> bool:
    """Whether it is a call that a right program may need: a deeper recursion limit."""
    match node:
        case ast.Expr(
            value=ast.Call(
                func=ast.Attribute(attr="setrecursionlimit")
                | ast.Name(id="setrecursionlimit")
            )
        ):
            return True
    return False


def is_guesswork(node: ast.stmt) -> bool:
    """Whether it imports from outside of the standard library.

    Such an import never gives the function that was asked for: it names a file that
    the answer imagines (``from solution import f`` in an example).
    """
    if not isinstance(node, Import):
        return False
    if isinstance(node, ast.Import) or node.level or node.module is None:
        return True
    return node.module.partition(".")[0] not in sys.stdlib_module_names


def is_real(node: ast.stmt) -> bool:
    """Whether it wins over definitions that are stubs or guesswork."""
    return not (is_stub(node) or is_guesswork(node))


def can_define(node: ast.stmt) -> bool:
    """Whether it may give the function that was asked for."""
    return isinstance(node, DECLARATIONS) and not (is_prose(node) or is_guesswork(node))


def is_prose(node: ast.stmt) -> bool:
    """Whether it does nothing: ``Sure`` and ``Note: this`` are Python, too."""
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.Expr) and not isinstance(
        node.value, ast.Call | ast.Await | ast.Yield | ast.YieldFrom
    )


def has_return(node: ast.stmt) -> bool:
    """Whether it returns or yields outside of any function: part of a body."""
    kinds = ast.Return | ast.Yield | ast.YieldFrom
    return any(isinstance(n, kinds) for n in _outer_nodes(node))


def replaces(node: ast.stmt, name: str) -> bool:
    """Whether nothing bound to the name before matters any more."""
    if isinstance(node, Definition):
        header: list[ast.AST] = list(node.decorator_list)
        if isinstance(node, Function):
            header.append(node.args)
        return not any(_loads(part, name) for part in header)
    if isinstance(node, ast.Assign):
        targets = [t.id for t in node.targets if isinstance(t, ast.Name)]
        return name in targets and not _loads(node.value, name)
    return False


def changes(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Names whose values it changes in place: by storing into them, by calling them.

    ``memo[0] = 1`` and ``f.cache = {}`` store; ``primes.append(2)`` calls.
    """
    stores: set[str] = set()
    calls: set[str] = set()
    for inner in _outer_nodes(node):
        if isinstance(inner, ast.Attribute | ast.Subscript):
            if not isinstance(inner.ctx, ast.Load):
                stores.add(_root(inner))
        elif isinstance(inner, ast.Expr):
            match inner.value:
                case ast.Call(func=ast.Attribute() as method):
                    calls.add(_root(method))
    return stores, calls


def methods(node: ast.stmt) -> Iterator[str]:
    """Names of functions inside a class or a function."""
    if isinstance(node, Definition):
        for inner in ast.walk(node):
            if isinstance(inner, Function) and inner is not node:
                yield inner.name


def _outer_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is in it, but not the inside of functions and classes."""
    pending = [node]
    while pending:
        current = pending.pop()
        if not isinstance(current, Definition | ast.Lambda):
            yield current
            pending.extend(ast.iter_child_nodes(current))


def _loads(node: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
