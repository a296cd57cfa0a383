"""Two runs, case by case: what got worse or better, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import CLEAN
from pytest_selfinvoke.results.runs import Key, Run, Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A case in both runs. ``reason`` says why it is another one now, if it is."""

    now: Seen
    before: Seen
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every case of two runs, in one of seven lists.

    ``regressions``, ``improvements`` and ``same`` were judged in both runs on the same
    prompt; ``changed`` have another problem or prompt now; ``unjudged`` were judged in
    at most one; ``new`` are in this run only, ``gone`` in the baseline only.
    """

    baseline: str
    regressions: tuple[Pair, ...]
    improvements: tuple[Pair, ...]
    same: tuple[Pair, ...]
    changed: tuple[Pair, ...]
    unjudged: tuple[Pair, ...]
    new: tuple[Seen, ...]
    gone: tuple[Seen, ...]
    notes: tuple[str, ...] = ()

    @property
    def paired(self) -> tuple[Pair, ...]:
        """All that can be compared."""
        return (*self.regressions, *self.improvements, *self.same)


def check_benchmarks(now: Mapping[str, str], before: Run) -> None:
    """Make sure that benchmarks of one name hold the same problems in both runs.

    :raises UserError: naming both.
    """
    for name in sorted(now.keys() & before.benchmarks.keys()):
        if now[name] != before.benchmarks[name]:
            raise UserError(
                f"baseline {before.name}: {name} has other problems there (hash "
                f"{before.benchmarks[name][:12]}) than in this run (hash "
                f"{now[name][:12]}): compare runs of one version"
            )


def check_names(now: Iterable[str], before: Run) -> None:
    """Make sure that the runs have a benchmark in common.

    :raises UserError: naming those of both.
    """
    ours, theirs = set(now), {case.benchmark for case in before.cases}
    if not ours & theirs:
        raise UserError(
            f"baseline {before.name}: a run of {', '.join(sorted(theirs))}, not of "
            f"{', '.join(sorted(ours))}"
        )


def compare_runs(now: Run, before: Run) -> Comparison:
    """Compare each case of this run with the same case of the baseline.

    Models are matched by label; where both runs have one, these two are.

    :raises UserError: if a benchmark or an attack is another one in the two runs, or
        they have no benchmark or no model in common.
    """
    check_names({case.benchmark for case in now.cases}, before)
    check_benchmarks(now.benchmarks, before)
    renamed, notes = _renamed(now, before)
    ours = _by_key(now.cases, {})
    theirs = _by_key(before.cases, renamed)
    both = [Pair(now=ours[key], before=theirs[key]) for key in ours if key in theirs]
    _check_attacks(both, before)
    found: dict[str, list[Pair]] = {}
    for pair in both:
        place, reason = _place(pair)
        one = Pair(now=pair.now, before=pair.before, reason=reason)
        found.setdefault(place, []).append(one)
    places = ("regressions", "improvements", "same", "changed", "unjudged")
    return Comparison(
        baseline=before.name,
        **{place: tuple(found.get(place, ())) for place in places},
        new=tuple(case for key, case in ours.items() if key not in theirs),
        gone=tuple(case for key, case in theirs.items() if key not in ours),
        notes=(*before.notes, *now.notes, *notes),
    )


def _renamed(now: Run, before: Run) -> tuple[dict[str, str], tuple[str, ...]]:
    """Labels of the baseline's models in this run, and what is to be said of that."""
    if set(now.models) & set(before.models):
        return {}, ()
    if len(now.models) == len(before.models) == 1:
        [ours], [theirs] = now.models, before.models
        return {theirs: ours}, (f"{ours} is compared with {theirs} of the baseline",)
    raise UserError(
        f"baseline {before.name}: a run of the models {', '.join(before.models)}, not "
        f"of {', '.join(now.models)}"
    )


def _by_key(cases: Iterable[Seen], renamed: Mapping[str, str]) -> dict[Key, Seen]:
    """By key, in order of keys; of two the later one, unless it was not judged."""
    found: dict[Key, Seen] = {}
    for case in cases:
        key = case.key(renamed.get(case.model, case.model))
        if key not in found or case.solved is not None:
            found[key] = case
    return dict(sorted(found.items(), key=lambda item: (item[1].id, item[0][5])))


def _place(pair: Pair) -> tuple[str, str]:
    now, before = pair.now, pair.before
    for name in ("problem", "template", "prompt"):
        ours, theirs = (getattr(case, f"{name}_hash") for case in (now, before))
        # Without a hash there was no prompt: the case was not judged.
        if ours and theirs and ours != theirs:
            return "changed", name
    if now.solved is None or before.solved is None:
        return "unjudged", ""
    if now.solved == before.solved:
        return "same", ""
    return ("improvements" if now.solved else "regressions"), ""


def _check_attacks(pairs: Iterable[Pair], before: Run) -> None:
    """Refuse an attack of which no prompt is the same on the same problems.

    :raises UserError: naming the hashes of its prompts in both runs.
    """
    prompts: dict[str, list[tuple[str, str]]] = {}
    for pair in pairs:
        now, then = pair.now, pair.before
        same = now.problem_hash == then.problem_hash
        if same and now.template_hash == then.template_hash and now.prompt_hash:
            hashes = (now.prompt_hash, then.prompt_hash)
            if then.prompt_hash and now.family != CLEAN.attack:
                prompts.setdefault(now.attack, []).append(hashes)
    for attack, found in prompts.items():
        if all(ours != theirs for ours, theirs in found):
            here = content_hash([ours for ours, _ in found])[:12]
            there = content_hash([theirs for _, theirs in found])[:12]
            raise UserError(
                f"baseline {before.name}: attack {attack} makes other prompts there "
                f"(hash {there}) than in this run (hash {here}): compare runs of one "
                "version and --seed"
            )
