"""The benchmark that a self-invoking one was made from, for tests of base functions.

HumanEval Pro, MBPP Pro and BigCodeBench-Lite Pro (arXiv 2412.21199) test the invoking
function alone. Their base functions are problems of HumanEval, MBPP and BigCodeBench,
which have tests: those of *the same function* are the tests of the base function.
Problem i of HumanEval Pro is problem i of HumanEval. MBPP Pro has numbers of its own,
so that names, and texts where several or none have the name, must tell. It was made
from a revision of MBPP in which some 60 functions take or give something else than in
the published one: the tests of these suit no base function, and say nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_selfinvoke.core.records import Part, Problem

#: Share of words that two texts of one problem have in common, at least.
_SAME_TEXT = 0.5
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parents:
    """Problem id -> tests of its base function, where there are any.

    :param benchmark: where they come from; empty where the problems have their own.
    :param warning: says that there are none, and what would bring them.
    """

    benchmark: str = ""
    tests: Mapping[str, str] = field(default_factory=dict)
    warning: str | None = None


def match(
    problems: Iterable[Problem], parents: Sequence[Problem], *, numbered: bool
) -> dict[str, str]:
    """Tests for the base functions of problems, from the problems they were made from.

    Names are those of the base functions. Problems whose parent is not found are left
    out. Whether tests suit a base function is for the judge: its reference must pass.

    :param numbered: whether a problem has its parent's number, which then decides
        between parents of one name.
    """
    by_name: dict[str, list[Problem]] = {}
    for parent in parents:
        by_name.setdefault(parent.target.entry_point, []).append(parent)
    found = {}
    for problem in problems:
        if problem.base is None:
            continue
        candidates = by_name.get(problem.base.entry_point, [])
        if numbered:
            same = _number(problem)
            candidates = [parent for parent in candidates if _number(parent) == same]
        elif len(candidates) != 1:
            candidates = _by_text(problem.base, candidates or parents)
        if candidates:
            target = candidates[0].target
            name = problem.base.entry_point
            found[problem.id] = renamed(target.tests, target.entry_point, name)
    return found


def _number(problem: Problem) -> int:
    return int(problem.id.rpartition("_")[2])


def renamed(tests: str, old: str, new: str) -> str:
    """The tests with another name for the function under test."""
    if old == new:
        return tests
    tree = ast.parse(tests)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return f"{ast.unparse(tree)}\n"


def _by_text(base: Part, candidates: Sequence[Problem]) -> list[Problem]:
    """The candidate whose words are most like those of a base function."""
    words = _words(base)
    likeness, best = max(
        ((_likeness(words, _words(c.target)), c) for c in candidates),
        key=lambda found: found[0],
        default=(0.0, None),
    )
    return [best] if best is not None and likeness >= _SAME_TEXT else []


def _words(part: Part) -> frozenset[str]:
    """The words of a prompt above its examples, without those of the code's name."""
    prose = part.prompt.partition(">>>")[0].replace(part.entry_point, " ")
    return frozenset(_WORD.findall(prose.lower()))


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
