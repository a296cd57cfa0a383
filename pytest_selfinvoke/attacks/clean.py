"""The variants that change nothing: the clean prompt, and its repetition.

``clean.repeat`` asks for the clean prompt once more, once per seed: the null control
that shows how much an unchanged prompt flips verdicts by itself.
"""

from __future__ import annotations

import random

from pytest_selfinvoke.attacks.base import facts
from pytest_selfinvoke.core.records import Problem


@facts(threat="control", source="this project", seeded=False)
def unchanged(problem: Problem, rng: random.Random) -> Problem:
    """The problem as it is."""
    return problem


@facts(threat="control", source="this project", seeded=True)
def repeat(problem: Problem, rng: random.Random) -> Problem:
    """The problem as it is, asked for once more."""
    return problem
