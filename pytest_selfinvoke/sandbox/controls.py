"""Negative controls: the same tests with one expected value made wrong.

A program that passes tests because it solves them fails each control. One that reaches
into the tests from beside them has to guess which of the two it sees.
"""

from __future__ import annotations

import ast
import secrets
from collections.abc import Collection, Iterator
from typing import Any

#: A cheat that guesses survives this many, each run in both forms, with probability
#: 1/4 each (measured).
COUNT = 4

_CHOICE = secrets.SystemRandom()
#: Calls whose arguments are values and not settings.
_BUILDERS = frozenset(
    [
        "Counter",
        "DataFrame",
        "Decimal",
        "Fraction",
        "Index",
        "Series",
        "Timestamp",
        "array",
        "asarray",
        "date",
        "datetime",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "set",
        "sorted",
        "str",
        "tuple",
    ]
)
_KEYS = frozenset(("frozenset", "list", "set", "sorted", "tuple"))
#: Calls that compare their first two arguments.
_COMPARERS = frozenset(("allclose", "approx", "array_equal", "isclose"))
#: Below these a statement may not run, or may pass either way.
_BRANCHES = (ast.If, ast.Try, ast.While, ast.Lambda, ast.IfExp, ast.Or)


def controls(tests: str, functions: Collection[str] = ()) -> list[str]:
    """Up to :data:`COUNT` variants of test source; fewer if it has fewer values.

    :param functions: the functions under test; their arguments are no expectations.
    """
    tree = ast.parse(tests)
    found = []
    for constant in list(_in_turn(tree, frozenset(functions)))[:COUNT]:
        kept = constant.value
        constant.value = _other(kept)
        found.append(ast.unparse(tree))
        constant.value = kept
    return found


def _in_turn(tree: ast.Module, functions: frozenset[str]) -> Iterator[ast.Constant]:
    """Expected constants, one of each test first."""
    aliases = _assigned(tree)
    groups = []
    for test in _tests(tree):
        reader = _Reader(functions, aliases)
        group = list(dict.fromkeys(reader.expected(test)))
        _CHOICE.shuffle(group)
        groups.append(group)
    _CHOICE.shuffle(groups)
    seen: set[int] = set()
    for depth in range(max(map(len, groups), default=0)):
        for group in groups:
            if depth < len(group) and id(group[depth]) not in seen:
                seen.add(id(group[depth]))
                yield group[depth]


def _tests(node: ast.AST) -> Iterator[ast.expr]:
    """What is asserted wherever a statement surely runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _BRANCHES):
            continue
        if isinstance(child, ast.Assert):
            yield child.test
        elif isinstance(child, ast.Expr) and isinstance(child.value, ast.Call):
            if _name(child.value).startswith("assert"):
                yield child.value
        else:
            yield from _tests(child)


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """Names bound once to an expression and used in comparisons only."""
    bound: dict[str, list[ast.expr | None]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                bound.setdefault(target.id, []).append(node.value)
    loads: dict[str, int] = {}
    stores: dict[str, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            counts = loads if isinstance(node.ctx, ast.Load) else stores
            counts[node.id] = counts.get(node.id, 0) + 1
    return {
        name: values[0]
        for name, values in bound.items()
        if values[0] is not None and loads.get(name) == stores.get(name) == 1
    }


class _Reader:
    """Finds the expected values of one test."""

    def __init__(self, functions: frozenset[str], aliases: dict[str, ast.expr]) -> None:
        self._functions, self._aliases = functions, aliases

    def expected(self, node: ast.expr) -> Iterator[ast.Constant]:
        if isinstance(node, ast.Compare):
            yield from self._compared(node)
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            for value in node.values:
                yield from self.expected(value)
        elif isinstance(node, ast.Call):
            yield from self._called(node)

    def _compared(self, node: ast.Compare) -> Iterator[ast.Constant]:
        if len(node.ops) != 1:
            return
        left, operator, right = node.left, node.ops[0], node.comparators[0]
        if isinstance(operator, ast.Eq):
            yield from self.constants(right)
            yield from self.constants(left)
        elif isinstance(operator, ast.Is) and isinstance(right, ast.Constant):
            if isinstance(right.value, bool):
                yield right
        elif isinstance(operator, ast.In) and isinstance(left, ast.Constant):
            if isinstance(left.value, str):
                yield left
        elif isinstance(operator, ast.Lt | ast.LtE):
            inner = left.args[0] if isinstance(left, ast.Call) and left.args else left
            distance = isinstance(left, ast.Call) and _name(left) == "abs"
            if distance and isinstance(inner, ast.BinOp):
                yield from self.constants(inner.right)

    def _called(self, node: ast.Call) -> Iterator[ast.Constant]:
        name = _name(node)
        if name in _COMPARERS or name.startswith("assert"):
            negative = "Not" in name or name.endswith(("Greater", "Less", "Raises"))
            for argument in () if negative else node.args[:2]:
                yield from self.constants(argument)
                if isinstance(argument, ast.Compare | ast.BoolOp):
                    yield from self.expected(argument)
        elif name in ("all", "any") and isinstance(node.func, ast.Attribute):
            if name == "all":
                yield from self.expected(node.func.value)
        elif name == "all" and node.args:
            yield from self.expected(node.args[0])

    def _is_dict(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            node = self._aliases.get(node.id, node)
        return isinstance(node, ast.Dict)

    def constants(self, node: ast.expr) -> Iterator[ast.Constant]:
        """Constants that make up a value; not the arguments of calls under test."""
        if isinstance(node, ast.Constant):
            if node.value is not None and node.value is not Ellipsis:
                yield node
        elif isinstance(node, ast.Name):
            if node.id in self._aliases:
                yield from self.constants(self._aliases[node.id])
        elif isinstance(node, ast.Call):
            if _name(node) in _BUILDERS - self._functions:
                for argument in node.args[:1]:
                    # Of a dictionary, these see the keys alone.
                    keys = _name(node) in _KEYS and self._is_dict(argument)
                    yield from () if keys else self.constants(argument)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            for item in node.elts:
                yield from self.constants(item)
        elif isinstance(node, ast.Dict):
            for value in node.values:
                yield from self.constants(value)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield from self.constants(node.operand)


def _other(value: Any) -> Any:
    """A value of the same type that looks as likely and is surely different."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        step = _CHOICE.randint(1, 9)
        return value - step if value > 9 and _CHOICE.random() < 0.5 else value + step
    if isinstance(value, float):
        return abs(value) * 2 + _CHOICE.randint(1, 9)
    if isinstance(value, str):
        return _changed(value, "abcdefghijklmnopqrstuvwxyz")
    if isinstance(value, bytes):
        text = _changed(value.decode("latin-1"), "abcdefghijklmnopqrstuvwxyz")
        return text.encode("latin-1")
    return 0


def _changed(text: str, letters: str) -> str:
    """Text with one letter changed or, where it has none, added."""
    place = _CHOICE.randrange(len(text)) if text else 0
    letter = _CHOICE.choice([c for c in letters if c != text[place : place + 1]])
    return text[:place] + letter + text[place + 1 :]
