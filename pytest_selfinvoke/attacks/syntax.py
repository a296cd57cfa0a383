"""Family ``syntax``: other code of the same meaning, where the prompt gives code.

Threat model: natural (people write the same thing differently). Definitions after the
syntax transformations of ReCode (Wang et al., arXiv 2212.10264, section 3.2), which are
those of NatGen (Chakraborty et al., arXiv 2206.07585). Here they keep the
meaning exactly, evaluation order included, and do not apply where that cannot be seen.
They edit the text, so that comments and layout stay. What is given is described in
:mod:`~pytest_selfinvoke.attacks.partial`.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from typing import TypeVar

from pytest_selfinvoke.attacks.base import NotApplicableError, facts
from pytest_selfinvoke.attacks.partial import HALF, Given
from pytest_selfinvoke.attacks.source import (
    Edit,
    FunctionNode,
    Source,
    bound_names,
    own_nodes,
)
from pytest_selfinvoke.attacks.variables import rename_variable
from pytest_selfinvoke.core.records import Problem

N = TypeVar("N", ast.For, ast.Compare)

_SOURCE = "ReCode, arXiv 2212.10264, section 3.2; NatGen, arXiv 2206.07585"
_DEAD = ("if False:", "while False:")
_SWAPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
_OPERATOR = re.compile(r"(?P<left>[\s)\\]*?)\s*(?P<operator>[<>=!]=|[<>])\s*[\s(\\]*")
_HEADER_END = re.compile(r"[\s)\\]*:")
_USUAL = ("value", "item", "data", "current", "temp", "entry", "x", "a", "val", "obj")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def dead_code_first(problem: Problem, rng: random.Random) -> Problem:
    """A copied statement that never runs stands before the first given statement."""
    return _with_dead_code(problem, rng, first=True)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def dead_code_last(problem: Problem, rng: random.Random) -> Problem:
    """A copied statement that never runs stands before the last given statement."""
    return _with_dead_code(problem, rng, first=False)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def for_to_while(problem: Problem, rng: random.Random) -> Problem:
    """The first given ``for`` becomes a ``while`` that steps the same iterator.

    ``break``, ``continue`` and ``else`` keep their meaning: ``next`` is asked once per
    round, in the condition, and the target is bound only if there is a next value.
    """
    given = Given.of(problem)
    source = given.source
    if source.names & _FRAME_READERS:
        raise NotApplicableError("the code reads its own variables by name")
    for _, loop in _given_nodes(given, ast.For):
        edit = _as_while(source, loop)
        if edit is not None and edit.end <= given.cut:
            return given.rewritten([edit])
    raise NotApplicableError("no for loop that can be rewritten is given")


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def operand_swap(problem: Problem, rng: random.Random) -> Problem:
    """Each given comparison ``a < b`` becomes ``b > a``, where order cannot matter.

    One side has to be a constant or a local variable, so that only the other one can
    do or raise anything.
    """
    given = Given.of(problem)
    edits: list[Edit] = []
    for function, node in _given_nodes(given, ast.Compare):
        inside = edits and given.source.start(node) < edits[-1].end
        edit = None if inside else _swapped(given.source, function, node)
        if edit is not None and edit.end <= given.cut:
            edits.append(edit)
    if not edits:
        raise NotApplicableError("no comparison that can be swapped is given")
    return given.rewritten(edits)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def rename_variables_naive(problem: Problem, rng: random.Random) -> Problem:
    """The most frequent variable of the given code becomes ``VAR_0``."""
    return rename_variable(Given.of(problem), "VAR_0")


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def rename_variables_plausible(problem: Problem, rng: random.Random) -> Problem:
    """The most frequent variable of the given code becomes a usual name.

    ReCode lets CodeBERT say a likely name; here it is one of a list.
    """
    given = Given.of(problem)
    return rename_variable(
        given, rng.choice([n for n in _USUAL if n not in given.source.names])
    )


@facts(threat="natural", source=_SOURCE, nominal=HALF, ranges={"length": (2, 40)})
def rename_variables_random(
    problem: Problem, rng: random.Random, *, length: int = 7
) -> Problem:
    """The most frequent variable of the given code becomes random characters."""
    others = "".join(rng.choice(f"{_LETTERS}0123456789") for _ in range(length - 1))
    return rename_variable(Given.of(problem), rng.choice(_LETTERS) + others)


#: With these, the set of local variables can be seen from within.
_FRAME_READERS = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe"})


def _with_dead_code(problem: Problem, rng: random.Random, *, first: bool) -> Problem:
    given = Given.of(problem)
    source = given.source
    for function, shown in given.functions():
        place = shown[0] if first else shown[-1]
        indent = source.indent(place)
        copies = list(_dead_copies(source, function, given.cut))
        if indent is None or not copies:
            continue
        start = source.first_line(place)
        block = f"{indent}{rng.choice(_DEAD)}\n{indent}    {rng.choice(copies)}\n"
        return given.rewritten([Edit(start=start, end=start, new=block)])
    raise NotApplicableError("no statement that can be copied is given")


def _dead_copies(source: Source, function: FunctionNode, cut: int) -> Iterator[str]:
    """Given one-line statements that declare nothing new when they stand elsewhere."""
    nodes = list(own_nodes(function))
    if any(isinstance(node, ast.Global | ast.Nonlocal) for node in nodes):
        return
    for node in nodes:
        if (
            isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr)
            and node.lineno == node.end_lineno
            and source.end(node) <= cut
            and source.start(node) >= source.start(function.body[0])
            and not any(isinstance(n, _BINDING) for n in ast.walk(node))
            and not _is_text(node)
        ):
            yield source.segment(node)


#: They make a generator of a function, or bind names in it.
_BINDING = (ast.Yield, ast.YieldFrom, ast.Await, ast.NamedExpr)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _as_while(source: Source, loop: ast.For) -> Edit | None:
    """The edit of a loop's header; ``None`` if the loop does not stand on lines."""
    indent = source.indent(loop)
    iterable_end = source.end(loop.iter)
    colon = _HEADER_END.match(source.text, iterable_end)
    shared = {"iter", "next", "object"} & source.assigned
    if indent is None or colon is None or shared:
        return None
    body_indent = source.indent(loop.body[0])
    if body_indent is None or loop.body[0].lineno <= (loop.iter.end_lineno or 0):
        return None
    iterable = source.segment(loop.iter)
    if isinstance(loop.iter, ast.Tuple):
        iterable = f"({iterable})"
    steps, step, end = source.fresh("steps", "step", "end")
    new = (
        f"{steps} = iter({iterable})\n"
        f"{indent}{end} = object()\n"
        f"{indent}while ({step} := next({steps}, {end})) is not {end}:\n"
        f"{body_indent}{source.segment(loop.target)} = {step}"
    )
    return Edit(start=source.start(loop), end=colon.end(), new=new)


