"""Problems for the tests of the attacks."""

from __future__ import annotations

from dataclasses import replace

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import apply
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import Part, Problem, Variant

PLAIN = Problem(
    id="p",
    benchmark="b",
    target=Part(
        entry_point="near",
        prompt="from typing import List\n\n\ndef near(numbers: List[int], limit: int) -> int:\n"
        '    """Count pairs of numbers that are near.\n\n'
        "    >>> near([1, 2], 3)\n    1\n"
        '    """\n',
        solution="    # All pairs.\n    total = 0\n"
        "    for i, first in enumerate(numbers):\n"
        "        for second in numbers[i + 1 :]:\n"
        "            if abs(first - second) < limit:\n"
        "                total += 1\n"
        "    extra = sum(\n        0 for _ in numbers\n    )\n"
        "    return total + extra\n",
        tests="assert near([1, 2, 9], limit=3) == 1\n",
    ),
)
BASE = Part(
    entry_point="larger_of",
    prompt="# Write larger_of.\ndef larger_of(left, right):\n"
    '    """Return the larger one of two words: larger_of(1, 2) is 2."""\n',
    solution="    best = left\n    for word in (right,):\n"
    "        if word > best:\n            best = word\n    return best\n",
)
PRO = Problem(
    id="q",
    benchmark="b",
    base=BASE,
    target=Part(
        entry_point="largest",
        prompt="# Return the largest word, by larger_of.\ndef largest(words):\n",
        solution="    result = words[0]\n    for word in words:\n"
        "        result = larger_of(result, word)\n    return result\n",
        tests="assert largest(['a', 'c', 'b']) == 'c'\n"
        "assert larger_of('x', 'y') == 'y'\n",
    ),
)
ONE_LINE = replace(
    PLAIN,
    target=replace(
        PLAIN.target,
        solution="    return sum(abs(a - b) < limit for i, a in enumerate(numbers) for b in numbers[i + 1 :])\n",
    ),
)


def attacked(name: str, problem: Problem = PLAIN, seed: int = 0) -> Problem:
    """The problem under a built-in attack."""
    variant = Variant(attack=name, seed=seed)
    return apply(resolve(BUILTIN[name]), problem, variant, seed=0)


def holds(problem: Problem) -> bool:
    """Whether the reference passes the tests; both are this file's own."""
    try:
        exec(f"{problem.reference}\n{problem.target.tests}", {})
    except AssertionError:
        return False
    return True
