"""Self-invoking problems in one line each: a base function and one that calls it.

Everything is drawn from a seed. A *phrase* says what a function does, an *opening* says
it as an order, a *composition* is what the base function does with what the other one
does. A fifth of the pairs of phrase and opening and a quarter of the compositions are
held out: they are in no training example, and problems of the kinds ``wording`` and
``composition`` have nothing else.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

KINDS = ("seen", "wording", "composition")
OPENINGS = ("Return", "Give", "Compute", "Find", "Work out")
#: What the base function computes -> phrases, with K for a constant.
BASES = {
    "x + K": ("x plus K", "the sum of x and K", "K more than x", "x increased by K"),
    "x - K": ("x minus K", "K less than x", "x decreased by K"),
    "x * K": ("x times K", "the product of x and K", "x multiplied by K"),
    "x % K": ("x modulo K", "the remainder of x divided by K"),
    "x // K": ("x divided by K rounded down", "how often K fits into x"),
    "max(x, K)": ("the larger of x and K", "x but at least K"),
    "min(x, K)": ("the smaller of x and K", "x but at most K"),
    "x * x + K": ("the square of x plus K", "x squared plus K"),
    "K - x": ("K minus x", "x subtracted from K"),
    "abs(x - K)": ("the distance between x and K", "how far x is from K"),
}
#: What the other one computes -> parameters, and phrases, with F for the base function
#: and C for a constant.
TARGETS = {
    "[F(x) for x in xs]": (
        "xs",
        ("the list of F of every x in xs", "F applied to each element of xs"),
    ),
    "sum(F(x) for x in xs)": (
        "xs",
        ("the sum of F over xs", "the total of F of all elements of xs"),
    ),
    "max(F(x) for x in xs)": (
        "xs",
        ("the largest F of xs", "the maximum of F over xs"),
    ),
    "min(F(x) for x in xs)": (
        "xs",
        ("the smallest F of xs", "the minimum of F over xs"),
    ),
    "sum(F(x) > C for x in xs)": (
        "xs",
        ("how many elements of xs have F above C", "the count of F over C in xs"),
    ),
    "[x for x in xs if F(x) > C]": (
        "xs",
        ("the elements of xs with F above C", "xs without those with F up to C"),
    ),
    "sorted(xs, key=F)": ("xs", ("xs sorted by F", "xs in the order of F")),
    "F(xs[0])": ("xs", ("F of the first element of xs", "F of the head of xs")),
    "F(xs[-1])": ("xs", ("F of the last element of xs", "F of the tail of xs")),
    "F(F(x))": ("x", ("F applied twice to x", "F of F of x")),
    "F(x) - F(y)": ("x, y", ("F of x minus F of y", "F of y taken from F of x")),
    "F(x) + F(y)": ("x, y", ("F of x plus F of y", "the sum of F of x and F of y")),
}
VERBS = (
    "shift", "scale", "clip", "fold", "move", "mark", "rate", "tune", "cut", "turn",
    "lift", "drop", "mix", "pack", "sort", "pick", "join", "trim", "step", "hold",
)  # fmt: skip
NOUNS = (
    "value", "item", "score", "price", "level", "count", "weight", "point", "size",
    "rank", "index", "cost", "mass", "step", "unit", "grade", "share", "depth", "age",
    "load",
)  # fmt: skip
_SEPARATOR = "\n\n\n"


@dataclass(frozen=True)
class Task:
    """One problem: names, descriptions and what the two functions compute."""

    kind: str
    base: str
    target: str
    parameters: str
    base_says: str
    target_says: str
    base_does: str
    target_does: str

    @property
    def base_prompt(self) -> str:
        """Signature and description of the base function."""
        return f'def {self.base}(x):\n    """{self.base_says}"""\n'

    @property
    def target_prompt(self) -> str:
        """Signature and description of the function that calls it."""
        return f'def {self.target}({self.parameters}):\n    """{self.target_says}"""\n'

    @property
    def prompt(self) -> str:
        """Both, as the model sees them."""
        return f"{self.base_prompt.rstrip()}{_SEPARATOR}{self.target_prompt.rstrip()}"

    @property
    def answer(self) -> str:
        """A right program."""
        return (
            f"def {self.base}(x):\n    return {self.base_does}{_SEPARATOR}"
            f"def {self.target}({self.parameters}):\n    return {self.target_does}\n"
        )

    def tests(self, rng: random.Random, count: int = 5) -> list[str]:
        """Assertions on random arguments, with the right program's results."""
        space: dict = {}
        exec(self.answer, space)  # Nothing but what stands above.
        found = []
        while len(found) < count:
            one = rng.randint(-40, 90)
            many = [rng.randint(-40, 90) for _ in range(rng.randint(2, 5))]
            arguments = {"x": [one], "xs": [many], "x, y": [one, many[0]]}
            given = ", ".join(map(repr, arguments[self.parameters]))
            result = space[self.target](*arguments[self.parameters])
            found.append(f"assert {self.target}({given}) == {result!r}")
        return found


def is_held_out(*words: str, share: float) -> bool:
    """The same share of all combinations, whatever the seed."""
    digest = hashlib.sha256("|".join(words).encode()).digest()
    return digest[0] < 256 * share


def draw(rng: random.Random, kind: str) -> Task:
    """A problem of one of :data:`KINDS`."""
    while True:
        does, (parameters, target_phrases) = rng.choice(list(TARGETS.items()))
        base_does = rng.choice(list(BASES))
        new = is_held_out(base_does, does, share=0.25)
        if new is not (kind == "composition"):
            continue
        base_phrase = rng.choice(BASES[base_does])
        target_phrase = rng.choice(target_phrases)
        openings = rng.choice(OPENINGS), rng.choice(OPENINGS)
        unseen = [
            is_held_out(phrase, opening, share=0.2)
            for phrase, opening in zip(
                (base_phrase, target_phrase), openings, strict=True
            )
        ]
        if any(unseen) is not (kind == "wording"):
            continue
        names = rng.sample([f"{v}_{n}" for v in VERBS for n in NOUNS], 2)
        constants = str(rng.randint(2, 60)), str(rng.randint(2, 60))
        break
    base, target = names
    return Task(
        kind=kind,
        base=base,
        target=target,
        parameters=parameters,
        base_says=f"{openings[0]} {base_phrase.replace('K', constants[0])}.",
        target_says=f"{openings[1]} {_filled(target_phrase, base, constants[1])}.",
        base_does=base_does.replace("K", constants[0]),
        target_does=_filled(does, base, constants[1]),
    )


def _filled(text: str, base: str, constant: str) -> str:
    return text.replace("C", constant).replace("F", base)
