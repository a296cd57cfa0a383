"""Half of the reference solution, given in the prompt.

Attacks on code need code. As ReCode does (Wang et al., arXiv 2212.10264, section 3.2:
"partial code"), they show half of the reference solution and compare with the same half
unattacked, ``clean.half``:

- Of a plain problem: the lines of the body up to the statement boundary nearest to its
  middle that does not begin a block, so that what is given parses by itself. A body of
  one statement gives nothing.
- Of a self-invoking problem: the whole base function; the target is to be written.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError, facts
from pytest_selfinvoke.attacks.source import (
    Edit,
    FunctionNode,
    Source,
    edited,
    functions_before,
    parse,
    without_docstring,
)
from pytest_selfinvoke.core.records import Part, Problem

#: The tag of a problem whose prompt already gives code: it is not halved again.
GIVEN = "given"
HALF = "clean.half"
_RECODE = "ReCode, arXiv 2212.10264, section 3.2 (partial code)"


@facts(threat="control", source=_RECODE, seeded=False)
def half(problem: Problem, rng: random.Random) -> Problem:
    """Half of the reference solution is given, unattacked."""
    return with_half(problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A problem with code in its prompt: the program and where the prompt ends."""

    problem: Problem
    source: Source
    cut: int

    @classmethod
    def of(cls, problem: Problem) -> Given:
        """The problem as it is if it gives code already, or with half of it.

        :raises NotApplicableError: if the reference cannot be parsed.
        """
        halved = with_half(problem)
        head = f"{halved.target.prompt.rstrip()}\n"
        source = parse(halved.target.reference)
        return cls(problem=halved, source=source, cut=len(head))

    @property
    def tests(self) -> str:
        """What judges the program."""
        return self.problem.target.tests

    def functions(self) -> Iterator[tuple[FunctionNode, list[ast.stmt]]]:
        """The functions with the statements of theirs that are given."""
        for node in functions_before(self.source, self.cut):
            body = without_docstring(node.body)
            yield node, [s for s in body if self.source.start(s) < self.cut]

    def rewritten(self, edits: Iterable[Edit]) -> Problem:
        """The problem after edits of its program.

        :raises NotApplicableError: if nothing that is given changes.
        """
        prompt, solution = edited(self.source.text, self.cut, edits)
        if prompt == self.source.text[: self.cut]:
            raise NotApplicableError("nothing that is given can be changed")
        target = replace(self.problem.target, prompt=prompt, solution=solution)
        return replace(self.problem, target=target)


def with_half(problem: Problem) -> Problem:
    """The problem with half of its reference solution in the prompt."""
    if GIVEN in problem.tags:
        return problem
    if problem.base is not None:
        return with_base(problem)
    prompt, solution = _halved(problem.target)
    target = replace(problem.target, prompt=prompt, solution=solution)
    return replace(problem, target=target, tags=(*problem.tags, GIVEN))


def with_base(problem: Problem, base: str | None = None) -> Problem:
    """The problem with its base function given: only the target is to be written.

    :param base: source of the base function; that of the reference unless named.
    :raises NotApplicableError: if the problem has no base function.
    """
    if problem.base is None:
        raise NotApplicableError("the problem has no base function")
    code = problem.base.reference if base is None else base
    prompt = f"{code.rstrip()}\n\n\n{problem.target.prompt.strip()}\n"
    target = replace(problem.target, prompt=prompt)
    tags = (*problem.tags, GIVEN)
    return replace(problem, base=None, target=target, tags=tags)


def _halved(part: Part) -> tuple[str, str]:
    return _cut_in_half(part.prompt, part.reference, part.solution, part.entry_point)


@lru_cache(maxsize=1024)
def _cut_in_half(
    prompt: str, reference: str, solution: str, name: str
) -> tuple[str, str]:
    source = parse(reference)
    begin = len(f"{prompt.rstrip()}\n")
    function = next(
        (
            node
            for node in source.tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == name
            and source.start(node) < begin < source.end(node)
        ),
        None,
    )
    if function is None:
        return prompt, solution
    last = function.body[-1].end_lineno or 0
    first = source.text.count("\n", 0, begin) + 1
    middle = (first + last + 1) / 2
    boundaries = [
        statement
        for statement in _boundaries(without_docstring(function.body))
        if source.indent(statement) is not None and source.start(statement) > begin
    ]
    if not boundaries:
        return prompt, solution
    best = min(boundaries, key=lambda s: (abs(s.lineno - middle), s.lineno))
    cut = source.first_line(best)
    return source.text[:cut], source.text[cut:]


def _boundaries(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements before which a prompt can end; never inside a ``try``."""
    yield from block[1:]
    for statement in block:
        if isinstance(statement, ast.If | ast.For | ast.While | ast.With):
            yield from _boundaries(statement.body)
