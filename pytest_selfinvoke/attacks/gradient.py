"""Family ``gradient``: the prompt's text stays, the model's input embeddings move.

The direction is one in which the reference answer becomes less likely. Nobody can type
such a prompt: these attacks bound what a text could do, and ``noise`` is the control of
equal norm that tells harm by the direction from harm by the distance. Only engines that
have the model's gradients (``hf:``) can do it. Threat model: white-box.
"""

from __future__ import annotations

import random
from dataclasses import replace

from pytest_selfinvoke.attacks.base import NotApplicableError, facts
from pytest_selfinvoke.core.records import Perturbation, Problem

_RANGES = {"epsilon": (0.0, 100.0), "steps": (1, 1000)}


@facts(
    threat="white-box",
    source="FGSM: Goodfellow, Shlens, Szegedy, arXiv 1412.6572, section 4, on input"
    " embeddings",
    ranges=_RANGES,
)
def fgsm(problem: Problem, rng: random.Random, *, epsilon: float = 0.1) -> Problem:
    """Moves every entry of the prompt's embeddings by ``epsilon``, uphill in loss."""
    return _moved(problem, Perturbation(method="fgsm", epsilon=epsilon))


@facts(
    threat="white-box",
    source="PGD: Madry et al., arXiv 1706.06083, section 2.1, on input embeddings",
    ranges=_RANGES,
)
def pgd(
    problem: Problem, rng: random.Random, *, epsilon: float = 0.1, steps: int = 10
) -> Problem:
    """Climbs the loss in steps from a random start, nowhere beyond ``epsilon``."""
    seed = rng.getrandbits(31)
    return _moved(
        problem, Perturbation(method="pgd", epsilon=epsilon, steps=steps, seed=seed)
    )


@facts(
    threat="white-box",
    source="control of `fgsm` and `pgd`: this project",
    ranges=_RANGES,
)
def noise(problem: Problem, rng: random.Random, *, epsilon: float = 0.1) -> Problem:
    """Moves every entry of the embeddings by ``epsilon``, up or down by chance."""
    seed = rng.getrandbits(31)
    return _moved(problem, Perturbation(method="noise", epsilon=epsilon, seed=seed))


def _moved(problem: Problem, perturbation: Perturbation) -> Problem:
    if problem.perturbation is not None:
        raise NotApplicableError("its embeddings are moved already")
    return replace(problem, perturbation=perturbation)
