"""Files of claims: every claim is an item that passes, fails or is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.claims.claim import Claim, ClaimsFile, has_claims, load_claims
from pytest_selfinvoke.claims.deciding import Decision, decide
from pytest_selfinvoke.claims.evidence import Evidence, PublishedFigures, RunFigures
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.metrics.claims import ClaimVerdict
from pytest_selfinvoke.plugin.stash import RUNTIME
from pytest_selfinvoke.reports.case import fields
from pytest_selfinvoke.results.published import read_published
from pytest_selfinvoke.results.runs import read_run
from pytest_selfinvoke.suite import SUFFIX as SUITE

SUFFIX = ".claims.toml"


class RefutedError(AssertionError):
    """The data refute a claim."""


class ClaimsCollector(pytest.File):
    """A ``*.claims.toml`` file, or a TOML file of claims that was named."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item per claim."""
        try:
            self.file = load_claims(self.path)
        except UserError as error:
            raise self.CollectError(str(error)) from error
        self._evidence: dict[str, Evidence | None] = {}
        for claim in self.file.claims:
            yield ClaimItem.from_parent(self, name=claim.id, claim=claim)

    def evidence(self, where: str) -> Evidence | None:
        """What was published, or the runs; read once. ``None`` if none was named.

        :raises UserError: if a file cannot be read.
        """
        if where not in self._evidence:
            self._evidence[where] = self._read(where)
        return self._evidence[where]

    def _read(self, where: str) -> Evidence | None:
        file: ClaimsFile = self.file
        if where == "runs":
            return RunFigures(map(read_run, file.runs)) if file.runs else None
        path = self.config.stash[RUNTIME].settings.published or file.published
        if path is None:
            return None
        return PublishedFigures(cells=read_published(path), problems=file.problems)


class ClaimItem(pytest.Item):
    """One claim: supported passes, refuted fails, all else is skipped."""

    def __init__(self, *, claim: Claim, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim = claim

    def setup(self) -> None:
        """Decide the claim; what cannot be read is an error, and ends here."""
        assert isinstance(self.parent, ClaimsCollector)
        problems = self.config.stash[RUNTIME].named_problems()
        try:
            evidence = self.parent.evidence(self.claim.where)
            self.decision = decide(self.claim, evidence, problems)
        except UserError as error:
            pytest.fail(f"claim {self.claim.id}: {error}", pytrace=False)
        self.user_properties[:] = fields(_facts(self.decision))
        if self.decision.verdict in (ClaimVerdict.UNDECIDED, ClaimVerdict.NO_DATA):
            pytest.skip(self._reason(self.decision))

    def runtest(self) -> None:
        """Fail if the data refute the claim."""
        if self.decision.verdict is ClaimVerdict.REFUTED:
            lines = (
                self.claim.text,
                *([f"said in {self.claim.source}"] if self.claim.source else []),
                self.decision.reason,
                *(f"  {row}" for row in self.decision.rows),
            )
            raise RefutedError("\n".join(lines))

    @staticmethod
    def _reason(decision: Decision) -> str:
        is_said = decision.reason.startswith(decision.verdict.value)
        return decision.reason if is_said else f"no data: {decision.reason}"

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        """The claim, its effect and the rows in place of a traceback."""
        if isinstance(excinfo.value, RefutedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style=style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the item stands, for headings."""
        return self.path, None, f"claim {self.nodeid}"


def _facts(decision: Decision) -> dict[str, object]:
    effect = decision.effect
    facts: dict[str, object] = {
        "claim": decision.claim.text,
        "claim_verdict": decision.verdict.value,
        "rows": "; ".join(decision.rows) or None,
    }
    if effect is not None:
        facts |= {
            "effect": f"{effect.value:.4g}",
            "low": None if effect.low is None else f"{effect.low:.4g}",
            "high": None if effect.high is None else f"{effect.high:.4g}",
            "n": f"{effect.n} {effect.unit}",
        }
    return facts


def is_claims_file(path: Path, *, is_named: bool) -> bool:
    """Whether a file is collected: by its name, or by what a named file holds."""
    name = path.name
    if name.endswith(SUFFIX):
        return True
    return (
        is_named
        and name.endswith(".toml")
        and not name.endswith(SUITE)
        and path.is_file()
        and has_claims(path)
    )
