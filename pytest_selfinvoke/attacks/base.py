"""What an attack is: a function from a problem to a problem.

It may change prompts, and names together with the tests that use them. It must not
change what is asked for. All randomness comes from the generator it is given.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from pytest_selfinvoke.core.errors import NotApplicableError as NotApplicableError
from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.records import Part, Problem, Variant
from pytest_selfinvoke.core.seeding import derive_rng

#: ``(problem, rng, *, parameters with the source's defaults)``.
Attack: TypeAlias = Callable[..., Problem]
F = TypeVar("F", bound=Callable[..., Any])

#: Threat models, the least strict first.
THREATS = ("control", "natural", "adversarial", "white-box")

#: Variants that are meant to leave the text as it is.
CONTROLS = frozenset({"clean", "clean.repeat", "clean.half"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is stated of an attack.

    ``threat`` is one of :data:`THREATS`; ``source`` names the definition it implements;
    ``nominal`` is the attack name of the variant that it is to be compared with.
    An attack that is not ``seeded`` gives one text whatever the seed, so that it has
    one variant. ``ranges`` are the least and the greatest value of its parameters;
    where nothing is said, a float is a probability and a whole number at least 1.
    """

    threat: str
    source: str
    nominal: str = "clean"
    seeded: bool = True
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def facts(
    *,
    threat: str,
    source: str,
    nominal: str = "clean",
    seeded: bool | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Callable[[F], F]:
    """Decorator that states an attack's facts, as ``function.facts``.

    :param seeded: by default, whether the function's code uses its second argument.
    """
    if threat not in THREATS:
        raise UserError(f"threat {threat!r}: use one of {', '.join(THREATS)}")

    def stated(function: F) -> F:
        function.facts = Facts(  # type: ignore[attr-defined]
            threat=threat,
            source=source,
            nominal=nominal,
            seeded=_uses_rng(function) if seeded is None else seeded,
            ranges=ranges or {},
        )
        return function

    return stated


def facts_of(attack: Attack) -> Facts:
    """The facts stated with :func:`facts`; a user's plain function is adversarial."""
    found = getattr(attack, "facts", None)
    if isinstance(found, Facts):
        return found
    return Facts(threat="adversarial", source="user", seeded=_uses_rng(attack))


def _uses_rng(function: Callable[..., Any]) -> bool:
    """Whether a function's code reads its second argument; yes if it cannot be seen."""
    if not inspect.isfunction(function) or function.__code__.co_argcount < 2:
        return True
    code = function.__code__
    name = code.co_varnames[1]
    # An instruction of CPython 3.13 may name two variables.
    return any(
        name == step.argval or (isinstance(step.argval, tuple) and name in step.argval)
        for step in dis.get_instructions(code)
    )


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
    is_control = facts_of(attack).threat == "control"
    is_moved = attacked.perturbation is not None
    if attacked.prompt == problem.prompt and not is_control and not is_moved:
        raise NotApplicableError(f"{variant.id} changes nothing here")
    return attacked


def map_prompts(problem: Problem, change: Callable[[str], str]) -> Problem:
    """The problem with every part's prompt passed through a function."""

    def changed(part: Part) -> Part:
        return replace(part, prompt=change(part.prompt))

    base = None if problem.base is None else changed(problem.base)
    return replace(problem, base=base, target=changed(problem.target))
