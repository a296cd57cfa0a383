"""Robust Pass, Robust Drop and Robust Relative at k, problem by problem.

ReCode (Wang et al., arXiv 2212.10264, "Evaluation Metrics") defines for ``s`` variants
and ``n`` samples, with ``est(n, c, k) = 1 - C(n - c, k) / C(n, k)``:

- ``RP_s@k``: mean over problems of ``est(n, rc, k)``, where ``rc`` counts the samples
  that are right under all ``s`` variants;
- ``RD_s@k = (pass@k - RP_s@k) / pass@k``, with pass@k of the nominal prompt;
- ``RR_s@k``: mean over problems of ``est(n, rc-, k) + est(n, rc+, k)``, where ``rc-``
  and ``rc+`` count the samples that change in the worst, and in the best case.

Mode ``recode`` is its code (``run_robust.py``, ``report_results_coarse``): sample ``i``
of the nominal prompt and sample ``i`` of each variant are a pair. ``rc-`` counts the
``i`` whose worst variant differs from nominal, ``rc+`` of the other ``i`` those whose
best variant does. With ``k > 1`` the two are not exclusive, so that RR may exceed 1.
One thing is corrected: with several transformations and sampling, ReCode merges their
best cases by ``and`` where its greedy branch has ``or``, which hides samples that only
one of them turns right.

Mode ``independent`` does without the pairing, which is arbitrary for samples that were
drawn independently. With ``q0`` and ``q_v`` for the unbiased pass@k of the nominal
prompt and of variant ``v``:

- ``RP``: ``prod q_v``, the chance that under every variant at least one of ``k``
  samples is right;
- broken: ``q0 * (1 - prod q_v)``; repaired: ``(1 - q0) * (1 - prod (1 - q_v))``;
- ``RR``: their sum, the chance that a variant differs from nominal; never above 1.

Products of unbiased estimates from independent samples are unbiased. With one sample
(greedy decoding) both modes are the same numbers.

In both modes a variant that was not judged is left out of its problem, and a problem
is left out if nominal, or all variants, were judged on fewer than ``k`` samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.metrics.outcomes import Outcomes, Samples
from pytest_selfinvoke.metrics.passk import pass_at_k

MODES = ("independent", "recode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The metrics of one problem, each the term that it adds to its mean.

    ``nominal`` is pass@k of the nominal prompt, ``robust`` the term of RP, ``relative``
    that of RR. ``broken`` and ``repaired`` are the flips from right to wrong (under
    some variant) and back; with ``k = 1`` they add up to ``relative``. ``variants`` is
    ``s``.
    """

    problem: str
    nominal: float
    robust: float
    relative: float
    broken: float
    repaired: float
    variants: int


def scores(
    outcomes: Outcomes,
    nominal: Variant,
    variants: Sequence[Variant],
    *,
    k: int = 1,
    mode: str = "independent",
) -> tuple[Score, ...]:
    """The scores of all problems that were judged, in order of their ids.

    :raises ValueError: if there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: choose from {', '.join(MODES)}")
    score = _paired if mode == "recode" else _independent
    found = []
    for problem in sorted(outcomes.solved.get(nominal, {})):
        before = outcomes.samples(nominal, problem)
        under = [outcomes.samples(variant, problem) for variant in variants]
        under = [samples for samples in under if _judged(samples) >= k]
        if under and _judged(before) >= k:
            one = score(problem, before, under, k)
            if one is not None:
                found.append(one)
    return tuple(found)


def rate(samples: Samples, k: int = 1) -> float:
    """Unbiased pass@k of the samples that were judged.

    :raises ValueError: if they are fewer than ``k``.
    """
    return pass_at_k(_judged(samples), sum(1 for s in samples if s), k)


def _judged(samples: Samples) -> int:
    return sum(1 for sample in samples if sample is not None)


def _independent(
    problem: str, before: Samples, under: Sequence[Samples], k: int
) -> Score:
    nominal = rate(before, k)
    rates = [rate(samples, k) for samples in under]
    robust = prod(rates)
    hopeless = prod(1 - r for r in rates)
    broken, repaired = nominal * (1 - robust), (1 - nominal) * (1 - hopeless)
    return Score(
        problem=problem,
        nominal=nominal,
        robust=robust,
        relative=broken + repaired,
        broken=broken,
        repaired=repaired,
        variants=len(rates),
    )


def _paired(
    problem: str, before: Samples, under: Sequence[Samples], k: int
) -> Score | None:
    """ReCode's reading; ``None`` with fewer than ``k`` complete sample indices."""
    n = right = survived = broken = repaired = differs = 0
    for nominal, *after in zip(before, *under, strict=False):
        if nominal is None or None in after:
            continue
        worst, best = all(after), any(after)
        n += 1
        right += nominal
        survived += worst
        broken += nominal and not worst
        repaired += best and not nominal
        differs += worst != nominal
    if n < k:
        return None
    # Of the flips, ReCode counts apart those that the worst variant does not show.
    others = broken + repaired - differs
    return Score(
        problem=problem,
        nominal=pass_at_k(n, right, k),
        robust=pass_at_k(n, survived, k),
        relative=pass_at_k(n, differs, k) + pass_at_k(n, others, k),
        broken=pass_at_k(n, broken, k),
        repaired=pass_at_k(n, repaired, k),
        variants=len(under),
    )
