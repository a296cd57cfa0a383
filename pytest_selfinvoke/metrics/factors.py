"""The factors of a study, and which models of it are compared with which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

#: In the order in which models are made; a later one is compared with an earlier.
ALIGNMENTS = ("base", "sft", "rlhf")
ARCHITECTURES = ("dense", "moe")
#: Parameters count as matched up to this ratio.
MATCHED = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What is known of a model in a study. ``None`` is unknown.

    ``aliases`` are other names of it, by which ``base`` of another may call it.
    """

    model: str
    alignment: str | None = None
    architecture: str | None = None
    family: str | None = None
    base: str | None = None
    total_parameters: int | None = None
    active_parameters: int | None = None
    aliases: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        """Whether both factors are."""
        return self.alignment in ALIGNMENTS and self.architecture in ARCHITECTURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Comparisons: each is a kind, a name, and models with the sign they count with.

    ``notes`` say which there cannot be, and why.
    """

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``terms`` are models with their signs; ``note`` says what it cannot rule out.

    ``kind`` is ``alignment``, ``architecture`` or ``interaction``. ``active`` and
    ``total`` are parameters of the mixture over those of the dense model.
    """

    kind: str
    name: str
    terms: tuple[tuple[int, Factors], ...]
    note: str = ""
    active: float | None = None
    total: float | None = None

    @property
    def matched(self) -> tuple[str, ...]:
        """The kinds of parameters that both architectures have as many of."""
        ratios = {"active": self.active, "total": self.total}
        return tuple(
            kind
            for kind, ratio in ratios.items()
            if ratio is not None and 1 / MATCHED <= ratio <= MATCHED
        )


@dataclass(slots=True)
class _Designer:
    models: Sequence[Factors]
    notes: list[str] = field(default_factory=list)

    def design(self) -> Design:
        pairs = {
            (low, high, architecture): self.pairs(low, high, architecture)
            for low, high in combinations(ALIGNMENTS, 2)
            for architecture in ARCHITECTURES
        }
        alignment = [
            Comparison(
                kind="alignment",
                name=f"{high} against {low}, {architecture}",
                terms=((1, tuned), (-1, base)),
                note=note,
            )
            for (low, high, architecture), found in pairs.items()
            for base, tuned, note in found
        ]
        self.missing()
        return Design(
            comparisons=(
                *alignment,
                *self.architectures(),
                *self.interactions(pairs),
            ),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def missing(self) -> None:
        """Note combinations without a model, of the levels that there are."""
        cells = {(m.alignment, m.architecture) for m in self.models}
        aligned, built = {cell[0] for cell in cells}, {cell[1] for cell in cells}
        for cell in product(ALIGNMENTS, ARCHITECTURES):
            if cell[0] in aligned and cell[1] in built and cell not in cells:
                self.notes.append(f"no model is {cell[0]} and {cell[1]}")

    def pairs(
        self, low: str, high: str, architecture: str
    ) -> list[tuple[Factors, Factors, str]]:
        """Models of an architecture, each with the one it was made from, and a note."""
        return [
            (base, tuned, note)
            for tuned in self.level(high, architecture)
            for base, note in self.bases(tuned, self.level(low, architecture))
        ]

    def bases(
        self, tuned: Factors, among: Sequence[Factors]
    ) -> Iterator[tuple[Factors, str]]:
        line = self.line(tuned)
        if related := [model for model in among if model in line]:
            yield related[0], ""
            return
        if tuned.base is not None:
            if among and not line:
                self.notes.append(f"{tuned.model} was made from {tuned.base}, not here")
            return
        kin = [m for m in among if None not in (m.family, tuned.family)]
        kin = [m for m in kin if m.family == tuned.family]
        strangers = [m for m in among if None in (m.family, tuned.family)]
        if len(found := kin or strangers) == 1:
            note = "" if kin else "not declared to be of one family"
            yield found[0], note
        elif found:
            names = ", ".join(model.model for model in found)
            self.notes.append(
                f"{tuned.model} may come from any of {names}: declare its base"
            )

    def line(self, model: Factors) -> list[Factors]:
        """The models that a model was made from, the nearest first."""
        found: list[Factors] = []
        while model.base is not None:
            names = {model.base}
            above = [m for m in self.models if names & {m.model, *m.aliases}]
            if not above or above[0] in found:
                break
            model = above[0]
            found.append(model)
        return found

    def level(self, alignment: str, architecture: str) -> list[Factors]:
        return [
            model
            for model in self.models
            if (model.alignment, model.architecture) == (alignment, architecture)
        ]

    def architectures(self) -> Iterator[Comparison]:
        for alignment in ALIGNMENTS:
            dense, moe = (self.level(alignment, a) for a in ARCHITECTURES)
            for one, other, note in _by_family(
                [(d, d) for d in dense], [(m, m) for m in moe]
            ):
                yield Comparison(
                    kind="architecture",
                    name=f"moe against dense, {alignment}",
                    terms=((1, other[0]), (-1, one[0])),
                    note=note,
                    active=_ratio(other[0], one[0], "active_parameters"),
                    total=_ratio(other[0], one[0], "total_parameters"),
                )

    def interactions(
        self,
        pairs: Mapping[tuple[str, str, str], Sequence[tuple[Factors, Factors, str]]],
    ) -> Iterator[Comparison]:
        for low, high in combinations(ALIGNMENTS, 2):
            dense, moe = (pairs[low, high, a] for a in ARCHITECTURES)
            notes = {pair[:2]: pair[2] for pair in (*dense, *moe)}
            for one, other, note in _by_family(
                [pair[:2] for pair in dense], [pair[:2] for pair in moe]
            ):
                (base, tuned), (sparse_base, sparse_tuned) = one, other
                reasons = (note, notes[one], notes[other])
                yield Comparison(
                    kind="interaction",
                    name=f"{high} against {low}, moe minus dense",
                    terms=(
                        (1, sparse_tuned),
                        (-1, sparse_base),
                        (-1, tuned),
                        (1, base),
                    ),
                    note=", ".join(dict.fromkeys(r for r in reasons if r)),
                    active=_ratio(sparse_base, base, "active_parameters"),
                    total=_ratio(sparse_base, base, "total_parameters"),
                )


def design(models: Iterable[Factors]) -> Design:
    """All comparisons that these models allow.

    A model is compared with the one that it was made from (``base``, directly or over
    others); where none is declared, with the only one of its family, or the only one
    there is. Architectures are compared within a family where any family has both, else
    across, which a note says. A model with an unknown factor is in no comparison.
    """
    models = tuple(models)
    designer = _Designer([model for model in models if model.is_known])
    for model in models:
        for factor, levels in (
            ("alignment", ALIGNMENTS),
            ("architecture", ARCHITECTURES),
        ):
            if (level := getattr(model, factor)) not in levels:
                designer.notes.append(
                    f"{model.model} is left out: its {factor} is {level or 'unknown'}, "
                    f"declare one of {', '.join(levels)}"
                )
    return designer.design()


def _by_family(
    dense: Sequence[tuple[Factors, Factors]], moe: Sequence[tuple[Factors, Factors]]
) -> list[tuple[tuple[Factors, Factors], tuple[Factors, Factors], str]]:
    every = [(one, other) for one in dense for other in moe]
    kin = [
        (one, other, "")
        for one, other in every
        if one[0].family is not None and one[0].family == other[0].family
    ]
    return kin or [(*both, "families differ, or are not declared") for both in every]


def _ratio(moe: Factors, dense: Factors, name: str) -> float | None:
    above, below = getattr(moe, name), getattr(dense, name)
    return above / below if above and below else None
