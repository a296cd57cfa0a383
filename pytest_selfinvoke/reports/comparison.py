"""A run against its baseline: how much solved rates differ, and the cases that do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.metrics.estimate import Bootstrap, Estimate
from pytest_selfinvoke.metrics.significance import Paired, mcnemar_exact
from pytest_selfinvoke.results.compare import Comparison, Pair

#: A loss is significant below this.
LEVEL = 0.05
#: Cases that are listed without ``-v``.
_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One model on one benchmark: all its cases, or those of one family.

    ``before`` and ``now`` are means over problems of the share of cases solved,
    ``change`` is their difference with a bootstrap interval over problems. ``paired``
    counts problems with fewer, and with more, cases solved than in the baseline: with
    one case per problem its p-value is McNemar's exact one, else that of a sign test.
    """

    model: str
    benchmark: str
    family: str | None
    before: float
    now: float
    change: Estimate
    paired: Paired

    @property
    def is_loss(self) -> bool:
        """Whether there is a loss that chance does not explain."""
        return self.paired.worse > self.paired.better and self.paired.p < LEVEL


def differences(comparison: Comparison, *, seed: int = 0) -> tuple[Difference, ...]:
    """Per model and benchmark: all cases first, then each family if several."""
    bootstrap = Bootstrap(seed=seed)
    found = []
    for (model, benchmark), pairs in _grouped(
        comparison.paired, lambda pair: (pair.now.model, pair.now.benchmark)
    ):
        families = _grouped(pairs, lambda pair: (pair.now.family,))
        groups: list[tuple[str | None, list[Pair]]] = [(None, pairs)]
        if len(families) > 1:
            groups += [(name, members) for (name,), members in families]
        for family, members in groups:
            found.append(_difference(model, benchmark, family, members, bootstrap))
    return tuple(found)


def decisive(found: Iterable[Difference]) -> list[Difference]:
    """Those that may fail a run: of all cases of a model and benchmark."""
    return [one for one in found if one.family is None]


def is_loss(found: Iterable[Difference]) -> bool:
    """Whether a run fails by them: a significant loss, or nothing to compare."""
    deciding = decisive(found)
    return not deciding or any(one.is_loss for one in deciding)


def comparison_lines(
    comparison: Comparison, found: Sequence[Difference], *, verbose: bool = False
) -> Iterator[str]:
    """What people read, at most 80 characters wide but for ids."""
    yield f"compared with {comparison.baseline}, solved in % of the same cases"
    yield from (f"note: {note}" for note in comparison.notes)
    for number, one in enumerate(found):
        if one.family is None:
            yield f"{one.model} on {one.benchmark}"
        if number == 0:
            yield (
                f"  {'':<17} {'problems':>8} {'before':>6} {'now':>6}"
                f" {'change [95 % interval]':>23} {'-/+':>7} {'p':>5}"
            )
        yield _row(one)
    if not found:
        yield "no case was judged in both runs on the same prompt"
    yield from _listed("regressions", comparison.regressions, verbose)
    yield from _listed("improvements", comparison.improvements, verbose)
    counts = {
        "new": len(comparison.new),
        "gone": len(comparison.gone),
        "not judged in both": len(comparison.unjudged),
        **{
            f"with another {reason}": len(pairs)
            for (reason,), pairs in _grouped(
                comparison.changed, lambda pair: (pair.reason,)
            )
        },
    }
    others = [f"{count} {what}" for what, count in counts.items() if count]
    if others:
        yield f"not compared: {', '.join(others)}"


def _difference(
    model: str,
    benchmark: str,
    family: str | None,
    pairs: Iterable[Pair],
    bootstrap: Bootstrap,
) -> Difference:
    before, now, gains = [], [], []
    for _, members in _grouped(pairs, lambda pair: (pair.now.problem,)):
        solved = sum(bool(pair.before.solved) for pair in members)
        gains.append(sum(bool(pair.now.solved) for pair in members) - solved)
        before.append(solved / len(members))
        now.append(before[-1] + gains[-1] / len(members))
    n = len(gains)
    worse, better = sum(g < 0 for g in gains), sum(g > 0 for g in gains)
    change = [after - earlier for after, earlier in zip(now, before, strict=True)]
    return Difference(
        model=model,
        benchmark=benchmark,
        family=family,
        before=sum(before) / n,
        now=sum(now) / n,
        change=bootstrap.mean(change, bounds=(-1.0, 1.0)),
        paired=Paired(worse=worse, better=better, n=n, p=mcnemar_exact(worse, better)),
    )


def _grouped(
    pairs: Iterable[Pair], key: Callable[[Pair], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Pair]]]:
    groups: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(key(pair), []).append(pair)
    return sorted(groups.items(), key=lambda group: group[0])


def _row(one: Difference) -> str:
    name = "all cases" if one.family is None else one.family
    change = "-"
    if one.change.value is not None:
        change = f"{100 * one.change.value:+.1f}"
        if one.change.low is None or one.change.high is None:
            change += f" (too few: {one.change.n})"
        else:
            change += f" [{100 * one.change.low:+.1f}, {100 * one.change.high:+.1f}]"
    flips = f"{one.paired.worse}/{one.paired.better}"
    return (
        f"  {name[:17]:<17} {one.paired.n:>8} {100 * one.before:>6.1f}"
        f" {100 * one.now:>6.1f} {change:>23} {flips:>7} {one.paired.p:>5.3f}"
    )


def _listed(title: str, pairs: Sequence[Pair], verbose: bool) -> Iterator[str]:
    if not pairs:
        return
    yield f"{title}: {len(pairs)}"
    shown = pairs if verbose else pairs[:_LISTED]
    for pair in shown:
        yield f"  {pair.now.id}  {pair.before.kind} -> {pair.now.kind}"
    if len(shown) < len(pairs):
        yield f"  ... {len(pairs) - len(shown)} more, with -v"
