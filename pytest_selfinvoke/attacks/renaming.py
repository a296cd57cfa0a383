"""Give functions other names, wherever they are named and nowhere else.

In code a name is replaced where it is the module's: not where it is an attribute, an
argument's, or a local variable's. In words (docstrings, comments) it is replaced as a
whole word; a name that is also an English word only where it is clearly the function.
Other strings are data and stay.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.name_uses import uses_of
from pytest_selfinvoke.core.records import Part, Problem

_IDENTIFIER = re.compile(r"\w+")
#: Names that every module has, the interactive ones included.
_RESERVED = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins)}
    | {"copyright", "credits", "exit", "help", "license", "quit"}
)


def rename(problem: Problem, names: Mapping[str, str]) -> Problem:
    """The problem with module-level names replaced: old -> new.

    Prompts, reference solutions, tests, entry points and wrong programs are renamed
    together. A wrong program that is no Python stays as it is.

    :raises NotApplicableError: if a name has another meaning that cannot be told from
        the function's, or if the code cannot be parsed.
    """
    return replace(
        problem,
        base=problem.base and _renamed_part(problem.base, names),
        target=_renamed_part(problem.target, names),
        wrong=tuple(renamed_code(code, names, lenient=True) for code in problem.wrong),
    )


def is_free(problem: Problem, name: str) -> bool:
    """Whether a name can be given: an identifier, not reserved, nowhere in the problem.

    Names with two leading underscores mean something else inside classes.
    """
    return (
        name.isidentifier()
        and not name.startswith("__")
        and name not in _RESERVED
        and name not in _words_of(problem)
    )


@lru_cache(maxsize=2048)
def _words_of(problem: Problem) -> frozenset[str]:
    """Every word of code, tests and prose."""
    texts = [problem.target.tests, problem.reference, *problem.wrong]
    if problem.base is not None:
        texts.append(problem.base.tests)
    return frozenset(word for text in texts for word in _IDENTIFIER.findall(text))


def _renamed_part(part: Part, names: Mapping[str, str]) -> Part:
    head = part.prompt.rstrip()
    # The reference is the prompt, a line end, and the solution without blank lines.
    blank = len(part.solution) - len(part.solution.lstrip("\n"))
    shift = blank - len(head) - 1
    uses = _all_uses(part.reference, names)
    return replace(
        part,
        entry_point=names.get(part.entry_point, part.entry_point),
        prompt=_replaced(part.prompt, [u for u in uses if u[0] < len(head)], names),
        solution=_replaced(
            part.solution, [(s + shift, n) for s, n in uses if s > len(head)], names
        ),
        tests=renamed_code(part.tests, names),
    )


def renamed_code(code: str, names: Mapping[str, str], *, lenient: bool = False) -> str:
    """The code with module-level names replaced: old -> new.

    Lenient: code that is no Python stays as it is.

    :raises NotApplicableError: as :func:`rename`.
    """
    return _replaced(code, _all_uses(code, names, lenient=lenient), names)


def _all_uses(
    code: str, names: Iterable[str], *, lenient: bool = False
) -> list[tuple[int, str]]:
    """(start, name) of each use, in order."""
    found = []
    for name in names:
        uses = uses_of(code, name)
        if uses.obstacle and not (lenient and uses.is_no_python):
            raise NotApplicableError(uses.obstacle)
        found += [(start, name) for start in uses.starts]
    return sorted(found)


def _replaced(
    text: str, uses: Iterable[tuple[int, str]], names: Mapping[str, str]
) -> str:
    pieces, position = [], 0
    for start, name in uses:
        pieces += [text[position:start], names[name]]
        position = start + len(name)
    return "".join([*pieces, text[position:]])
