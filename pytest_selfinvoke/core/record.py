"""The record: one case with its completion, program, verdict and provenance."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.core.outcomes import Status, Verdict

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of ``records.jsonl``.

    ``status`` is pytest's word for the case. ``verdict`` is ``None`` where nothing was
    judged; then ``detail`` says why. ``case`` holds the columns of ``Case.to_json``.
    ``execution`` is what the sandbox reports (failing test, values, output, times).
    Durations are in seconds. ``anatomy`` takes a judged self-invoking case apart: see
    :class:`~pytest_selfinvoke.core.anatomy.Anatomy`. ``raw_verdict`` is that on the
    answer as it stands, where the prompt style asks for both. ``coverage`` counts
    lines and branches of the program, and those that the tests reach, if asked for.
    """

    case: dict[str, Any]
    status: Status
    verdict: Verdict | None = None
    detail: str = ""
    problem_hash: str = ""
    prompt: str = ""
    prompt_hash: str = ""
    template_hash: str = ""
    prompt_diff: str = ""
    completion: dict[str, Any] | None = None
    program: str | None = None
    extraction: str = ""
    execution: dict[str, Any] | None = None
    durations: dict[str, float] = field(default_factory=dict)
    anatomy: dict[str, Any] | None = None
    raw_verdict: Verdict | None = None
    coverage: dict[str, Any] | None = None
    schema: int = SCHEMA

    @property
    def id(self) -> str:
        """The case's id."""
        return str(self.case["id"])

    @property
    def solved(self) -> bool:
        """Whether the program solved the problem."""
        return self.verdict is Verdict.SOLVED

    @property
    def judged(self) -> bool:
        """Whether the record counts in a denominator."""
        return self.verdict is not None

    @property
    def failure_kind(self) -> str:
        """The verdict, with the exception's type where there is one."""
        exception = (self.execution or {}).get("exception")
        if self.verdict is Verdict.EXCEPTION and exception:
            return str(exception)
        return "" if self.verdict is None else self.verdict.value

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def to_line(self) -> str:
        """One line of ASCII JSON: what crosses processes and stands in the file."""
        return dumps(self.to_json())

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; keys of newer schemas are ignored."""
        known = {f.name for f in fields(cls)}
        values = {k: v for k, v in data.items() if k in known}
        values["status"] = Status(data["status"])
        for name in ("verdict", "raw_verdict"):
            verdict = data.get(name)
            values[name] = None if verdict is None else Verdict(verdict)
        return cls(**values)
