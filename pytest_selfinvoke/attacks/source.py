"""Python source with its syntax tree and character offsets; edits that keep a cut."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TypeAlias

from pytest_selfinvoke.attacks.base import NotApplicableError

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
#: Nodes that have a namespace of their own.
SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace ``text[start:end]``; an empty span inserts."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text that parses."""

    text: str
    tree: ast.Module
    lines: tuple[str, ...]
    starts: tuple[int, ...]
    #: Every identifier, and those of them that are bound somewhere.
    names: frozenset[str]
    assigned: frozenset[str]

    def offset(self, line: int, column: int) -> int:
        """The character offset of a node's (line, UTF-8 column)."""
        row = self.lines[line - 1]
        if not row.isascii():
            column = len(row.encode()[:column].decode())
        return self.starts[line - 1] + column

    def start(self, node: ast.stmt | ast.expr | ast.arg) -> int:
        """Where a node begins."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.expr | ast.arg) -> int:
        """Where a node ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.offset(node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.stmt | ast.expr) -> str:
        """A node's text."""
        return self.text[self.start(node) : self.end(node)]

    def line_start(self, node: ast.stmt) -> int:
        """Where the line of a node begins."""
        return self.starts[node.lineno - 1]

    def first_line(self, node: ast.stmt) -> int:
        """Where the first line of a statement begins, decorators included."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        line = min([node.lineno, *(d.lineno for d in decorators)])
        return self.starts[line - 1]

    def line_after(self, node: ast.stmt) -> int:
        """Where the line after a node begins."""
        assert node.end_lineno is not None
        row = node.end_lineno
        return self.starts[row] if row < len(self.starts) else len(self.text)

    def indent(self, node: ast.stmt) -> str | None:
        """The blanks before a statement; ``None`` if it shares its line."""
        before = self.text[self.line_start(node) : self.start(node)]
        return before if not before.strip() else None

    def fresh(self, *wanted: str) -> tuple[str, ...]:
        """The names, numbered where the text has them already."""
        result = []
        for name in wanted:
            candidate, count = name, 1
            while candidate in self.names or candidate in result:
                count += 1
                candidate = f"{name}_{count}"
            result.append(candidate)
        return tuple(result)


@lru_cache(maxsize=2048)
def parse(text: str) -> Source:
    """The source of a text.

    :raises NotApplicableError: if it is not Python.
    """
    try:
        # Python may warn of strange escapes, which is nothing for its user to see.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise NotApplicableError(f"the code cannot be parsed: {error}") from error
    # The tokenizer counts lines by line feeds; str.splitlines knows more line ends.
    lines = tuple(f"{line}\n" for line in text.split("\n"))
    starts, position = [], 0
    for line in lines:
        starts.append(position)
        position += len(line)
    return Source(
        text=text,
        tree=tree,
        lines=lines,
        starts=tuple(starts),
        names=frozenset(_names(tree)),
        assigned=frozenset(bound(ast.walk(tree))),
    )


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str) and value.isidentifier():
                yield value
            elif isinstance(value, list):
                yield from (item for item in value if isinstance(item, str))
        if isinstance(node, ast.alias):
            yield node.name.partition(".")[0]


def edited(text: str, cut: int, edits: Iterable[Edit]) -> tuple[str, str]:
    """The text after edits, in its parts before and after the cut.

    An insertion at the cut belongs to the first part.

    :raises NotApplicableError: if an edit reaches over the cut.
    """
    pieces, position, moved = [], 0, cut
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        assert position <= edit.start, "edits overlap"
        if edit.start < cut < edit.end:
            raise NotApplicableError("the change reaches over what is given")
        pieces += [text[position : edit.start], edit.new]
        position = edit.end
        if edit.end <= cut:
            moved += len(edit.new) - (edit.end - edit.start)
    whole = "".join([*pieces, text[position:]])
    return whole[:moved], whole[moved:]


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's or a loop's own namespace, in source order.

    A nested function, class or comprehension is given, but nothing inside of it; of an
    f-string neither, for Python 3.11 does not know the places of what it holds.
    """
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, (*SCOPES, ast.JoinedStr)):
            yield from own_nodes(child)


def functions_before(source: Source, cut: int) -> Iterator[FunctionNode]:
    """The functions of which a statement begins before an offset."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = without_docstring(node.body)
            if body and source.start(body[0]) < cut:
                yield node


def bound_names(function: FunctionNode) -> frozenset[str]:
    """The names that a function binds in its own namespace."""
    arguments = (n for n in ast.walk(function.args) if isinstance(n, ast.arg))
    body = ast.Module(body=function.body, type_ignores=[])
    return frozenset(bound(chain(arguments, own_nodes(body))))


def bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that nodes bind by themselves."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)):
                yield name


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements after the docstring."""
    return body[1:] if docstring(body) is not None else body


def docstring(body: list[ast.stmt]) -> ast.Expr | None:
    """The docstring's statement."""
    first = body[0] if body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return first
    return None
