"""Family ``format``: the same code, laid out in another way.

Threat model: natural (another editor, another habit). Definitions after the format
transformations of ReCode (Wang et al., arXiv 2212.10264, section 3.2). What is given is
described in :mod:`~pytest_selfinvoke.attacks.partial`. The reference solution goes on
in the layout of the prompt: a prompt that indents by tabs is solved with tabs.
"""

from __future__ import annotations

import ast
import inspect
import random
import re
from collections.abc import Iterator

from pytest_selfinvoke.attacks.base import NotApplicableError, facts
from pytest_selfinvoke.attacks.layout import Line, layout
from pytest_selfinvoke.attacks.partial import HALF, Given
from pytest_selfinvoke.attacks.source import Edit, Source, docstring
from pytest_selfinvoke.core.records import Problem

_SOURCE = "ReCode, arXiv 2212.10264, section 3.2 (format)"
_QUOTED = re.compile(r"(?i:r?)(?P<quote>\"\"\"|''')(?P<text>.*)(?P=quote)", re.DOTALL)
#: ReCode says "randomly chosen" of its empty lines, and gives no share.
_SHARE = 0.5


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def tab_indent(problem: Problem, rng: random.Random) -> Problem:
    """Each level of indentation is one tab, in the prompt and in the reference."""
    given = Given.of(problem)
    edits = []
    for start, line in _with_starts(given.source):
        if line.level and line.indent != "\t" * line.level and not line.is_quoted:
            end = start + len(line.indent)
            edits.append(Edit(start=start, end=end, new="\t" * line.level))
    return given.rewritten(edits)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def split_lines(problem: Problem, rng: random.Random) -> Problem:
    """The longest given line of code is split near its middle, inside of brackets."""
    given = Given.of(problem)
    lines = [
        (start, line)
        for start, line in _with_starts(given.source)
        if start + len(line.text) <= given.cut and line.breaks
    ]
    if not lines:
        raise NotApplicableError("no line with brackets is given")
    start, line = max(lines, key=lambda pair: (len(pair[1].text.rstrip()), -pair[0]))
    middle = (len(line.indent) + len(line.text.rstrip())) / 2
    column = min(line.breaks, key=lambda c: (abs(c - middle), c))
    before = line.text[:column].rstrip()
    indent = f"{line.indent}        "
    return given.rewritten(
        [Edit(start=start + len(before), end=start + column, new=f"\n{indent}")]
    )


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def doc_to_comments(problem: Problem, rng: random.Random) -> Problem:
    """Docstrings become comments in the same place."""
    given = Given.of(problem)
    source = given.source
    if "__doc__" in source.names:
        raise NotApplicableError("the code reads its own docstring")
    edits = []
    for body in _documented(given):
        statement = body[0]
        edit = None if len(body) == 1 else _commented(source, statement)
        if edit is not None and edit.end <= given.cut:
            edits.append(edit)
    if not edits:
        raise NotApplicableError("the prompt has no docstring")
    return given.rewritten(edits)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def new_lines(
    problem: Problem, rng: random.Random, *, probability: float = _SHARE
) -> Problem:
    """Each given line of code, at least one, is followed by an empty one."""
    given = Given.of(problem)
    ends = [
        start + len(line.text)
        for start, line in _with_starts(given.source)
        if line.is_complete and start + len(line.text) <= given.cut
    ]
    if not ends:
        raise NotApplicableError("no complete line of code is given")
    chosen = [end for end in ends if rng.random() < probability]
    chosen = chosen or [rng.choice(ends)]
    return given.rewritten(Edit(start=end, end=end, new="\n") for end in chosen)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def new_line_after_code(problem: Problem, rng: random.Random) -> Problem:
    """An empty line follows the last given line of code.

    Of a self-invoking problem that is the base function's last line. The target's
    signature has a further one.
    """
    given = Given.of(problem)
    places = {given.cut}
    if problem.base is not None:
        head = given.source.text.index(problem.target.prompt.strip())
        places.add(len(given.source.text[:head].rstrip()) + 1)
    return given.rewritten(Edit(start=p, end=p, new="\n") for p in places)


@facts(threat="natural", source=_SOURCE, nominal=HALF)
def new_line_after_doc(problem: Problem, rng: random.Random) -> Problem:
    """An empty line follows each docstring, or comment above a function."""
    given = Given.of(problem)
    source = given.source
    places = {source.line_after(body[0]) for body in _documented(given)}
    previous = ""
    for start, line in _with_starts(source):
        if line.text.startswith(("def ", "class ")) and previous.startswith("#"):
            places.add(start)
        previous = line.text
    places = {place for place in places if place <= given.cut}
    if not places:
        raise NotApplicableError("the prompt has no docstring")
    return given.rewritten(Edit(start=p, end=p, new="\n") for p in places)


def _with_starts(source: Source) -> Iterator[tuple[int, Line]]:
    yield from zip(source.starts, layout(source.text), strict=False)


def _documented(given: Given) -> Iterator[list[ast.stmt]]:
    """The bodies that begin with a docstring in the prompt."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node in ast.walk(given.source.tree):
        if (
            isinstance(node, kinds)
            and docstring(node.body) is not None
            and given.source.indent(node.body[0]) is not None
        ):
            yield node.body


def _commented(source: Source, statement: ast.stmt) -> Edit | None:
    quoted = _QUOTED.fullmatch(source.segment(statement))
    indent = source.indent(statement)
    if quoted is None or indent is None:
        return None
    # cleandoc takes the margin away, as for help().
    lines = inspect.cleandoc(quoted["text"]).split("\n")
    new = "\n".join(f"{indent}# {line}".rstrip() for line in lines).lstrip()
    return Edit(start=source.start(statement), end=source.end(statement), new=new)
