from __future__ import annotations

from math import sqrt

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.metrics.estimate import Bootstrap, Estimate
from pytest_selfinvoke.metrics.gates import (
    METRICS,
    Gate,
    Rule,
    Ruling,
    more_problems,
    more_problems_at_rate,
    more_samples,
)
from pytest_selfinvoke.metrics.intervals import clustered_wilson, wilson


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("humaneval-pro:pass@1>=0.60", (None, "humaneval-pro", "pass", 1, "clean", ">=", 0.6)),
        ("robust_pass@1[docstring]>=0.45", (None, None, "robust_pass", 1, "docstring", ">=", 0.45)),
        ("drop[worst]<=0.15", (None, None, "drop", 1, "worst", "<=", 0.15)),
        ("mymodel/humaneval-pro:pass@1>=.6", ("mymodel", "humaneval-pro", "pass", 1, "clean", ">=", 0.6)),
        ("org/model/mbpp:asr<15%", ("org/model", "mbpp", "asr", 1, "worst", "<", 0.15)),
        ("m/pass@10 > 1e-1", ("m", None, "pass", 10, "clean", ">", 0.1)),
        ("flips[clean.repeat]<=0", (None, None, "flips", 1, "clean.repeat", "<=", 0.0)),
        ("drop[x.y@rate=0.2]<=.1", (None, None, "drop", 1, "x.y@rate=0.2", "<=", 0.1)),
        ("pass@1[my/attack]>=.1", (None, None, "pass", 1, "my/attack", ">=", 0.1)),
        ("drop >= -5 %", (None, None, "drop", 1, "worst", ">=", -0.05)),
    ],
)  # fmt: skip
def test_expressions(text: str, parts: tuple[object, ...]) -> None:
    gate = Gate.parse(text)
    found = (gate.model, gate.benchmark, gate.metric, gate.k)
    assert (*found, gate.scope, gate.operator, gate.threshold) == parts
    assert Gate.parse(gate.text) == gate


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pas@1>=.5", "unknown metric 'pas@k': did you mean 'pass@k'?"),
        ("dropp<=.1", "unknown metric 'dropp': did you mean 'drop'?"),
        ("pass>=.4", "say which k, as in pass@1"),
        ("pass@0>=.1", "k must be a whole number above 0"),
        ("pass@x>=.1", "k must be a whole number above 0"),
        ("pass@1=.5", "unknown operator '='"),
        ("pass@1>=60", "did you mean 60%?"),
        ("pass@1>=nan", "a share from 0 to 1"),
        ("pass@1>=-0.1", "a share from 0 to 1"),
        ("pass@1>=abc", "'abc' is not a number"),
        ("drop[]<=.1", "name an attack or a family in []"),
        ("pass@1>=", "write [model/][benchmark:]metric[scope]>=number"),
        ("", "write [model/][benchmark:]metric[scope]>=number"),
    ],
)
def test_mistakes_are_named(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        Gate.parse(text)
    assert str(caught.value).startswith(f"gate {text!r}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_named(metric: str) -> None:
    suffix = "@1" if metric in ("pass", "robust_pass") else ""
    assert Gate.parse(f"{metric}{suffix}<=0.1").metric == metric


def test_a_gate_applies_to_what_it_names() -> None:
    everywhere, there = Gate.parse("pass@1>=.5"), Gate.parse("m/b:pass@1>=.5")
    assert everywhere.applies_to("x", "y")
    assert there.applies_to("m", "b")
    assert not there.applies_to("m", "other")
    assert not there.applies_to("other", "b")
    assert everywhere.named("m", "b") == there.named("m", "b") == "m/b:pass@1>=.5"


BELOW = Estimate(value=0.3, low=0.2, high=0.4, n=50)
ACROSS = Estimate(value=0.55, low=0.4, high=0.7, n=50)
ABOVE = Estimate(value=0.7, low=0.6, high=0.8, n=50)


@pytest.mark.parametrize(
    ("rule", "rulings"),
    [
        ("interval", ("failed", "undecided", "passed")),
        ("point", ("failed", "passed", "passed")),
        ("lower", ("failed", "failed", "passed")),
        ("upper", ("failed", "passed", "passed")),
    ],
)
def test_rules(rule: str, rulings: tuple[str, ...]) -> None:
    gate, opposite = Gate.parse("pass@1>=.5"), Gate.parse("pass@1<.5")
    swap = {"passed": "failed", "failed": "passed", "undecided": "undecided"}
    for estimate, ruling in zip((BELOW, ACROSS, ABOVE), rulings, strict=True):
        assert gate.rule(estimate, Rule(rule)).value == ruling
        assert opposite.rule(estimate, Rule(rule)).value == swap[ruling]


def test_the_threshold_itself() -> None:
    at = Estimate(value=0.7, low=0.5, high=0.8, n=50)
    assert Gate.parse("pass@1>=.5").rule(at, Rule.INTERVAL) is Ruling.PASSED
    assert Gate.parse("pass@1>.5").rule(at, Rule.INTERVAL) is Ruling.UNDECIDED


def test_without_an_interval_only_the_value_can_decide() -> None:
    few, gate = Estimate(value=0.9, n=3), Gate.parse("pass@1>=.5")
    assert gate.rule(few, Rule.POINT) is Ruling.PASSED
    nothing = Estimate(value=None)
    for rule in (Rule.INTERVAL, Rule.LOWER, Rule.UPPER):
        assert gate.rule(few, rule) is Ruling.UNDECIDED
    assert gate.rule(nothing, Rule.POINT) is Ruling.UNDECIDED


@pytest.mark.parametrize(("rate", "threshold"), [(0.6, 0.55), (0.6, 0.65), (0.3, 0.2)])
def test_as_many_more_problems_do_decide(rate: float, threshold: float) -> None:
    n = 50
    interval = wilson(rate, n)
    estimate = Estimate(value=rate, low=interval.low, high=interval.high, n=n)
    more = more_problems(estimate, threshold)
    assert more is not None
    # An approximation: a fifth more do, a fifth less do not.
    enough, short = wilson(rate, 1.2 * (n + more)), wilson(rate, 0.8 * (n + more))
    assert not enough.low <= threshold <= enough.high
    assert short.low <= threshold <= short.high


@pytest.mark.parametrize(
    ("solved", "threshold"), [(30, 0.55), (30, 0.65), (50, 0.95), (1, 0.05)]
)
def test_as_many_more_problems_do_decide_exactly(solved: int, threshold: float) -> None:
    rates = [1.0] * solved + [0.0] * (50 - solved)
    more = more_problems_at_rate(rates, threshold)
    assert more is not None
    enough, short = (wilson(solved / 50, 50 + n) for n in (more, more - 1))
    assert not enough.low <= threshold <= enough.high
    assert short.low <= threshold <= short.high


def test_more_problems_with_several_samples_tell_more_each() -> None:
    one = more_problems_at_rate([1.0, 0.0] * 25, 0.45)
    several = more_problems_at_rate([0.75, 0.25] * 25, 0.45)
    assert one is not None
    assert several is not None
    assert 4 * (50 + several) == pytest.approx(50 + one, abs=4)
    assert more_problems_at_rate([1.0, 0.0], 0.5) is None


def test_no_number_of_problems_decides_at_the_threshold() -> None:
    assert more_problems(ACROSS, 0.55) is None
    assert more_problems(Estimate(value=0.5, n=4), 0.6) is None
    assert more_problems(ABOVE, 0.5) == 0


def test_as_many_more_samples_do_decide() -> None:
    # Equally hard problems, four samples each, spread as a binomial is.
    counts = [(4, c) for c in (0, *4 * [1], *6 * [2], *4 * [3], 4)] * 3
    interval = clustered_wilson([c / n for n, c in counts])
    assert interval.low < 0.45
    more = more_samples(counts, 0.45)
    assert more is not None
    assert more > 0
    s = 4 + more
    assert 1.96 * sqrt(0.25 / (48 * s)) == pytest.approx(0.05, rel=0.06)


def test_samples_do_not_help_where_problems_differ_or_there_is_one_each() -> None:
    assert more_samples([(4, 0), (4, 4)] * 20, 0.45) is None
    assert more_samples([(1, 0), (1, 1)] * 20, 0.45) is None
    assert more_samples([(4, 2)], 0.45) is None


def test_an_estimate_of_the_bootstrap_can_be_ruled_on() -> None:
    estimate = Bootstrap().mean([1.0] * 30 + [0.0] * 10)
    assert Gate.parse("pass@1>=.5").rule(estimate, Rule.INTERVAL) is Ruling.PASSED
