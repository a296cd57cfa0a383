"""Attacks by name: ``family.attack@parameter=value``, and several joined by ``+``.

``docstring.butter_fingers@probability=0.1+format.tab_indent`` is one attack: it makes
typing errors with another probability than its source does, then indents by tabs.
"""

from __future__ import annotations

import inspect
import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pytest_selfinvoke.attacks.base import (
    THREATS,
    Attack,
    Facts,
    NotApplicableError,
    facts_of,
)
from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.records import Problem

_TRUTH = {"true": True, "false": False}


def derive(name: str, get: Callable[[str], Attack]) -> Attack:
    """The attack of a name that is registered only in parts.

    :param get: looks up a registered attack.
    :raises UserError: for unknown attacks and parameters, and values that do not fit.
    """
    steps = [_step(part, get) for part in name.split("+")]
    return steps[0] if len(steps) == 1 else composed(steps)


def composed(steps: list[Attack]) -> Attack:
    """One attack that applies several in order; where one does not apply, none does.

    Its threat is the strictest of theirs. Its nominal variant is that of the first
    step that has one of its own.
    """

    def attack(problem: Problem, rng: random.Random) -> Problem:
        for step in steps:
            changed = step(problem, rng)
            if changed.prompt == problem.prompt and not changed.perturbation:
                raise NotApplicableError("one of its attacks changes nothing here")
            problem = changed
        return problem

    known = [facts_of(step) for step in steps]
    attack.facts = Facts(  # type: ignore[attr-defined]
        threat=max((k.threat for k in known), key=THREATS.index),
        source="; ".join(dict.fromkeys(k.source for k in known)),
        nominal=next((k.nominal for k in known if k.nominal != "clean"), "clean"),
        seeded=any(k.seeded for k in known),
    )
    attack.__doc__ = "Several attacks, one after the other."
    return attack


def _step(text: str, get: Callable[[str], Attack]) -> Attack:
    name, *assignments = text.split("@")
    attack = get(name)
    if not assignments:
        return attack
    values = {}
    for assignment in assignments:
        key, is_given, value = assignment.partition("=")
        if not is_given or key in values:
            raise UserError(
                f"attack {text!r}: write parameters as @name=value, each once"
            )
        values[key] = _value(attack, name, key, value)

    def bound(problem: Problem, rng: random.Random) -> Problem:
        return attack(problem, rng, **values)

    bound.facts = replace(facts_of(attack))  # type: ignore[attr-defined]
    bound.__doc__ = attack.__doc__
    return bound


def parameters(attack: Attack) -> dict[str, Any]:
    """Parameter -> default, of an attack's keyword-only parameters."""
    signature = inspect.signature(attack)
    return {
        parameter.name: parameter.default
        for parameter in signature.parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


def _value(attack: Attack, name: str, key: str, text: str) -> Any:
    """A parameter's value, of its default's type and in its range."""
    defaults = parameters(attack)
    if not defaults:
        raise UserError(f"attack {name!r} has no parameters, but {key!r} is given")
    if key not in defaults:
        raise UnknownNameError(f"parameter of {name}", key, defaults)
    default = defaults[key]
    kind = type(default)
    if kind is bool:
        value = _TRUTH.get(text.lower())
    elif kind in (int, float):
        value = _number(kind, text)
    else:
        return text
    expected = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
    if value is None:
        raise UserError(f"attack {name!r}: {key} must be {expected}, not {text!r}")
    if kind is not bool:
        low, high = facts_of(attack).ranges.get(key) or _usual_range(default)
        if not low <= value <= high:
            range_ = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
            raise UserError(f"attack {name!r}: {key} must be {range_}, not {text}")
    return value


def _number(kind: type, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        return None


def _usual_range(default: float) -> tuple[float, float]:
    if isinstance(default, int):
        return 1, math.inf
    return (0, 1) if 0 <= default <= 1 else (0, math.inf)
