"""Programs in which the reference takes the place of one of the two functions.

The reference is loaded in a namespace of its own, so that its helpers and those of the
model do not meet; everything else of the model's program stays as it is.
"""

from __future__ import annotations

import ast
import warnings

from pytest_selfinvoke.core.records import Problem

_PREFIX = "_selfinvoke_reference"


def with_reference_base(program: str, problem: Problem) -> str:
    """The program with the reference's base function.

    :raises SyntaxError: if the program cannot be parsed.
    """
    assert problem.base is not None
    name = problem.base.entry_point
    loaded = ast.parse(
        f"{_PREFIX} = {{'__name__': 'reference'}}\n"
        f"exec({problem.base.reference!r}, {_PREFIX})\n"
        f"{name} = {_PREFIX}[{name!r}]\n"
    )
    tree, place = _without(program, name)
    tree.body[place:place] = loaded.body
    return ast.unparse(ast.fix_missing_locations(tree))


def with_reference_invoking(program: str, problem: Problem) -> str:
    """The program with the reference's invoking function, which calls its own base.

    :raises SyntaxError: if the program cannot be parsed.
    """
    assert problem.base is not None
    base, target = problem.base.entry_point, problem.target.entry_point
    # The invoking function may need imports that stand above the base function.
    loaded = ast.parse(
        f"{_PREFIX} = {{'__name__': 'reference'}}\n"
        f"exec({problem.reference!r}, {_PREFIX})\n"
        f"{_PREFIX}[{base!r}] = {base}\n"
        f"{target} = {_PREFIX}[{target!r}]\n"
    )
    tree, _ = _without(program, target)
    tree.body += loaded.body
    return ast.unparse(ast.fix_missing_locations(tree))


def defined_names(program: str) -> frozenset[str]:
    """Names that a program binds at its top level, to more than a constant.

    There are none if it cannot be parsed.
    """
    try:
        tree = _parsed(program)
    except SyntaxError:
        return frozenset()
    bound: dict[str, bool] = {}
    for node in tree.body:
        is_constant = isinstance(getattr(node, "value", None), ast.Constant)
        bound |= dict.fromkeys(_bound(node), not is_constant)
    return frozenset(name for name, is_more in bound.items() if is_more)


def _without(program: str, name: str) -> tuple[ast.Module, int]:
    """The program without what binds a name, and where its code may begin."""
    tree = _parsed(program)
    tree.body = [node for node in tree.body if _bound(node) != [name]]
    place = 0
    for node in tree.body:
        is_docstring = place == 0 and isinstance(node, ast.Expr)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_docstring or is_future):
            break
        place += 1
    return tree, place


def _bound(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [n.id for t in node.targets for n in ast.walk(t) if _is_name(n)]  # type: ignore[attr-defined]
        case ast.AnnAssign(target=ast.Name(id=name)) if node.value is not None:
            return [name]
        case ast.Import() | ast.ImportFrom():
            return [a.asname or a.name.partition(".")[0] for a in node.names]
    return []


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _parsed(program: str) -> ast.Module:
    """The tree of a program, in silence: a stray backslash is the model's affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(program)
        except (ValueError, MemoryError, RecursionError) as error:
            raise SyntaxError(str(error)) from error
