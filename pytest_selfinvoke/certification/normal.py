"""A text that two programs share only if they do the same.

Most attacks leave what is executed as it is: they change comments, docstrings, layout,
or names everywhere at once. Their programs have the same normal form as the clean one,
so that one execution stands for all of them. Programs that can see their own names or
texts (``locals``, ``__name__``, ``eval``, classes, ...) are their own normal form.
"""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

from pytest_selfinvoke.core.jsonio import content_hash

_WORD = re.compile(r"[^\W\d]\w*")
_BUILTINS = frozenset(dir(builtins))
#: What shows a program its own names or text; ``*`` is that of an import.
_REFLECTION = frozenset(
    {
        "*",
        "_getframe",
        "compile",
        "delattr",
        "dir",
        "eval",
        "exec",
        "getattr",
        "globals",
        "hasattr",
        "inspect",
        "linecache",
        "locals",
        "setattr",
        "traceback",
        "vars",
    }
)
#: Where a node holds a name that is bound or looked up in a namespace of the program.
_NAME_FIELD: dict[type[ast.AST], str] = {
    ast.Name: "id",
    ast.arg: "arg",
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ExceptHandler: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}
#: Facts about the text that change nothing.
_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {
    kind: tuple(key for key in kind._fields if key not in _IGNORED)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


@lru_cache(maxsize=256)
def parsed(code: str) -> ast.Module:
    """The syntax tree of code; a strange escape in a string is no warning.

    :raises SyntaxError: if it does not parse.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except (ValueError, RecursionError, MemoryError) as error:
            # A null byte; or brackets nested too deeply.
            raise SyntaxError(str(error)) from error


@lru_cache(maxsize=4096)
def execution_key(program: str, tests: str, target: str) -> str:
    """The hash of what the verdict on a program depends on.

    :param target: the function that is tested.
    :raises SyntaxError: if program or tests do not parse.
    """
    flat = (_flat(parsed(program)), _flat_tests(tests))
    if any(one.reflects for one in flat):
        return content_hash([program, tests, target])
    fixed = frozenset().union(*(one.fixed for one in flat))
    numbers: dict[str, int] = {}
    form: list[str | int] = []
    for one in flat:
        parts: list[str | int] = list(one.parts)
        for index in one.names:
            name = one.parts[index]
            if name not in fixed:
                parts[index] = numbers.setdefault(name, len(numbers))
        form += parts
    return content_hash([form, numbers.get(target, target)])


@dataclass(slots=True)
class _Flat:
    """A tree as a list, with what decides on which names can be exchanged.

    ``names`` are the places of names in ``parts``. A name can be exchanged if it stands
    in namespaces alone: not as an attribute, keyword or import, not in a string, and if
    it hides no builtin. Docstrings, and other strings that are statements, are left
    out; so is ``ctx``, which follows from the place.
    """

    parts: list[str] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    fixed: set[str] = field(default_factory=set)
    reflects: bool = False

    def add(self, node: ast.AST) -> None:
        """Append a node and all below it."""
        kind = type(node)
        self.parts.append(kind.__name__)
        if kind is ast.Constant:
            self._constant(cast(ast.Constant, node).value)
            return
        if kind is ast.ClassDef:
            # A method's name may matter to whom the class is derived from.
            self.reflects = True
        named = _NAME_FIELD.get(kind)
        for key in _FIELDS[kind]:
            value = getattr(node, key, None)
            if isinstance(value, ast.AST):
                self.add(value)
            elif isinstance(value, list):
                self._list(value)
            elif key == named and value is not None:
                self._name(value)
            elif isinstance(value, str):
                self._fixed(value)
            else:
                self.parts.append(repr(value))

    def _list(self, values: list[Any]) -> None:
        self.parts.append("[")
        for value in values:
            if isinstance(value, str):
                # Of ``global``, ``nonlocal`` and the keywords of a class pattern.
                self._fixed(value)
            elif value is None:
                self.parts.append("None")
            elif not _is_string_statement(value):
                self.add(value)
        self.parts.append("]")

    def _constant(self, value: Any) -> None:
        self.parts.append(f"{type(value).__name__} {value!r}")
        if isinstance(value, str):
            self.fixed.update(_WORD.findall(value))

    def _name(self, name: str) -> None:
        self.names.append(len(self.parts))
        self.parts.append(name)
        if name in _BUILTINS:
            self.fixed.add(name)
        if name in _REFLECTION or name.startswith("__"):
            self.reflects = True

    def _fixed(self, text: str) -> None:
        self.parts.append(text)
        for word in text.split("."):
            self.fixed.add(word)
            if word in _REFLECTION or word.startswith("__"):
                self.reflects = True


def _flat(tree: ast.Module) -> _Flat:
    flat = _Flat()
    flat.add(tree)
    return flat


@lru_cache(maxsize=1024)
def _flat_tests(tests: str) -> _Flat:
    return _flat(parsed(tests))


def _is_string_statement(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
