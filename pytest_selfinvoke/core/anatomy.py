"""Why a self-invoking case ended as it did: what stands in a record's ``anatomy``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Score(StrEnum):
    """Whether a function does what it should; ``UNKNOWN`` is never counted as wrong."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


class Attribution(StrEnum):
    """Which part of an unsolved program is to blame, found by substitution.

    The reference takes the place of one function at a time:

    - ``BASE``: solved with the reference's base function, and not the other way round;
    - ``INVOCATION``: solved with the reference's invoking function, and not with its
      base function;
    - ``BOTH``: solved with neither;
    - ``COMBINATION``: solved with either, so that only the two together fail;
    - ``NO_CODE``: there is no function to be tried;
    - ``UNKNOWN``: a substitution could not be judged.
    """

    BASE = "base_wrong"
    INVOCATION = "invocation_wrong"
    BOTH = "both_wrong"
    COMBINATION = "only_combination_fails"
    NO_CODE = "no_code"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What came of the base function under its own tests.

    ``failure`` is the verdict, or the exception's type; ``None`` where it is right.
    ``detail`` says why it is wrong, or unknown.
    """

    score: Score
    failure: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """Whether the invoking function calls the base function.

    ``static`` is read from the syntax tree: the invoking function, or one that it uses,
    names the base function. ``observed`` is seen while the problem's tests run: the
    base function starts below the invoking one. ``None`` is not known.

    ``wrong_arity`` says that a call did not fit the base function's parameters.
    ``inlined`` says that the base function is not invoked, and that most of what it
    does stands in the code that is run instead.
    """

    static: bool | None = None
    observed: bool | None = None
    wrong_arity: bool = False
    inlined: bool = False

    @property
    def invoked(self) -> bool | None:
        """What was observed; where nothing could be, what the syntax tree says."""
        return self.static if self.observed is None else self.observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Anatomy:
    """One judged self-invoking case, taken apart.

    ``missing`` holds ``base`` and ``invoking`` where the answer has no such function.
    ``attribution`` is ``None`` for a case that was solved. ``substituted`` holds the
    verdicts with the reference's ``base`` and with its ``invoking`` function.
    """

    base: PartResult
    missing: tuple[str, ...] = ()
    attribution: Attribution | None = None
    substituted: dict[str, str] = field(default_factory=dict)
    invocation: Invocation = field(default_factory=Invocation)

    def to_json(self) -> dict[str, Any]:
        """Plain data for the record."""
        data = asdict(self)
        data["base"]["score"] = self.base.score.value
        data["missing"] = list(self.missing)
        data["attribution"] = self.attribution and self.attribution.value
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; keys of newer schemas are ignored."""
        base = _known(PartResult, data["base"])
        attribution = data.get("attribution")
        return cls(
            base=PartResult(**{**base, "score": Score(base["score"])}),
            missing=tuple(data.get("missing", ())),
            attribution=None if attribution is None else Attribution(attribution),
            substituted=dict(data.get("substituted", {})),
            invocation=Invocation(**_known(Invocation, data.get("invocation", {}))),
        )


def _known(kind: type[PartResult | Invocation], data: dict[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(kind)}
    return {name: value for name, value in data.items() if name in names}
