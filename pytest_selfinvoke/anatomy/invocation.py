"""What the syntax tree says of the two functions: calls, their arguments, copies."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections import Counter
from collections.abc import Iterator

from pytest_selfinvoke.core.records import Problem

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

#: What share of the base function's code must stand elsewhere to be called a copy.
INLINED = 0.6
#: Smaller pieces of code, in nodes, are alike by chance.
_PIECE = 4


class StaticView:
    """A program's syntax tree, asked about its base and its invoking function.

    :raises SyntaxError: if the program cannot be parsed.
    """

    def __init__(self, program: str, problem: Problem) -> None:
        assert problem.base is not None
        self._base, self._target = problem.base.entry_point, problem.target.entry_point
        self._reference = problem.base.reference
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                tree = ast.parse(program)
                table = symtable.symtable(program, "<program>", "exec")
            except (ValueError, MemoryError, RecursionError) as error:
                raise SyntaxError(str(error)) from error
        self._functions = {
            node.name: node for node in tree.body if isinstance(node, FunctionNode)
        }
        self._reads = {
            child.get_name(): frozenset(_global_reads(child))
            for child in table.get_children()
        }
        self._used = self._reachable()

    @property
    def is_invoking(self) -> bool | None:
        """Whether the invoking function, or one that it uses, names the base function.

        ``None`` where there is no invoking function.
        """
        if self._target not in self._reads:
            return None
        if self._base == self._target:
            return False
        used = (self._target, *self._used)
        return any(self._base in self._reads[name] for name in used)

    @property
    def is_arity_wrong(self) -> bool:
        """Whether a call does not fit the parameters of the program's base function.

        Where the program has none, those of the reference count.
        """
        callee = self._functions.get(self._base) or _function(
            self._reference, self._base
        )
        if callee is None or callee.decorator_list:
            return False
        return any(not _fits(call, callee.args) for call in self._calls())

    @property
    def is_inlined(self) -> bool:
        """Whether there is a copy of the base function in what is run instead.

        That is an inner function of its name, or its code without names: a share of at
        least :data:`INLINED` of the pieces of the program's base function, or of the
        reference's.
        """
        if self.is_invoking is not False or self._base == self._target:
            return False
        used = [self._functions.get(name) for name in (self._target, *self._used)]
        inside = [node for one in used if one is not None for node in ast.walk(one)]
        if any(isinstance(n, FunctionNode) and n.name == self._base for n in inside):
            return True
        copy = Counter(piece for one in used for piece in _pieces(one))
        originals = (
            self._functions.get(self._base),
            _function(self._reference, self._base),
        )
        return any(_share(Counter(_pieces(one)), copy) >= INLINED for one in originals)

    def _calls(self) -> Iterator[ast.Call]:
        for name in (self._target, *self._used):
            if name not in self._functions or self._base not in self._reads[name]:
                continue
            for node in ast.walk(self._functions[name]):
                match node:
                    case ast.Call(func=ast.Name(id=called)) if called == self._base:
                        yield node

    def _reachable(self) -> tuple[str, ...]:
        """Other top-level functions and classes that the invoking function uses."""
        found: dict[str, None] = {}
        waiting = [self._target]
        while waiting:
            for name in sorted(self._reads.get(waiting.pop(), ())):
                known = name in found or name in (self._base, self._target)
                if name in self._reads and not known:
                    found[name] = None
                    waiting.append(name)
        return tuple(found)


def _global_reads(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() and symbol.is_referenced():
            yield symbol.get_name()
    for child in table.get_children():
        yield from _global_reads(child)


def _function(source: str, name: str) -> FunctionNode | None:
    for node in ast.parse(source).body:
        if isinstance(node, FunctionNode) and node.name == name:
            return node
    return None


def _fits(call: ast.Call, parameters: ast.arguments) -> bool:
    """Whether the arguments can be bound; with stars among them nothing is said."""
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return True
    given = {keyword.arg for keyword in call.keywords}
    if None in given:
        return True
    positional = [p.arg for p in (*parameters.posonlyargs, *parameters.args)]
    named = {p.arg for p in (*parameters.args, *parameters.kwonlyargs)}
    if len(call.args) > len(positional) and parameters.vararg is None:
        return False
    taken = set(positional[: len(call.args)])
    if given & taken or (given - named and parameters.kwarg is None):
        return False
    needed = positional[: len(positional) - len(parameters.defaults)]
    defaults = zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
    needed += [p.arg for p, default in defaults if default is None]
    return set(needed) <= taken | given


def _pieces(function: FunctionNode | None) -> Iterator[str]:
    """The function's code in pieces, without names and docstring."""
    if function is None:
        return
    for statement in function.body:
        if isinstance(statement, ast.Expr) and isinstance(
            statement.value, ast.Constant
        ):
            continue
        for node in ast.walk(statement):
            shape = _shape(node)
            if len(shape) >= _PIECE:
                yield " ".join(shape)


def _shape(node: ast.AST) -> list[str]:
    """Kinds of nodes, constants, operators, attributes; in order, without names."""
    match node:
        case ast.Constant():
            return [repr(node.value)]
        case ast.Name():
            return ["_"]
        case ast.expr_context():
            return []
    found = [type(node).__name__]
    if isinstance(node, ast.Attribute):
        found.append(node.attr)
    for child in ast.iter_child_nodes(node):
        found += _shape(child)
    return found


def _share(original: Counter[str], copy: Counter[str]) -> float:
    """What share of the pieces of code is in the copy too; 0 where there are none."""
    total = original.total()
    return (original & copy).total() / total if total else 0.0
