"""Gates: a metric, a threshold, and what the metric's interval says of it."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.metrics.intervals import Z95, effective_size

#: Metric -> the least and the largest threshold that makes sense.
METRICS: dict[str, tuple[float, float]] = {
    "pass": (0.0, 1.0),
    "robust_pass": (0.0, 1.0),
    "drop": (-1.0, 1.0),
    "relative_drop": (-1.0, 1.0),
    "net_drop": (-2.0, 2.0),
    "asr": (0.0, 1.0),
    "flips": (0.0, 1.0),
    "broken": (0.0, 1.0),
    "repaired": (0.0, 1.0),
}
#: Those whose names end in ``@k``.
_AT_K = ("pass", "robust_pass")
_OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_EXPRESSION = re.compile(
    r"(?P<names>(?:.*[:/])?)(?P<metric>\w+)(?:@(?P<k>\w+))?"
    r"(?:\[(?P<scope>[^\]]*)\])?(?P<operator>[<>=!]+)(?P<number>[^<>=]+)"
)
EXAMPLE = "humaneval-pro:pass@1>=0.60"
WORST = "worst"
CLEAN = "clean"


class Rule(StrEnum):
    """What of a metric has to meet the threshold."""

    INTERVAL = "interval"
    POINT = "point"
    LOWER = "lower"
    UPPER = "upper"


class Ruling(StrEnum):
    """What a gate says."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """``[model/][benchmark:]metric[scope] operator number``.

    ``scope`` is an attack, a family, ``worst`` (all attacks) or ``clean.repeat``. The
    metrics are pass@k, and of :class:`~.assessment.Robustness`: robust_pass@k (RP),
    drop and relative_drop (both RD), net_drop, asr (success), flips (RR), broken,
    repaired.
    """

    text: str
    metric: str
    scope: str
    operator: str
    threshold: float
    k: int = 1
    model: str | None = None
    benchmark: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an expression; blanks do not matter, ``60%`` is 0.6.

        :raises UserError: saying what is wrong with it.
        """
        compact = "".join(text.split())
        found = _EXPRESSION.fullmatch(compact)
        if found is None:
            raise UserError(
                f"gate {text!r}: write [model/][benchmark:]metric[scope]>=number, "
                f"say {EXAMPLE}"
            )
        if found["operator"] not in _OPERATORS:
            known = ", ".join(_OPERATORS)
            raise UserError(
                f"gate {text!r}: unknown operator {found['operator']!r}: known: {known}"
            )
        metric, k = _metric(text, found["metric"], found["k"])
        model, benchmark = _names(found["names"])
        scope = found["scope"]
        if scope == "":
            raise UserError(f"gate {text!r}: name an attack or a family in []")
        return cls(
            text=compact,
            metric=metric,
            k=k,
            scope=scope or (CLEAN if metric == "pass" else WORST),
            operator=found["operator"],
            threshold=_threshold(text, metric, found["number"]),
            model=model,
            benchmark=benchmark,
        )

    def applies_to(self, model: str, benchmark: str) -> bool:
        """Whether the gate is about this model on this benchmark."""
        return self.model in (None, model) and self.benchmark in (None, benchmark)

    def named(self, model: str, benchmark: str) -> str:
        """The expression with model and benchmark filled in."""
        condition = _EXPRESSION.fullmatch(self.text)
        assert condition is not None
        return f"{model}/{benchmark}:{self.text[condition.end('names') :]}"

    def is_met(self, value: float) -> bool:
        """Whether a value lies on the right side of the threshold."""
        return bool(_OPERATORS[self.operator](value, self.threshold))

    def rule(self, estimate: Estimate, rule: Rule) -> Ruling:
        """Decide.

        By ``interval`` both ends of the 95 % interval have to lie on one side of the
        threshold. Without what the rule looks at, nothing is decided.
        """
        looked_at = {
            Rule.INTERVAL: (estimate.low, estimate.high),
            Rule.POINT: (estimate.value,),
            Rule.LOWER: (estimate.low,),
            Rule.UPPER: (estimate.high,),
        }[rule]
        met = {value is not None and self.is_met(value) for value in looked_at}
        if None in looked_at or len(met) == 2:
            return Ruling.UNDECIDED
        return Ruling.PASSED if met.pop() else Ruling.FAILED


