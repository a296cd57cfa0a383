"""Counts and rates of what self-invoking cases fail at; records in, numbers out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_selfinvoke.core.anatomy import Anatomy, Score
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.intervals import Interval, clustered_wilson, wilson
from pytest_selfinvoke.metrics.taxonomy import classify, classify_base

#: What is counted of the calls of the base function; see :class:`AnatomyCounts`.
INVOKED, NOT_INVOKED, UNTRACED = "invoked", "not invoked", "not known"
WITHOUT, INLINED = "solved without invoking", "re-implemented inline"
ARITY, UNREACHED = "wrong arity", "named, not reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Cases by base function (first word) and whole problem (second word)."""

    right_solved: int = 0
    right_unsolved: int = 0
    wrong_solved: int = 0
    wrong_unsolved: int = 0

    @property
    def total(self) -> int:
        """Cases whose base function could be scored."""
        return (
            self.right_solved
            + self.right_unsolved
            + self.wrong_solved
            + self.wrong_unsolved
        )

    @property
    def solved_given_right(self) -> float | None:
        """P(Pro | base): the share that is solved of those with a right base function.

        ``None`` where there are none.
        """
        right = self.right_solved + self.right_unsolved
        return self.right_solved / right if right else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnatomyCounts:
    """What self-invoking cases of one group fail at.

    ``base`` and ``pro`` are pass@1 (means over problems) of the base function and of
    the whole problem, both over the cases whose base function could be scored, so that
    their difference ``gap`` compares like with like; ``None`` without such cases.
    ``unscored`` counts the other cases.

    ``attribution`` counts unsolved cases; ``invocation`` counts cases by what was seen
    of their calls: each is *invoked*, *not invoked* or *not known*, and of these some
    are *solved without invoking*, *re-implemented inline*, of *wrong arity*, or *named,
    not reached* (the syntax tree has a call that no test reached). ``failures`` counts
    classes of :mod:`.taxonomy` of the whole problem, ``base_failures`` of the base
    function.
    """

    cases: int
    unscored: int
    confusion: Confusion
    base: float | None
    base_interval: Interval | None
    pro: float | None
    pro_interval: Interval | None
    given_interval: Interval | None
    attribution: Mapping[str, int] = field(default_factory=dict)
    invocation: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    base_failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """Base pass@1 minus Pro pass@1."""
        if self.base is None or self.pro is None:
            return None
        return self.base - self.pro


@dataclass(slots=True)
class Tally:
    """Takes the records of one group one by one and keeps numbers only."""

    cases: int = 0
    attribution: Counter[str] = field(default_factory=Counter)
    invocation: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    base_failures: Counter[str] = field(default_factory=Counter)
    #: Problem -> cases by (base function right, problem solved).
    scored: dict[str, Counter[tuple[bool, bool]]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Count one record; one without an anatomy adds to ``failures`` only."""
        if (kind := classify(record)) is not None:
            self.failures[kind] += 1
        if record.anatomy is None:
            return
        if (kind := classify_base(record)) is not None:
            self.base_failures[kind] += 1
        self.cases += 1
        anatomy = Anatomy.from_json(record.anatomy)
        self.invocation.update(_calls(anatomy, is_solved=record.solved))
        if anatomy.attribution is not None:
            self.attribution[anatomy.attribution.value] += 1
        if anatomy.base.score is not Score.UNKNOWN:
            pair = (anatomy.base.score is Score.RIGHT, record.solved)
            self.scored.setdefault(str(record.case["problem"]), Counter())[pair] += 1

    def counts(self) -> AnatomyCounts:
        """What was counted so far."""
        pairs = sum(self.scored.values(), Counter[tuple[bool, bool]]())
        confusion = Confusion(
            right_solved=pairs[True, True],
            right_unsolved=pairs[True, False],
            wrong_solved=pairs[False, True],
            wrong_unsolved=pairs[False, False],
        )
        # Not in order of arrival, on which the last digit of a sum depends.
        found = [self.scored[problem] for problem in sorted(self.scored)]
        base = [(c[True, True] + c[True, False]) / c.total() for c in found]
        pro = [(c[True, True] + c[False, True]) / c.total() for c in found]
        given = confusion.solved_given_right
        right = confusion.right_solved + confusion.right_unsolved
        return AnatomyCounts(
            cases=self.cases,
            unscored=self.cases - confusion.total,
            confusion=confusion,
            base=_mean(base),
            base_interval=clustered_wilson(base) if base else None,
            pro=_mean(pro),
            pro_interval=clustered_wilson(pro) if pro else None,
            given_interval=None if given is None else wilson(given, right),
            attribution=dict(self.attribution),
            invocation=dict(self.invocation),
            failures=dict(self.failures),
            base_failures=dict(self.base_failures),
        )


def count(records: Iterable[Record]) -> AnatomyCounts:
    """The counts of a group of records."""
    tally = Tally()
    for record in records:
        tally.add(record)
    return tally.counts()


def _calls(anatomy: Anatomy, *, is_solved: bool) -> list[str]:
    calls = anatomy.invocation
    if calls.invoked is None:
        found = [UNTRACED]
    else:
        found = [INVOKED if calls.invoked else NOT_INVOKED]
    if is_solved and calls.invoked is False:
        found.append(WITHOUT)
    if calls.inlined:
        found.append(INLINED)
    if calls.wrong_arity:
        found.append(ARITY)
    if calls.static and calls.observed is False:
        found.append(UNREACHED)
    return found


def _mean(rates: Sequence[float]) -> float | None:
    return sum(rates) / len(rates) if rates else None
