"""Tests that are only ``assert f(literals) == literal``: compared, not run.

97 % of the problems of HumanEval Pro and MBPP Pro have such tests only; for them no
test code is executed anywhere, and both sides of a comparison are plain data.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard

_OPERATORS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


class _NamedCall(ast.Call):
    """A call of a bare name, for the type checker."""

    func: ast.Name


class NotLiteralError(Exception):
    """These tests have to be run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A literal."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a function under test with literals."""

    name: str
    arguments: tuple[Any, ...] = ()
    keywords: dict[str, Any] = field(default_factory=dict)


Side: TypeAlias = Value | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralAssert:
    """``assert left op right``; without an operator, the truth of ``left``.

    ``is_equality`` is for ``==``, which only equal data can satisfy.
    """

    source: str
    left: Side
    is_equality: bool = False
    right: Side | None = None
    compare: Callable[[Any, Any], Any] | None = None
    negated: bool = False

    @property
    def has_literal(self) -> bool:
        """Whether one side is a literal."""
        return isinstance(self.left, Value) or isinstance(self.right, Value)

    def holds(self, left: Any, right: Any) -> bool:
        """Whether the assert is satisfied by the values of its sides.

        Both must be plain data. A comparison that raises does not hold.
        """
        if self.compare is None:
            return bool(left) is not self.negated
        try:
            return bool(self.compare(left, right)) is not self.negated
        except TypeError:
            return False


def parse(tests: str, functions: Collection[str]) -> list[LiteralAssert]:
    """The asserts of test source.

    :param functions: the functions under test.
    :raises NotLiteralError: if there is anything else in it.
    """
    try:
        tree = ast.parse(tests)
    except (SyntaxError, ValueError) as error:
        raise NotLiteralError(str(error)) from error
    found = []
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if not isinstance(node, ast.Assert):
            raise NotLiteralError(type(node).__name__)
        found.append(_assert(node, tests, functions))
    if not any(isinstance(s, Call) for a in found for s in (a.left, a.right)):
        raise NotLiteralError("no call of a function under test")
    return found


def _assert(node: ast.Assert, tests: str, functions: Collection[str]) -> LiteralAssert:
    source = ast.get_source_segment(tests, node) or ast.unparse(node)
    test, negated = node.test, False
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test, negated = test.operand, not negated
    if isinstance(test, ast.Compare):
        if len(test.ops) != 1:
            raise NotLiteralError("a chain of comparisons")
        if isinstance(test.ops[0], ast.In | ast.NotIn) and _calls(
            test.comparators[0], functions
        ):
            # The search could take for ever: through a range, say.
            raise NotLiteralError("a search in an answer")
        return LiteralAssert(
            source=source,
            left=_side(test.left, functions),
            right=_side(test.comparators[0], functions),
            compare=_OPERATORS[type(test.ops[0])],
            is_equality=isinstance(test.ops[0], ast.Eq) and not negated,
            negated=negated,
        )
    return LiteralAssert(source=source, left=_side(test, functions), negated=negated)


def _side(node: ast.expr, functions: Collection[str]) -> Side:
    if _calls(node, functions):
        return Call(
            name=node.func.id,
            arguments=tuple(_literal(argument) for argument in node.args),
            keywords={
                _keyword(keyword): _literal(keyword.value) for keyword in node.keywords
            },
        )
    return Value(value=_literal(node))


def _calls(node: ast.expr, names: Collection[str]) -> TypeGuard[_NamedCall]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in names
    )


def _keyword(node: ast.keyword) -> str:
    if node.arg is None:
        raise NotLiteralError("**keywords")
    return node.arg


def _literal(node: ast.expr) -> Any:
    try:
        if _calls(node, ("set", "frozenset")) and not node.keywords:
            kind = set if node.func.id == "set" else frozenset
            return kind(*(_literal(argument) for argument in node.args))
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError) as error:
        raise NotLiteralError(ast.dump(node)[:80]) from error


def assert_something(tests: str) -> bool:
    """Whether tests could fail: they hold an assert, a raise or a call named so."""
    for node in ast.walk(ast.parse(tests)):
        if isinstance(node, ast.Assert | ast.Raise):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if "assert" in name.lower() or name in ("fail", "exit"):
                return True
    return False
