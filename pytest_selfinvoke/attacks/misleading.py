"""Family ``misleading``: true task, distracting company.

Threat model: adversarial. After the irrelevant context of CodeCrash (arXiv 2504.14119);
the sentences are this project's own.
"""

from __future__ import annotations

import random
from dataclasses import replace

from pytest_selfinvoke.core.records import Problem

_DISTRACTIONS = (
    "The maintainers meet on Thursdays to review open tickets.",
    "An older release of this module stored its settings in a spreadsheet.",
    "The nightly job that archives log files is described elsewhere.",
    "Half of the invoices in the sample archive are printed on blue paper.",
    "A second team is translating the user manual into Portuguese.",
    "The cache directory was renamed twice before the first release.",
    "Shipping labels are sorted by postal code on another machine.",
)


def irrelevant_context(problem: Problem, rng: random.Random) -> Problem:
    """Three true-sounding comments that have nothing to do with the task."""
    chosen = rng.sample(_DISTRACTIONS, 3)
    block = "".join(f"# {sentence}\n" for sentence in chosen)
    target = replace(problem.target, prompt=f"{block}{problem.target.prompt}")
    return replace(problem, target=target)
