"""Wrong versions of a base function that look like it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.source import (
    Edit,
    FunctionNode,
    Source,
    docstring,
    edited,
    own_nodes,
    parse,
    without_docstring,
)
from pytest_selfinvoke.core.records import Part

#: Relational, arithmetic, logical operators, after mutation testing (DeMillo, Lipton,
#: Sayward, "Hints on test data selection", 1978).
_OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "+": "-", "-": "+", "*": "+", "//": "*", "%": "//", "and": "or", "or": "and",
}  # fmt: skip
_BETWEEN = re.compile(r"[\s)]*?(?P<operator>[<>=!]=|//|[-<>+*%]|and|or)[\s(]*")


def mutants(base: Part, wrong: tuple[str, ...]) -> list[str]:
    """Sources of functions like the base function, without docstrings.

    Those of the problem's known wrong programs, or the reference with one small change.
    Whether a change can be seen from outside is not tested.
    """
    known = [found for program in wrong if (found := _other(base, program))]
    return known or list(_mutated(base.reference, base.entry_point))


def _other(base: Part, program: str) -> str | None:
    """The base function of a wrong program, if it is another one."""
    try:
        source = parse(program)
    except NotApplicableError:
        return None
    found = _function(source, base.entry_point)
    reference = _function(parse(base.reference), base.entry_point)
    if found is None or reference is None or _body(found) == _body(reference):
        return None
    return _undocumented(source, found, [])


@lru_cache(maxsize=1024)
def _mutated(reference: str, name: str) -> tuple[str, ...]:
    source = parse(reference)
    function = _function(source, name)
    if function is None:
        return ()
    body = ast.Module(body=without_docstring(function.body), type_ignores=[])
    return tuple(
        _undocumented(source, function, [edit])
        for node in own_nodes(body)
        for edit in _changes(source, node)
    )


def _changes(source: Source, node: ast.AST) -> Iterator[Edit]:
    match node:
        case ast.Compare(left=left, comparators=[right]):
            yield from _operator(source, left, right)
        case ast.BinOp(left=left, right=right) if not _has_text(node):
            yield from _operator(source, left, right)
        case ast.BoolOp(values=[left, right]):
            yield from _operator(source, left, right)
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            start, end = source.start(node), source.end(node)
            yield Edit(start=start, end=end, new=str(value + 1))


def _operator(source: Source, left: ast.expr, right: ast.expr) -> Iterator[Edit]:
    start = source.end(left)
    found = _BETWEEN.fullmatch(source.text[start : source.start(right)])
    if found is not None:
        first, last = found.span("operator")
        new = _OPERATORS[found["operator"]]
        yield Edit(start=start + first, end=start + last, new=new)


def _has_text(node: ast.AST) -> bool:
    """Whether an operator may be one of strings: its change would raise at once."""
    return any(
        isinstance(n, ast.JoinedStr | ast.List)
        or (isinstance(n, ast.Constant) and isinstance(n.value, str))
        for n in ast.walk(node)
    )


def _function(source: Source, name: str) -> FunctionNode | None:
    found = None
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            found = node
    return found


def _body(function: FunctionNode) -> str:
    return ast.dump(ast.Module(body=without_docstring(function.body), type_ignores=[]))


def _undocumented(source: Source, function: FunctionNode, edits: list[Edit]) -> str:
    doc = docstring(function.body)
    removed = []
    if doc is not None and source.indent(doc) is not None:
        start, end = source.line_start(doc), source.line_after(doc)
        removed = [Edit(start=start, end=end, new="")]
    end = source.end(function)
    _, code = edited(source.text[:end], source.start(function), [*removed, *edits])
    return code
