from __future__ import annotations

from dataclasses import replace
from math import ceil, sqrt

import pytest

from pytest_selfinvoke.metrics.effects import REACH, effect
from pytest_selfinvoke.metrics.estimate import Bootstrap

#: Mean 0.1, variance 0.99 * 100 / 99 = 1.
VALUES = [1.0] * 55 + [-1.0] * 45


def test_an_effect_by_hand() -> None:
    found = effect(VALUES, Bootstrap())
    assert found.estimate.value == pytest.approx(0.1)
    assert found.spread == pytest.approx(1)
    # 0.1 +- 1.984 * 0.1
    assert found.estimate.low == pytest.approx(-0.1, abs=0.03)
    assert found.estimate.high == pytest.approx(0.3, abs=0.03)
    assert not found.is_decided
    assert found.p == pytest.approx(0.3198, abs=1e-3)
    assert found.detectable == pytest.approx(REACH / 10)
    assert found.problems_for(0.03) == ceil(REACH**2 / 0.03**2)


def test_the_detectable_effect_is_what_so_many_problems_decide() -> None:
    found = effect(VALUES, Bootstrap())
    assert found.detectable is not None
    assert found.problems_for(found.detectable) in (100, 101)


def test_a_large_effect_is_decided() -> None:
    assert effect([1.0] * 80 + [-1.0] * 20, Bootstrap()).is_decided
    assert effect([-1.0] * 80 + [1.0] * 20, Bootstrap()).is_decided


@pytest.mark.parametrize(("differing", "decided"), [(5, False), (6, True)])
def test_few_problems_that_differ_decide_nothing(differing: int, decided: bool) -> None:
    found = effect([1.0] * differing + [0.0] * 20, Bootstrap())
    assert found.excludes_zero
    assert found.differing == differing
    assert found.is_decided is decided


def test_samples_help_as_far_as_they_are_the_noise() -> None:
    found = effect(VALUES, Bootstrap(), noise=0.75, samples=2)
    # 0.25 between problems and 1.5 for one sample: (0.25 + 1.5 / m) / 100 decides.
    share = REACH * sqrt((0.25 + 1.5 / 6) / 100)
    assert found.samples_for(share) == 6
    assert found.samples_for(REACH * sqrt(0.25 / 100)) is None
    assert replace(found, noise=None).samples_for(share) is None


def test_problems_that_all_agree_do_not_make_an_interval_of_no_width() -> None:
    found = effect([0.0] * 20, Bootstrap())
    assert found.estimate.low is not None
    assert found.estimate.low < -0.1
    assert (found.p, found.detectable, found.problems_for(0.03)) == (1.0, None, None)
    assert effect([2.0] * 20, Bootstrap(), bound=2.0).estimate.high == 2.0


def test_too_few_problems() -> None:
    found = effect([0.0, 1.0], Bootstrap())
    assert (found.estimate.value, found.estimate.low, found.p) == (0.5, None, None)
    assert effect([], Bootstrap()).estimate.value is None
