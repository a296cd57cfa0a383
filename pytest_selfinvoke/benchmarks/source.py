"""Python source of published problems: its parts, and what it needs to run."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_IMPORT_LINE = re.compile(r"^[ \t]*(?:from[ \t]+(\w+)|import[ \t]+(.+))", re.MULTILINE)
_DEFINED = re.compile(r"^(?:async +)?def +(\w+)", re.MULTILINE)
_WORD = re.compile(r"\w+")
_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Source around one of its functions.

    ``before`` is what stands above the function, without other functions;
    ``signature`` ends with the colon's line, ``body`` is the rest of the function.
    ``others`` are the functions above it and everything below it: a function is looked
    up when it is called, so the order of definitions does not matter.
    """

    before: str
    signature: str
    body: str
    others: str


def unix(source: str) -> str:
    r"""The source with ``\n`` line ends only, as ``ast`` counts lines."""
    return source.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text with its syntax tree; lines end as :func:`unix` makes them."""

    text: str
    tree: ast.Module

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a text, in silence: a stray backslash is not the user's mistake.

        :raises SyntaxError: as ``ast.parse`` does.
        """
        text = unix(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return cls(text=text, tree=ast.parse(text))

    @property
    def functions(self) -> list[FunctionNode]:
        """The functions at the top level, in order."""
        return [node for node in self.tree.body if isinstance(node, FunctionNode)]


def lines_of(statement: ast.stmt) -> slice:
    """The lines of a statement, its decorators included."""
    decorators = getattr(statement, "decorator_list", [])
    first = min(node.lineno for node in [statement, *decorators])
    return slice(first - 1, statement.end_lineno)


def part(source: Source, function: FunctionNode) -> Parted:
    """The source, taken apart at one of its functions."""
    lines = source.text.split("\n")
    place = lines_of(function)
    others = [lines_of(f) for f in source.functions if f.lineno < function.lineno]
    moved = {number for other in others for number in range(len(lines))[other]}
    before = [line for i, line in enumerate(lines[: place.start]) if i not in moved]
    tail = ["\n".join(lines[other]) for other in others]
    tail.append("\n".join(lines[place.stop :]).strip("\n"))
    signature, body = _cut(lines[place], function, offset=place.start)
    return Parted(
        before="".join(f"{line}\n" for line in before),
        signature=signature,
        body=body,
        others="\n\n\n".join(text for text in tail if text),
    )


def _cut(lines: list[str], function: FunctionNode, *, offset: int) -> tuple[str, str]:
    """Signature and body of a function whose first line is line ``offset`` of all."""
    first = function.body[0]
    row = first.lineno - 1 - offset
    # Columns count bytes.
    line = lines[row].encode()
    head, rest = line[: first.col_offset].decode(), line[first.col_offset :].decode()
    if head.strip():
        # def f(x): return x
        signature, body = [*lines[:row], head.rstrip()], [f"    {rest}"]
        return "\n".join([*signature, ""]), "\n".join([*body, *lines[row + 1 :], ""])
    # Only comments and blank lines can stand between the colon and the body.
    while re.fullmatch(r"\s*(#.*)?", lines[row - 1]):
        row -= 1
    return "\n".join([*lines[:row], ""]), "\n".join([*lines[row:], ""])


def without_functions(source: str, names: tuple[str, ...]) -> str:
    """The source without its top-level functions of these names.

    :raises SyntaxError: if there are any, and the source cannot be parsed.
    """
    if not set(_DEFINED.findall(source)).intersection(names):
        return source
    parsed = Source.of(source)
    lines = parsed.text.split("\n")
    for function in reversed(parsed.functions):
        if function.name in names:
            del lines[lines_of(function)]
    return "\n".join(lines)


def third_party(*sources: str) -> tuple[str, ...]:
    """The top-level modules that sources import and Python does not bring, sorted."""
    found: set[str] = set()
    for source in sources:
        # The lines only decide whether the slower tree is asked: a docstring may hold
        # a line that begins with "from the list".
        if not set(_mentioned(source)) <= sys.stdlib_module_names:
            found.update(_imported(source))
    return tuple(sorted(found - sys.stdlib_module_names))


def _mentioned(source: str) -> Iterator[str]:
    """First words of what lines that look like imports import."""
    for one, several in _IMPORT_LINE.findall(source):
        for text in (one or several).split(","):
            yield from _WORD.findall(text)[:1]


def _imported(source: str) -> Iterator[str]:
    try:
        tree = Source.of(source).tree
    except SyntaxError:
        # A reference that does not compile shows itself when it is run.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def self_contained(tests: str, *contexts: Source, entry_points: tuple[str, ...]) -> str:
    """The tests, with the imports and definitions of the context that they use.

    Tests of published problems lean on what the reference happens to import. Judged
    with a program that imports something else, they would fail through no fault of
    its own.

    :param contexts: the reference. Its imports, constants, classes and functions are
        taken, its entry points never.
    :raises SyntaxError: if the tests cannot be parsed.
    """
    bound = {
        name: (context, statement)
        for context in contexts
        for statement in context.tree.body
        for name in _top_names(statement)
        if name not in entry_points
    }
    if bound.keys().isdisjoint(_WORD.findall(tests)):
        # Mostly so, and parsing is slow.
        return tests
    needed: dict[ast.stmt, str] = {}
    names = _free_names(Source.of(tests).tree) & bound.keys()
    while names:
        context, statement = bound[names.pop()]
        if statement not in needed:
            lines = context.text.split("\n")
            needed[statement] = "\n".join(lines[lines_of(statement)])
            names |= _free_names(statement) & bound.keys()
    order = [s for c in contexts for s in c.tree.body if s in needed]
    return "\n".join([*(needed[statement] for statement in order), tests])


def _top_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, FunctionNode | ast.ClassDef):
        yield statement.name
    else:
        yield from _bound_names(statement)


def _bound_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _free_names(tree: ast.AST) -> set[str]:
    """Names that are read and nowhere bound. Scopes are not told apart."""
    read = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    return read - set(_bound_names(tree)) - _BUILTINS
