from __future__ import annotations

from math import log

import pytest

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.factors import Factors
from pytest_selfinvoke.metrics.logistic import Logistic, logistic
from pytest_selfinvoke.metrics.outcomes import CONTROL, Outcomes, Samples
from pytest_selfinvoke.metrics.pairing import Arm

pytest.importorskip("statsmodels")
N = 20
A, REPEAT = Variant(attack="docstring.a", seed=0), Variant(attack=CONTROL, seed=0)


def column(solved: int) -> dict[str, Samples]:
    return {f"p{i:02d}": (i < solved,) for i in range(N)}


def arm(clean: int, attacked: int, repeat: int | None = None) -> Arm:
    solved = {CLEAN: column(clean), A: column(attacked)}
    if repeat is not None:
        solved[REPEAT] = column(repeat)
    factors = Factors(model="m")
    return Arm(factors=factors, style="chat", outcomes=Outcomes(solved=solved))


def odds(solved: int, of: int = N) -> float:
    return log(solved / (of - solved))


def fit(*arms: Arm) -> Logistic:
    return logistic(arms, ["docstring.a"])


def test_the_saturated_model_is_the_difference_of_log_odds() -> None:
    # moe aligned, moe base, dense aligned, dense base: the order of the terms.
    found = fit(arm(16, 6), arm(15, 12), arm(17, 10), arm(14, 11))
    effects = [odds(6) - odds(16), odds(12) - odds(15)]
    effects += [odds(10) - odds(17), odds(11) - odds(14)]
    expected = effects[0] - effects[1] - effects[2] + effects[3]
    assert found.estimate.value == pytest.approx(expected, abs=1e-6)
    low, high = found.estimate.low, found.estimate.high
    assert low is not None
    assert high is not None
    assert low < expected < high
    assert found.p is not None
    assert (found.estimate.n, found.reason) == (N, "")


def test_two_models_and_their_repetitions() -> None:
    found = fit(arm(16, 6, repeat=14), arm(15, 12, repeat=15))
    expected = odds(6) - odds(30, 40) - odds(12) + odds(30, 40)
    assert found.estimate.value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("arms", "reason"),
    [
        ([arm(16, 0), arm(15, 12)], "all wrong"),
        ([arm(20, 6), arm(15, 12)], "all answers of a model are right"),
    ],
)
def test_odds_without_end_are_not_fitted(arms: list[Arm], reason: str) -> None:
    found = fit(*arms)
    assert found.estimate.value is None
    assert reason in found.reason