def _swapped(source: Source, function: FunctionNode, node: ast.Compare) -> Edit | None:
    """The edit of a comparison; ``None`` if its order could matter."""
    if len(node.ops) != 1:
        return None
    left, right = node.left, node.comparators[0]
    still = _unchanging(function)
    if not (_is_still(left, still) or _is_still(right, still)):
        return None
    if any(isinstance(n, _BINDING) for n in ast.walk(node)):
        return None
    left_end, right_start = source.end(left), source.start(right)
    between = _OPERATOR.fullmatch(source.text[left_end:right_start])
    if between is None:
        return None
    start, end = source.start(node), source.end(node)
    first = source.text[start : left_end + between.end("left")].rstrip()
    last = source.text[left_end + between.end("operator") : end].strip()
    operator = _SWAPPED[between["operator"]]
    if "\n" in first or "\n" in last or first == last:
        return None
    return Edit(start=start, end=end, new=f"{last} {operator} {first}")


def _is_still(node: ast.expr, names: frozenset[str]) -> bool:
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant) or (
        isinstance(node, ast.Name) and node.id in names
    )


def _unchanging(function: FunctionNode) -> frozenset[str]:
    """Local names that evaluating another expression cannot bind anew."""
    declared = {
        name
        for node in ast.walk(function)
        if isinstance(node, ast.Global | ast.Nonlocal)
        for name in node.names
    }
    return bound_names(function) - declared


def _given_nodes(given: Given, kind: type[N]) -> Iterator[tuple[FunctionNode, N]]:
    """The nodes of a kind in each function's own given statements, in source order."""
    for function, shown in given.functions():
        body = ast.Module(body=shown, type_ignores=[])
        for node in own_nodes(body):
            if isinstance(node, kind) and given.source.start(node) < given.cut:
                yield function, node
