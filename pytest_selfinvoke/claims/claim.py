"""Claims as a TOML file states them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from pytest_selfinvoke.core.errors import DataError, UnknownNameError, UserError
from pytest_selfinvoke.core.ids import segment
from pytest_selfinvoke.core.toml import TomlReader, load_toml

#: Column -> the value that rows have to have in it.
Rows: TypeAlias = Mapping[str, str]

#: Kind -> keys it needs, and keys it may have, besides those of every claim.
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "value": (("of", "is"), ("within",)),
    "order": (("of", "above"), ()),
    "difference": (("of", "pairs"), ("above", "below")),
    "interaction": (("of", "against", "pairs"), ("above", "below")),
    "tasks": (("benchmark", "have"), ()),
    "statement": ((), ()),
}
_OF_ALL = ("id", "text", "source", "kind", "from")
SOURCES = ("published", "runs")
#: What every problem of a benchmark can be claimed to have.
PARTS = ("function", "tests", "base function")
#: Half of the last digit of a percentage with one place.
ROUNDING = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement about rows: published cells, or cases of runs.

    Numbers are percent and percentage points.

    :param of: the rows it is about; ``against`` those of the other side of an
        interaction, ``than`` of an order.
    :param pairs: (without, with): values of the column ``model``.
    :param low: lowest effect that the claim allows, ``high`` the highest.
    :param have: what every problem of ``benchmark`` is said to have.
    """

    id: str
    text: str
    kind: str
    where: str = "published"
    source: str = ""
    of: Rows = field(default_factory=dict)
    than: Rows = field(default_factory=dict)
    against: Rows = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    benchmark: str = ""
    have: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsFile:
    """Claims with the files that they are about.

    ``problems`` has the number of problems behind a published figure, by benchmark.
    """

    path: Path
    claims: tuple[Claim, ...]
    published: Path | None = None
    runs: tuple[Path, ...] = ()
    problems: Mapping[str, int] = field(default_factory=dict)


def has_claims(path: Path) -> bool:
    """Whether a TOML file holds claims; ``False`` if it is no TOML."""
    try:
        return "claim" in load_toml(path)
    except DataError:
        return False


def load_claims(path: Path) -> ClaimsFile:
    """Read a file of claims.

    :raises DataError: naming the file, the key and what was expected.
    """
    try:
        return _Reader(path).file(load_toml(path))
    except DataError:
        raise
    except UserError as error:
        raise DataError(path.name, str(error)) from error


class _Reader(TomlReader):
    def file(self, data: dict[str, Any]) -> ClaimsFile:
        self.known(data, ("published", "runs", "problems", "claim"), "")
        published = self.typed(data.get("published", ""), str, "published")
        claims = [
            self.claim(table, f"claim[{number}].")
            for number, table in enumerate(self.tables(data, "claim"), 1)
        ]
        if not claims:
            raise DataError(self.path.name, "holds no [[claim]]")
        ids = [claim.id for claim in claims]
        if doubled := sorted({i for i in ids if ids.count(i) > 1}):
            raise DataError(self.path.name, f"two claims have the id {doubled[0]!r}")
        counts = self.table(data, "problems")
        return ClaimsFile(
            path=self.path,
            claims=tuple(claims),
            published=self.path.parent / published if published else None,
            runs=tuple(
                self.path.parent / run
                for run in self.strings(data.get("runs", []), "runs")
            ),
            problems={
                name: self.typed(count, int, f"problems.{name}")
                for name, count in counts.items()
            },
        )

    def claim(self, table: dict[str, Any], at: str) -> Claim:
        kind = self.text(table, "kind", at)
        if kind not in KINDS:
            raise UnknownNameError("kind of claim", kind, KINDS)
        needed, allowed = KINDS[kind]
        self.known(table, (*_OF_ALL, *needed, *allowed), at)
        for key in needed:
            if key not in table:
                what = f"is missing: a claim of kind {kind} needs it"
                raise DataError(self.path.name, what, field=f"{at}{key}")
        where = self.typed(table.get("from", "published"), str, f"{at}from")
        if where not in SOURCES:
            raise UnknownNameError("source of claims", where, SOURCES)
        low, high = self.range(table, kind, at)
        return Claim(
            id=segment(self.text(table, "id", at)),
            text=self.text(table, "text", at),
            kind=kind,
            where=where,
            source=self.typed(table.get("source", ""), str, f"{at}source"),
            of=self.rows(table, "of", at),
            than=self.rows(table, "above", at) if kind == "order" else {},
            against=self.rows(table, "against", at),
            pairs=self.pairs(table, at),
            low=low,
            high=high,
            benchmark=self.typed(table.get("benchmark", ""), str, f"{at}benchmark"),
            have=self.have(table, at),
        )

    def range(self, table: dict[str, Any], kind: str, at: str) -> tuple[float, float]:
        """The effects that the claim allows."""
        if kind == "value":
            is_ = self.number(table["is"], f"{at}is")
            within = self.number(table.get("within", ROUNDING), f"{at}within")
            return is_ - within, is_ + within
        if kind == "order":
            return 0.0, float("inf")
        if kind in ("difference", "interaction") and not {"above", "below"} & {*table}:
            what = "a number is missing: the claimed effect is above or below it"
            raise DataError(self.path.name, what, field=f"{at}above")
        return (
            self.number(table.get("above", float("-inf")), f"{at}above"),
            self.number(table.get("below", float("inf")), f"{at}below"),
        )

    def rows(self, table: dict[str, Any], key: str, at: str) -> Rows:
        chosen = self.typed(table.get(key, {}), dict, f"{at}{key}")
        return {
            name: self.typed(value, str, f"{at}{key}.{name}")
            for name, value in chosen.items()
        }

    def pairs(self, table: dict[str, Any], at: str) -> tuple[tuple[str, str], ...]:
        found = []
        for pair in self.typed(table.get("pairs", []), list, f"{at}pairs"):
            names = self.strings(pair, f"{at}pairs")
            if len(names) != 2:
                what = f"expected two models, got {list(names)!r}"
                raise DataError(self.path.name, what, field=f"{at}pairs")
            found.append((names[0], names[1]))
        return tuple(found)

    def have(self, table: dict[str, Any], at: str) -> tuple[str, ...]:
        parts = self.strings(table.get("have", []), f"{at}have")
        for part in parts:
            if part not in PARTS:
                raise UnknownNameError("part of a problem", part, PARTS)
        return parts
