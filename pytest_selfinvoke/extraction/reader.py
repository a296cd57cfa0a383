"""Text in, top-level Python statements out, in time linear in the text's length."""

from __future__ import annotations

import ast
import re
import symtable
from dataclasses import dataclass
from textwrap import dedent

from pytest_selfinvoke.extraction.scanner import Scanner

#: How often the same character may be scanned again after wrong guesses, on average.
#: It bounds the work for hostile text; ordinary answers stay below 1.
_RESCANS = 4
#: Code inside list items inside quotes: deeper is prose with odd indentation.
_MAX_DEPTH = 3
DEFINITION = re.compile(r"(?:@[^\n]*\n\s*)*(?:async\s+)?(?:def|class)\s+(?P<name>\w+)")
#: How else a chunk begins that is code and not prose, though it does not parse.
_CODE = re.compile(
    r"(?:for|while|if|with)\b[^\n]*:[ \t]*(?:\#[^\n]*)?\n"
    r"|return\b|import[ ]\w|from[ ]\S+[ ]import\b|\w+[ ]*=[^=]"
)
_COMPREHENSION = re.compile(r"[\[{].*\bfor\b", re.DOTALL)
_SWALLOWED = re.compile(r"\n(?=[^\s#])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A top-level statement: ``binds`` what names, ``needs`` what global names."""

    node: ast.stmt
    source: str
    binds: frozenset[str]
    needs: frozenset[str]

    @property
    def key(self) -> str:
        """The same for statements that differ in white space only.

        Not the dumped tree: to dump a deep one exceeds Python's recursion limit.
        """
        return "".join(self.source.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A chunk that does not parse: prose, mostly.

    ``name`` is what it would define if it starts like a definition; ``line`` counts
    from 1 in the whole text.
    """

    source: str
    name: str | None
    line: int
    message: str

    @property
    def is_code(self) -> bool:
        """Whether it starts as code does and prose does not."""
        return self.name is not None or _CODE.match(self.source) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fence line from ``start`` to ``end`` (character offsets in the text)."""

    mark: str
    info: str
    start: int
    end: int


Piece = Statement | Broken | Fence
#: What CPython raises for source that it cannot read, hostile nesting included.
UNREADABLE = (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError)


def describe(error: BaseException) -> str:
    """What :data:`UNREADABLE` says, in a few words."""
    if isinstance(error, SyntaxError):
        return error.msg
    return str(error) or type(error).__name__


def read(text: str) -> list[Piece]:
    """The statements of a text, with the parts that are none, in order."""
    return _Reader(budget=_RESCANS * len(text) + 1000).read(text, line=1, depth=0)


def parse(source: str) -> list[Statement]:
    """The statements of Python source, each with its own lines.

    :raises SyntaxError: or another of :data:`UNREADABLE`.
    """
    nodes = ast.parse(source).body
    lines = source.split("\n")
    statements = []
    for node in nodes:
        text = ast.unparse(node) if len(nodes) > 1 else _own_lines(node, lines)
        binds, needs = _names(text)
        statements.append(Statement(node=node, source=text, binds=binds, needs=needs))
    return statements


def _own_lines(node: ast.stmt, lines: list[str]) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _names(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Module-level names that a statement binds, and global names that it reads.

    By the compiler's own symbol table, so that a local variable is never taken for a
    global one of the same name.
    """
    module = symtable.symtable(source, "<answer>", "exec")
    inlined = _inlined(source) if _COMPREHENSION.search(source) else frozenset()
    symbols = [s for s in module.get_symbols() if s.get_name() not in inlined]
    binds = frozenset(
        s.get_name() for s in symbols if s.is_assigned() or s.is_imported()
    )
    needs = {s.get_name() for s in symbols if s.is_referenced()}
    inner = module.get_children()
    while inner:
        table = inner.pop()
        needs.update(s.get_name() for s in table.get_symbols() if s.is_global())
        inner.extend(table.get_children())
    return binds, frozenset(needs)


def _inlined(source: str) -> frozenset[str]:
    """Names that a statement uses as variables of comprehensions and in no other way.

    Since Python 3.12 (PEP 709) the symbol table counts them to the enclosing scope.
    """
    inside: set[ast.Name] = set()
    names: set[ast.Name] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            bound = {
                name.id
                for generator in node.generators
                for name in ast.walk(generator.target)
                if isinstance(name, ast.Name)
            }
            inside.update(
                name
                for name in ast.walk(node)
                if isinstance(name, ast.Name) and name.id in bound
            )
    return frozenset(n.id for n in inside) - {n.id for n in names - inside}


class _Reader:
    """Reads with a budget of characters that may be scanned a second time."""

    def __init__(self, budget: int) -> None:
        self._budget = budget

    def read(self, text: str, *, line: int, depth: int) -> list[Piece]:
        scanner = Scanner(text)
        pieces: list[Piece] = []
        position = counted = 0
        while (start := scanner.next_code(position)) < len(text):
            line += text.count("\n", counted, start)
            counted = start
            if fence := scanner.fence(start):
                position = fence.end()
                if depth == 0:  # Deeper, offsets would not be the text's.
                    pieces.append(_fence(fence))
                continue
            position = scanner.chunk_end(start)
            chunk = text[start:position]
            if chunk[0].isspace():
                pieces.extend(self._read_indented(chunk, line=line, depth=depth))
                continue
            try:
                pieces.extend(parse(chunk))
            except UNREADABLE as error:
                broken = _broken(chunk, line, error)
                pieces.append(broken)
                if not broken.is_code:
                    pieces.extend(self._read_below(chunk, line=line, depth=depth))
                position = self._restart(text, start, position)
        return pieces

    def _read_below(self, chunk: str, *, line: int, depth: int) -> list[Piece]:
        """Code that is indented below a line of prose."""
        first_end = Scanner(chunk).logical_line_end(0)
        below = chunk[first_end:]
        line += chunk.count("\n", 0, first_end)
        return self._read_indented(below, line=line, depth=depth) if below else []

    def _read_indented(self, text: str, *, line: int, depth: int) -> list[Piece]:
        if depth == _MAX_DEPTH or not self._pay(len(text)):
            return [Broken(source=text, name=None, line=line, message="indented")]
        return self.read(dedent(text), line=line, depth=depth + 1)

    def _restart(self, text: str, start: int, end: int) -> int:
        """The next line that a wrong guess about strings and brackets swallowed."""
        swallowed = _SWALLOWED.search(text, start, end)
        if swallowed is None or not self._pay(end - swallowed.end()):
            return end
        return swallowed.end()

    def _pay(self, characters: int) -> bool:
        self._budget -= characters
        return self._budget > 0


def _fence(line: re.Match[str]) -> Fence:
    info = line["info"].strip()
    return Fence(mark=line["mark"], info=info, start=line.start(), end=line.end())


def _broken(chunk: str, line: int, error: BaseException) -> Broken:
    offset = getattr(error, "lineno", None) or 1
    definition = DEFINITION.match(chunk)
    return Broken(
        source=chunk,
        name=None if definition is None else definition["name"],
        line=line + offset - 1,
        message=describe(error),
    )