def more_problems_at_rate(
    rates: Sequence[float], threshold: float, *, z: float = Z95
) -> int | None:
    """How many more problems would decide a gate on pass@k, at the observed rate.

    Wilson's interval around ``p`` of ``n`` trials ends at ``t`` where ``(p - t) ** 2``
    is ``z ** 2 * t * (1 - t) / n`` (Wilson 1927, JASA 22:209-212; the normal
    approximation at the threshold), which gives ``n``. Further problems are taken to
    tell as much as those so far, see :func:`.effective_size`.

    :param rates: pass@k of each problem.
    :returns: ``None`` where the rate is the threshold: then no number would do.
    """
    n = len(rates)
    distance = abs(sum(rates) / n - threshold)
    if distance < 1e-9:
        return None
    needed = (z / distance) ** 2 * threshold * (1 - threshold)
    return max(0, math.ceil(n * needed / effective_size(rates)) - n)


def more_problems(estimate: Estimate, threshold: float) -> int | None:
    """How many more problems would decide a gate on a metric with another interval.

    The distance from the value to an end of its interval falls as ``1 / sqrt(n)``, as
    that of a mean of independent problems does (central limit theorem). With ``h`` for
    that distance on the threshold's side, the end reaches the threshold at
    ``n (h / |value - threshold|) ** 2`` problems. An approximation: bootstrap
    intervals are not symmetric, and those where nothing flipped shrink faster.

    :returns: ``None`` without an interval, or where the value is the threshold: then
        no number would do.
    """
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None:
        return None
    distance = abs(value - threshold)
    if distance < 1e-9:
        return None
    half = value - low if value > threshold else high - value
    return max(0, math.ceil(estimate.n * (half / distance) ** 2) - estimate.n)


def more_samples(
    counts: Sequence[tuple[int, int]], threshold: float, *, z: float = Z95
) -> int | None:
    """How many more samples of each problem would decide a gate on pass@1.

    The variance of the mean of ``n`` problems' pass rates with ``s`` samples each is
    ``(B + W / s) / n``: ``B`` between problems, ``W`` within (the usual components of
    variance, Searle, Casella and McCulloch 1992, section 3.6). More samples shrink the
    second term alone. ``W`` is estimated by the mean of ``c (s - c) / (s (s - 1))``,
    ``B + W / s`` by the variance of the rates; the interval is taken as
    ``z * sqrt(variance)`` to both sides.

    :param counts: samples and solved samples of each problem.
    :returns: ``None`` with fewer than two samples of a problem, or where no number
        would do, because the problems differ too much.
    """
    n = len(counts)
    if n < 2 or min(total for total, _ in counts) < 2:
        return None
    samples = sum(total for total, _ in counts) / n
    rates = [solved / total for total, solved in counts]
    mean = sum(rates) / n
    spread = sum((rate - mean) ** 2 for rate in rates) / (n - 1)
    within = sum(c * (s - c) / (s * (s - 1)) for s, c in counts) / n
    between = max(0.0, spread - within / samples)
    room = n * ((mean - threshold) / z) ** 2 - between
    if room <= 0 or within == 0:
        return None
    return max(0, math.ceil(within / room - samples))


def _metric(text: str, name: str, k: str | None) -> tuple[str, int]:
    if name not in METRICS:
        written = name if k is None else f"{name}@k"
        known = [f"{m}@k" if m in _AT_K else m for m in METRICS]
        try:
            raise UnknownNameError("metric", written, known)
        except UnknownNameError as error:
            raise UserError(f"gate {text!r}: {error}") from None
    if k is None and name in _AT_K:
        raise UserError(f"gate {text!r}: say which k, as in {name}@1")
    if k is not None and (not k.isdecimal() or int(k) < 1):
        raise UserError(f"gate {text!r}: k must be a whole number above 0, not {k!r}")
    return name, int(k or 1)


def _names(text: str) -> tuple[str | None, str | None]:
    """``model/benchmark:``, ``benchmark:`` or ``model/``; labels may hold slashes."""
    if text.endswith("/"):
        return text[:-1] or None, None
    model, _, benchmark = text.removesuffix(":").rpartition("/")
    return model or None, benchmark or None


def _threshold(text: str, metric: str, number: str) -> float:
    try:
        share = number.endswith("%")
        value = float(number.removesuffix("%")) / (100 if share else 1)
    except ValueError:
        raise UserError(f"gate {text!r}: {number!r} is not a number") from None
    least, most = METRICS[metric]
    if not least <= value <= most:
        raise UserError(
            f"gate {text!r}: the threshold is a share from {least:g} to {most:g}, not "
            f"{number}"
            + (f"; did you mean {number}%?" if least <= value / 100 <= most else "")
        )
    return value
