"""Programs that differ from a reference in one small place: do its tests notice?"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from pytest_selfinvoke.certification.normal import parsed

#: Changes a copy of one node in place; what it then is called.
Change: TypeAlias = tuple[str, Callable[[ast.AST], ast.AST]]

#: Operator -> what stands in for it, after mutation testing (DeMillo, Lipton, Sayward,
#: "Hints on test data selection", Computer 11(4), 1978).
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_REVERSED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip
_METHODS = {
    "append": "remove", "upper": "lower", "lower": "upper", "startswith": "endswith",
    "endswith": "startswith", "lstrip": "rstrip", "rstrip": "lstrip", "find": "rfind",
    "isupper": "islower", "islower": "isupper", "isdigit": "isalpha",
    "isalpha": "isdigit",
}  # fmt: skip
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sum": "len"}


#: Mutants that a program should have.
ENOUGH = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A program with one change, and what was changed where."""

    change: str
    program: str


def mutants(program: str, *, at_most: int) -> list[Mutant]:
    """Programs with one change, all different.

    Changes are small, of an operator or a constant. Where there are fewer than
    :data:`ENOUGH` of them, whole values are replaced too. If there are more than
    ``at_most``, they are drawn at even distances, so that all of the program is
    reached. The same program gives the same mutants. That a change can be seen from
    outside is not sure: some mutants are equivalent.

    :raises SyntaxError: if the program cannot be parsed.
    """
    tree = parsed(program)
    known = {ast.unparse(tree)}
    found = _drawn(list(_made(tree, _changes, known)), at_most)
    missing = min(ENOUGH, at_most) - len(found)
    if missing > 0:
        found += _drawn(list(_made(tree, _replacements, known)), missing)
    return found


def _made(
    tree: ast.Module,
    changes: Callable[[ast.AST], Iterator[Change]],
    known: set[str],
) -> Iterator[Mutant]:
    """Mutants that are none of those that are known."""
    for index, node in enumerate(ast.walk(tree)):
        for change, edit in changes(node):
            edited = _edited(tree, index, edit)
            if edited is not None and edited not in known:
                known.add(edited)
                line = getattr(node, "lineno", 0)
                yield Mutant(change=f"line {line}: {change}", program=edited)


def _drawn(mutants: list[Mutant], at_most: int) -> list[Mutant]:
    step = max(1.0, len(mutants) / at_most)
    return [mutants[int(i * step)] for i in range(min(at_most, len(mutants)))]


def _edited(
    tree: ast.Module, index: int, edit: Callable[[ast.AST], ast.AST]
) -> str | None:
    changed: ast.AST = copy.deepcopy(tree)
    for i, node in enumerate(ast.walk(changed)):
        if i == index:
            new = edit(node)
            if new is not node:
                changed = _Replace(node, new).visit(changed)
            break
    try:
        text = ast.unparse(ast.fix_missing_locations(changed))
        # The tree again, for a "return" outside a function is seen by the compiler.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(parsed(text), "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return text


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._old:
            return self._new
        return self.generic_visit(node)


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[operator]):
            yield from _comparison(operator)
        case ast.BinOp(op=operator) if type(operator) in _COMPUTED:
            new = _COMPUTED[type(operator)]
            yield f"{_name(operator)} to {new.__name__}", _set("op", new())
            if not isinstance(operator, ast.Mult | ast.BitAnd | ast.BitOr | ast.BitXor):
                yield "operands swapped", _swap
        case ast.BoolOp(op=ast.And()):
            yield "and to or", _set("op", ast.Or())
        case ast.BoolOp(op=ast.Or()):
            yield "or to and", _set("op", ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "without its sign", _operand
        case ast.If() | ast.While() | ast.IfExp():
            yield "condition negated", _negate
        case ast.Constant(value=value):
            yield from _constant(value)
        case ast.Return(value=ast.expr()):
            yield "returns None", _set("value", ast.Constant(value=None))
        case ast.Attribute(attr=name) if name in _METHODS:
            yield f"{name} to {_METHODS[name]}", _set("attr", _METHODS[name])
        case ast.Call(func=ast.Name(id=name)) if name in _FUNCTIONS:
            new_name = ast.Name(id=_FUNCTIONS[name], ctx=ast.Load())
            yield f"{name} to {_FUNCTIONS[name]}", _set("func", new_name)
        case ast.Call(args=[_, *_]):
            yield "call left out", _first_argument
        case ast.For():
            yield "first element left out", _without_first
        case ast.comprehension(ifs=filters):
            yield "first element left out", _without_first
            if filters:
                yield "filter left out", _set("ifs", [])
        case ast.Break():
            yield "break to continue", lambda _: ast.Continue()
        case ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield "statement left out", lambda _: ast.Pass()
        case _:
            pass


def _replacements(node: ast.AST) -> Iterator[Change]:
    """Whole values replaced: most of these are noticed."""
    match node:
        case ast.Return(value=ast.expr() as value):
            for new in ("0", "1", "''", "[]", "True", "False"):
                yield f"returns {new}", _set("value", _expression(new))
            alone = ast.List(elts=[value], ctx=ast.Load())
            yield "returns a list of it", _set("value", alone)
            turned = ast.UnaryOp(op=ast.Not(), operand=value)
            yield "returns its negation", _set("value", turned)
        case ast.Assign(value=value) if not isinstance(value, ast.Constant):
            for new in ("None", "0"):
                yield f"{new} is assigned", _set("value", _expression(new))
        case ast.For() | ast.comprehension():
            yield "nothing to go through", _set("iter", _expression("[]"))
        case ast.Lambda():
            yield "gives None", _set("body", _expression("None"))
        case ast.Call(args=arguments):
            for place, argument in enumerate(arguments):
                if not isinstance(argument, ast.Starred):
                    yield f"argument {place + 1} to None", _argument(place)
        case _:
            pass


def _argument(place: int) -> Callable[[ast.AST], ast.AST]:
    def edit(node: ast.AST) -> ast.AST:
        assert isinstance(node, ast.Call)
        node.args[place] = _expression("None")
        return node

    return edit


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _comparison(operator: ast.cmpop) -> Iterator[Change]:
    kind = type(operator)
    for table in (_COMPARED, _REVERSED):
        if kind in table:
            new = table[kind]
            yield f"{_name(operator)} to {new.__name__}", _set("ops", [new()])


def _constant(value: object) -> Iterator[Change]:
    if isinstance(value, bool):
        yield f"{value} to {not value}", _set("value", not value)
    elif isinstance(value, int | float):
        yield f"{value} to {value + 1}", _set("value", value + 1)
        yield f"{value} to {value - 1}", _set("value", value - 1)
    elif isinstance(value, str):
        yield f"{value!r} changed", _set("value", f"{value}x")


def _operand(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.UnaryOp)
    return node.operand


def _swap(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.BinOp)
    node.left, node.right = node.right, node.left
    return node


def _first_argument(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Call)
    return node.args[0]


def _without_first(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.For | ast.comprehension)
    whole = ast.Call(ast.Name("list", ast.Load()), [node.iter], [])
    rest = ast.Slice(lower=ast.Constant(value=1))
    node.iter = ast.Subscript(whole, rest, ast.Load())
    return node


def _negate(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.If | ast.While | ast.IfExp)
    node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
    return node


def _set(name: str, value: object) -> Callable[[ast.AST], ast.AST]:
    def edit(node: ast.AST) -> ast.AST:
        setattr(node, name, value)
        return node

    return edit


def _name(operator: ast.AST) -> str:
    return type(operator).__name__
