"""Find where code and its words use a module-level name."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.source import (
    FunctionNode,
    Source,
    bound,
    bound_names,
    own_nodes,
    parse,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """Where a code uses a module-level name, or what is in the way of renaming it."""

    starts: tuple[int, ...] = ()
    obstacle: str = ""
    is_no_python: bool = False


@lru_cache(maxsize=8192)
def uses_of(code: str, name: str) -> Uses:
    """Find the uses of a module-level name in code, its docstrings and comments."""
    if re.search(rf"\b{name}\b", code) is None:
        return Uses()
    try:
        source = parse(code)
    except NotApplicableError as error:
        return Uses(obstacle=str(error), is_no_python=True)
    in_code = _InCode(source, name)
    try:
        in_code.visit(source.tree)
        in_words = set(_in_words(source, name, has_others=in_code.has_others))
    except NotApplicableError as error:
        return Uses(obstacle=str(error))
    return Uses(starts=tuple(sorted({*in_code.starts, *in_words})))


class _InCode(ast.NodeVisitor):
    """Collects where the name is the module's.

    ``has_others`` says whether something else has the name too.
    """

    def __init__(self, source: Source, name: str) -> None:
        self.starts: list[int] = []
        self.has_others = False
        self._source = source
        self._name = name
        self._is_local = False

    def generic_visit(self, node: ast.AST) -> None:
        """Any other node that holds the name as a string gives it a meaning."""
        for _, value in ast.iter_fields(node):
            if value == self._name or (isinstance(value, list) and self._name in value):
                self._refuse()
        super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A use, unless a local variable has the name."""
        if node.id == self._name:
            if self._is_local:
                self.has_others = True
            else:
                self._found(self._source.start(node))

    def visit_Constant(self, node: ast.Constant) -> None:
        """Data."""

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """An attribute's name belongs to its object."""
        self.has_others |= node.attr == self._name
        self.visit(node.value)

    def visit_keyword(self, node: ast.keyword) -> None:
        """An argument's name belongs to the function that is called."""
        self.has_others |= node.arg == self._name
        self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter is local; its annotation is not."""
        self.has_others |= node.arg == self._name
        if node.annotation is not None:
            self.visit(node.annotation)

    def visit_alias(self, node: ast.alias) -> None:
        """An import inside a function binds a local name."""
        if self._name in (*node.name.split("."), node.asname):
            if not self._is_local:
                self._refuse()
            self.has_others = True

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Python 3.11 does not know the places inside of an f-string."""
        count = len(self.starts)
        super().generic_visit(node)
        if len(self.starts) > count:
            raise NotApplicableError(f"{self._name} stands in an f-string")

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Inside a comprehension it binds a name further out."""
        if node.target.id == self._name:
            self._refuse()
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Its variables are visible to the left of it."""
        if any(
            isinstance(n, ast.Name) and n.id == self._name
            for n in ast.walk(node.target)
        ):
            self._refuse()
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """What a class body binds is found as an attribute, but not by its methods."""
        body = ast.Module(body=node.body, type_ignores=[])
        if self._name in (node.name, *bound(own_nodes(body))):
            self._refuse()
        self.generic_visit(node)

    def visit_FunctionDef(self, node: FunctionNode) -> None:
        """A definition of the name, or a scope that may have a variable of the name."""
        if node.name == self._name:
            if self._is_local:
                self.has_others = True
            else:
                self._found(self._definition(node))
        # All but the body is evaluated outside.
        for part in (*node.decorator_list, node.args, node.returns):
            if part is not None:
                self.visit(part)
        for parameter in getattr(node, "type_params", []):
            self.visit(parameter)
        self._inside(node.body, bound_names(node))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A scope with parameters only."""
        self.visit(node.args)
        own = {n.arg for n in ast.walk(node.args) if isinstance(n, ast.arg)}
        self._inside([node.body], own)

    def _inside(self, body: Iterable[ast.AST], own: Collection[str]) -> None:
        before = self._is_local
        self._is_local = before or self._name in own
        for child in body:
            self.visit(child)
        self._is_local = before

    def _definition(self, node: FunctionNode) -> int:
        text, start = self._source.text, self._source.start(node)
        match = re.compile(r"(?:async\s+)?def\s+").match(text, start)
        return -1 if match is None else match.end()

    def _found(self, start: int) -> None:
        # Identifiers may be written in several ways that Python takes for one.
        if start < 0 or not self._source.text.startswith(self._name, start):
            self._refuse()
        self.starts.append(start)

    def _refuse(self) -> None:
        raise NotApplicableError(f"{self._name} has other meanings in the code")


def _in_words(source: Source, name: str, *, has_others: bool) -> Iterator[int]:
    """Where docstrings and comments name the function.

    :raises NotApplicableError: if they may name something else.
    """
    word = rf"(?<!\w)(?<!\w\.){name}(?!\w)"
    as_function = (
        rf"{word}(?=\()|(?<=`){name}(?=`)|(?<=\bfunction ){word}"
        rf"|(?<=>>> ){word}"
    )
    is_english = name.isalpha() and (name.islower() or name.istitle())
    clear = re.compile(as_function)
    anywhere = re.compile(word)
    for start, end in _prose(source, name):
        sure = {m.start() for m in clear.finditer(source.text, start, end)}
        yield from sure
        if not is_english:
            for match in anywhere.finditer(source.text, start, end):
                if has_others and match.start() not in sure:
                    raise NotApplicableError(f"{name} has other meanings in the words")
                yield match.start()


def _prose(source: Source, name: str) -> Iterator[tuple[int, int]]:
    """The places of docstrings and comments; of those only that may hold the name."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield source.start(node), source.end(node)
    if re.search(rf"#.*\b{name}\b", source.text) is None:
        return
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            start = source.starts[token.start[0] - 1] + token.start[1]
            yield start, start + len(token.string)
