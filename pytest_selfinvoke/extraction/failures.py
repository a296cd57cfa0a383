"""Why there is no program in an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.extraction.reader import Broken, Piece, Statement
from pytest_selfinvoke.extraction.selection import Selection
from pytest_selfinvoke.extraction.statements import is_prose, methods


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A verdict and its reason in one line."""

    verdict: Verdict
    detail: str


def explain(
    pieces: Sequence[Piece],
    selection: Selection,
    *,
    given: Sequence[Statement],
    prompt_code: str,
    is_truncated: bool,
) -> Failure:
    """The verdict on an answer that does not define all entry points.

    A definition that does not parse is a syntax error if it is one that was asked for,
    or if the answer has no other code. Lines of the prompt are never held against it.
    """
    statements = [p for p in pieces if isinstance(p, Statement)]
    known = {s.key for s in given}
    has_code = any(not is_prose(s.node) and s.key not in known for s in statements)
    lines = {"", *(line.strip() for line in prompt_code.split("\n"))}
    broken = [p for p in pieces if isinstance(p, Broken) and p.is_code]
    own = [b for b in broken if not _is_quoted(b, lines)]
    wanted = [b for b in own if b.name in selection.missing]
    note = "; the answer was cut off" if is_truncated else ""
    if wanted or (own and not has_code):
        worst = (wanted or own)[-1]
        return Failure(
            verdict=Verdict.SYNTAX_ERROR,
            detail=f"line {worst.line}: {worst.message}{note}",
        )
    if selection.missing and has_code:
        return Failure(
            verdict=Verdict.MISSING_ENTRY_POINT,
            detail=f"{_missing(selection.missing, statements)}{note}",
        )
    repeats = selection.echoed or any(b not in own for b in broken)
    detail = "it only repeats the prompt" if repeats else "it has no Python code"
    return Failure(verdict=Verdict.NO_CODE, detail=f"{detail}{note}")


def _missing(names: Iterable[str], statements: Sequence[Statement]) -> str:
    reasons = []
    for name in names:
        outer = [s.node for s in statements if name in methods(s.node)]
        inside = f" outside of {getattr(outer[0], 'name', '')!r}" if outer else ""
        reasons.append(f"{name!r} is not defined{inside}")
    return ", ".join(reasons)


def _is_quoted(broken: Broken, lines: set[str]) -> bool:
    return all(line.strip() in lines for line in broken.source.split("\n"))
