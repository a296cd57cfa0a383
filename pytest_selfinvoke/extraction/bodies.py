"""Answers that are a function's body only: put under the prompt's signature."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent, indent

from pytest_selfinvoke.extraction.reader import (
    DEFINITION,
    Broken,
    Statement,
    read,
)
from pytest_selfinvoke.extraction.scanner import Scanner
from pytest_selfinvoke.extraction.statements import has_return, is_prose

_INDENT = "    "
_COMMENTS_BELOW = re.compile(r"(?:\n(?:[ \t]*|\#[^\n]*))+\Z")


def stub_of(name: str, code: str) -> str | None:
    """The lines of ``code`` from a function's signature on; ``None`` without one."""
    scanner = Scanner(code)
    position, found = 0, None
    while (start := scanner.next_code(position)) < len(code):
        fence = scanner.fence(start)
        position = fence.end() if fence else scanner.chunk_end(start)
        definition = DEFINITION.match(code, start)
        if definition and definition["name"] == name:
            found = _COMMENTS_BELOW.sub("", code[start:position])
    return found


def programs_from_body(text: str, stub: str) -> Iterator[str]:
    """Texts that read ``text`` as the body of ``stub``, the likeliest first.

    The body as it stands. An indented body, indented like the stub. A body with only
    its first line flush left, as servers that strip answers leave it. A body that is
    all flush left, known by its ``return``.
    """
    start = Scanner(text).next_code(0)
    if start == len(text):
        return
    end = Scanner(text).chunk_end(start)
    chunk, rest = text[start:end], text[end:]
    is_indented = chunk[0].isspace()
    if is_indented:
        yield f"{stub}\n{text}"
    pad = _indent_of(stub)
    if pad is None:
        return
    if is_indented:
        yield f"{stub}\n{indent(dedent(chunk), pad)}{rest}"
        return
    pieces = read(text)
    is_broken = any(isinstance(p, Broken) for p in pieces[:1])
    if is_broken and _name(chunk) != _name(stub) and (whole := _with_first_line(chunk)):
        yield f"{stub}\n{indent(whole, pad)}{rest}"
    statements = [
        p for p in pieces if isinstance(p, Statement) and not is_prose(p.node)
    ]
    returns = [i for i, s in enumerate(statements, 1) if has_return(s.node)]
    # With code that does not parse, it would be a body with a hole: another body.
    if returns and not any(isinstance(p, Broken) and p.is_code for p in pieces):
        body = [indent(s.source, pad) for s in statements[: returns[-1]]]
        later = [s.source for s in statements[returns[-1] :]]
        yield "\n".join([stub, *body, *later])


def _with_first_line(chunk: str) -> str:
    """The chunk with its first line indented like the least indented other one.

    Empty if that one is not indented either.
    """
    first, *others = chunk.split("\n")
    # Comments may stand flush left in a body; they would hide its indentation.
    others = [line for line in others if not line.startswith("#")]
    margins = [len(s) - len(s.lstrip()) for s in others if s.strip()]
    margin = min(margins, default=0)
    return dedent("\n".join([" " * margin + first, *others])) if margin else ""


def _name(source: str) -> str | None:
    definition = DEFINITION.match(source)
    return None if definition is None else definition["name"]


def _indent_of(stub: str) -> str | None:
    """How the body is indented; ``None`` if the stub has a part of the body already."""
    last = stub.rpartition("\n")[2]
    if not last[:1].isspace():
        return _INDENT
    is_docstring = last.rstrip().endswith(('"""', "'''"))
    return last[: len(last) - len(last.lstrip())] if is_docstring else None
