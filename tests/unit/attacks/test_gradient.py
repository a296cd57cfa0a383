from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, apply, facts_of
from pytest_selfinvoke.attacks.presets import expand
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Perturbation, Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from tests.unit.attacks.samples import PLAIN

REGISTRY: Registry[Attack] = Registry("attack", BUILTIN)


def attacked(name: str, seed: int = 0) -> Problem:
    [name] = expand([name], REGISTRY)
    variant = Variant(attack=name, seed=seed)
    return apply(REGISTRY.get(name), PLAIN, variant, seed=0)


def wanted(name: str, seed: int = 0) -> Perturbation:
    found = attacked(name, seed).perturbation
    assert found is not None
    return found


@pytest.mark.parametrize("method", ["fgsm", "pgd", "noise"])
def test_the_text_stays_and_the_embeddings_are_to_move(method: str) -> None:
    problem = attacked(f"gradient.{method}")
    assert problem.prompt == PLAIN.prompt
    assert problem.perturbation is not None
    assert problem.perturbation.method == method
    assert problem.hash != PLAIN.hash
    assert replace(problem, perturbation=None) == PLAIN
    assert facts_of(REGISTRY.get(f"gradient.{method}")).threat == "white-box"


def test_parameters_are_the_budget() -> None:
    found = wanted("gradient.pgd@epsilon=0.3@steps=4")
    assert (found.epsilon, found.steps) == (0.3, 4)
    with pytest.raises(UserError, match="steps must be 1 to 1000"):
        expand(["gradient.pgd@steps=0"], REGISTRY)


def test_only_what_draws_has_seeds() -> None:
    seeded = {
        name: facts_of(REGISTRY.get(f"gradient.{name}")).seeded
        for name in ("fgsm", "pgd", "noise")
    }
    assert seeded == {"fgsm": False, "pgd": True, "noise": True}
    assert wanted("gradient.pgd") == wanted("gradient.pgd")
    assert wanted("gradient.pgd") != wanted("gradient.pgd", seed=1)
    assert wanted("gradient.noise") != wanted("gradient.noise", seed=1)


@pytest.mark.parametrize(
    "name",
    [
        "gradient.fgsm+docstring.butter_fingers",
        "docstring.butter_fingers+gradient.fgsm",
    ],
)
def test_it_can_stand_in_a_row_with_a_text(name: str) -> None:
    problem = attacked(name)
    assert problem.prompt != PLAIN.prompt
    assert problem.perturbation is not None


def test_embeddings_move_once() -> None:
    with pytest.raises(NotApplicableError, match="moved already"):
        attacked("gradient.fgsm+gradient.noise")


def test_all_attacks_are_all_texts() -> None:
    assert not [n for n in expand(["all"], REGISTRY) if n.startswith("gradient.")]
    assert len(expand(["gradient"], REGISTRY)) == 3


def test_problems_that_are_not_perturbed_keep_their_hash() -> None:
    # Quarantine lists, stores and published figures know problems by it.
    assert PLAIN.hash[:16] == "b2243e0ae4a7b621"
