from __future__ import annotations

import pytest

from pytest_selfinvoke.core.records import CLEAN, Variant
from pytest_selfinvoke.metrics.factors import Factors
from pytest_selfinvoke.metrics.outcomes import CONTROL, Outcomes, Samples
from pytest_selfinvoke.metrics.pairing import Arm, samples_of, terms

A, B = Variant(attack="docstring.a"), Variant(attack="docstring.b")
NAMES = ["docstring.a", "docstring.b"]


def arm(**samples: Samples) -> Arm:
    """One problem: ``clean``, ``a``, ``b`` and ``repeat``."""
    variants = {
        "clean": CLEAN,
        "a": A,
        "b": B,
        "repeat": Variant(attack=CONTROL, seed=0),
    }
    solved = {variants[name]: {"p": found} for name, found in samples.items()}
    factors = Factors(model="m")
    return Arm(factors=factors, style="chat", outcomes=Outcomes(solved=solved))


def test_the_noise_of_sampling_by_hand() -> None:
    half = (True, False)
    [term] = terms(arm(clean=half, a=half), NAMES).values()
    # A rate of 1/2 from two samples has the variance 1/4 / (2 - 1).
    assert term.noise_robust == pytest.approx(0.25)
    assert term.noise_drop == pytest.approx(0.5)
    # Of the product of two: (1/4)^2 - (1/4 - 1/4)^2.
    [term] = terms(arm(clean=(True, True), a=half, b=half), NAMES).values()
    assert term.noise_robust == pytest.approx(1 / 16)
    assert term.noise_drop == pytest.approx(1 / 16)


def test_one_sample_does_not_tell_its_noise() -> None:
    [term] = terms(arm(clean=(True,), a=(False,)), NAMES).values()
    assert term.noise_robust is term.noise_drop is None


def test_the_control_is_subtracted_from_the_drop() -> None:
    made = arm(clean=(True, True), a=(False, False), repeat=(True, False))
    [term] = terms(made, NAMES).values()
    assert term.control == 0.5
    assert term.drop(is_controlled=True) == 0.5
    assert term.drop(is_controlled=False) == 1.0


def test_samples_are_the_fewest_of_a_prompt() -> None:
    assert samples_of(arm(clean=(True, True, None), a=(False, None, None))) == 1
