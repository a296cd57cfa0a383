"""The table that robustness metrics are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self, TypeAlias

from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import CLEAN, Variant

#: One problem under one variant, by sample: solved or not; ``None`` is not judged.
Samples: TypeAlias = tuple[bool | None, ...]

#: The clean prompt once more.
CONTROL = "clean.repeat"
#: How the detail of a case begins that was skipped to keep within the attack budget.
NOT_RUN = "attack budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What came of each variant, problem and sample, for one model on one benchmark.

    What was not judged is in no denominator. A problem with an entry that holds no
    judged sample has no such variant (it does not apply); one without an entry was not
    run, or could not be judged.

    :param solved: variant -> problem -> samples by index.
    :param nominal: attack -> the attack name of the variant that it is compared with;
        ``clean`` for those that are not named.
    """

    solved: Mapping[Variant, Mapping[str, Samples]]
    nominal: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_records(
        cls, records: Iterable[Record], *, nominal: Mapping[str, str] | None = None
    ) -> Self:
        """The table of records of one model on one benchmark.

        Of two records of one case the later one counts, unless it was not judged. A
        skipped case is an entry without a sample: there is no such variant. An error,
        or a case that the budget left out (:data:`NOT_RUN`), is no entry: what would
        have come of it is not known.

        :raises ValueError: if there are several models or benchmarks.
        """
        cells: dict[Variant, dict[str, dict[int, bool]]] = {}
        seen: set[tuple[str, str]] = set()
        for record in records:
            case = record.case
            seen.add((str(case["benchmark"]), str(case["model"])))
            problems = cells.setdefault(
                Variant(attack=case["attack"], seed=case["attack_seed"]), {}
            )
            skipped = record.status is Status.SKIPPED
            if record.judged or (skipped and not record.detail.startswith(NOT_RUN)):
                samples = problems.setdefault(str(case["problem"]), {})
                if record.judged:
                    samples[int(case["sample"])] = record.solved
        if len(seen) > 1:
            raise ValueError(f"outcomes of several models or benchmarks: {seen}")
        return cls(
            solved={
                variant: {problem: _dense(by) for problem, by in found.items()}
                for variant, found in cells.items()
            },
            nominal=nominal or {},
        )

    @property
    def attacks(self) -> tuple[str, ...]:
        """The attacks in order of appearance, without clean and nominal variants."""
        nominal = {CLEAN.attack, *self.nominal.values()}
        names = dict.fromkeys(variant.attack for variant in self.solved)
        return tuple(
            name
            for name in names
            if name not in nominal and Variant(attack=name).family != CLEAN.attack
        )

    @property
    def families(self) -> tuple[str, ...]:
        """The attacks' families in order of appearance."""
        return tuple(
            dict.fromkeys(Variant(attack=name).family for name in self.attacks)
        )

    def variants(self, attacks: Iterable[str]) -> tuple[Variant, ...]:
        """The variants of attacks, by seed."""
        wanted = set(attacks)
        found = [v for v in self.solved if v.attack in wanted]
        return tuple(sorted(found, key=lambda v: (v.attack, v.seed or 0)))

    def nominal_of(self, attacks: Iterable[str]) -> Variant:
        """The variant that attacks are compared with.

        Where they are to be compared with different ones, it is ``clean``.
        """
        names = {self.nominal.get(attack, CLEAN.attack) for attack in attacks}
        return Variant(attack=names.pop()) if len(names) == 1 else CLEAN

    def samples(self, variant: Variant, problem: str) -> Samples:
        """The samples of a problem under a variant; empty if there are none."""
        return self.solved.get(variant, {}).get(problem, ())


def _dense(by_index: Mapping[int, bool]) -> Samples:
    return tuple(by_index.get(i) for i in range(max(by_index, default=-1) + 1))
