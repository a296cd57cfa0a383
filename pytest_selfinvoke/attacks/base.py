"""What an attack is: a function from a problem to a problem.

It may change prompts, and names together with the tests that use them. It must not
change what is asked for. All randomness comes from the generator it is given.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.records import Part, Problem, Variant
from pytest_selfinvoke.core.seeding import derive_rng

Attack: TypeAlias = Callable[[Problem, random.Random], Problem]

#: Variants that are meant to leave the text as it is.
CONTROLS = frozenset({"clean", "clean.repeat"})


class NotApplicableError(NotJudgedError):
    """Raised by an attack that has nothing to change in a problem: a skipped case."""


class AttackError(NotJudgedError):
    """An attack raised, or returned something that is no problem."""


def apply(attack: Attack, problem: Problem, variant: Variant, *, seed: int) -> Problem:
    """The attacked problem; the same arguments give the same text everywhere.

    :param seed: the run's seed.
    :raises NotApplicableError: if the attack does not apply or changes nothing.
    :raises AttackError: if the attack itself is broken.
    """
    rng = derive_rng(seed, variant.attack, variant.seed or 0, problem.id)
    try:
        attacked = attack(problem, rng)
    except NotJudgedError:
        raise
    except Exception as error:
        raise AttackError(
            f"attack {variant.attack!r} raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(attacked, Problem):
        raise AttackError(
            f"attack {variant.attack!r} returned {type(attacked).__name__}, "
            "expected a Problem"
        )
    if attacked.prompt == problem.prompt and variant.attack not in CONTROLS:
        raise NotApplicableError(f"{variant.id} changes nothing here")
    return attacked


def map_prompts(problem: Problem, change: Callable[[str], str]) -> Problem:
    """The problem with every part's prompt passed through a function."""

    def changed(part: Part) -> Part:
        return replace(part, prompt=change(part.prompt))

    base = None if problem.base is None else changed(problem.base)
    return replace(problem, base=base, target=changed(problem.target))
