"""One record for people: the failure text, and short facts for JUnit."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_selfinvoke.core.anatomy import Anatomy, Attribution, Score
from pytest_selfinvoke.core.record import Record

#: Longest text of one section of a failure, in lines.
_LINES = 60

_BLAMED = {
    Attribution.BASE: "the base function (solved with the reference's)",
    Attribution.INVOCATION: "the invoking function (solved with the reference's)",
    Attribution.BOTH: "both functions (unsolved with either of the reference)",
    Attribution.COMBINATION: "their combination (solved with either of the reference)",
    Attribution.NO_CODE: "there is no code",
    Attribution.UNKNOWN: "not known",
}


def describe(record: Record) -> str:
    """Why a program did not solve its problem, with everything needed to see it."""
    execution = record.execution or {}
    reason = record.failure_kind
    if record.detail:
        reason += f": {record.detail}"
    parts = [f"not solved: {reason}", *_blame(record), *_moved(record)]
    if execution.get("failing_test"):
        lines = [str(execution["failing_test"])]
        if execution.get("expected") is not None:
            lines.append(f"expected {execution['expected']}")
        if execution.get("actual") is not None:
            lines.append(f"     got {execution['actual']}")
        parts.append(_section("failing test", "\n".join(lines)))
    if record.prompt_diff:
        parts.append(_section("prompt, changed by the attack", record.prompt_diff))
    else:
        parts.append(_section("prompt", record.prompt))
    completion = (record.completion or {}).get("text")
    if completion is not None:
        reason = (record.completion or {}).get("finish_reason", "")
        parts.append(_section(f"completion (finish reason: {reason})", completion))
    if record.program is not None:
        parts.append(_section("program", record.program))
    for name in ("stdout", "stderr"):
        if execution.get(name):
            parts.append(_section(name, str(execution[name])))
    return "\n".join(parts)


def _blame(record: Record) -> list[str]:
    """One line on which of the two functions is wrong, if that is known."""
    if record.anatomy is None:
        return []
    anatomy = Anatomy.from_json(record.anatomy)
    if anatomy.attribution is None or anatomy.attribution is Attribution.NO_CODE:
        return []
    line = f"to blame: {_BLAMED[anatomy.attribution]}"
    if anatomy.base.score is not Score.UNKNOWN:
        line += f"; the base function is {anatomy.base.score.value} by its own tests"
    if anatomy.invocation.invoked is False:
        line += "; it is not invoked"
    return [line]


def _moved(record: Record) -> list[str]:
    """One line on what an attack did that leaves no trace in the prompt's text."""
    losses = (record.completion or {}).get("reference_loss")
    if not losses:
        return []
    before, after = losses
    return [
        "the prompt's embeddings were moved: loss of the reference"
        f" {before:.3f} to {after:.3f} nats a token"
    ]


def anatomy_facts(record: Record) -> list[tuple[str, str]]:
    """What is known of the two functions of a self-invoking case: name and words."""
    if record.anatomy is None:
        return []
    anatomy = Anatomy.from_json(record.anatomy)
    base, calls = anatomy.base, anatomy.invocation
    why = ": ".join(t for t in (_spoken(base.failure or ""), base.detail) if t)
    known = {Score.RIGHT: "right", Score.WRONG: "wrong", Score.UNKNOWN: "not known"}
    facts = [("Base function", known[base.score] + (f" ({why})" if why else ""))]
    if anatomy.attribution is not None:
        facts.append(("To blame", _BLAMED[anatomy.attribution]))
    called = {True: "yes", False: "no", None: "not known"}[calls.invoked]
    more = {
        "written out again": calls.inlined,
        "wrong number of arguments": calls.wrong_arity,
        "named, but not reached": calls.static and calls.observed is False,
    }
    noted = ", ".join(text for text, is_so in more.items() if is_so)
    facts.append(("Base function called", called + (f" ({noted})" if noted else "")))
    if anatomy.missing:
        facts.append(
            ("Missing", " and ".join(f"{m} function" for m in anatomy.missing))
        )
    for part, verdict in anatomy.substituted.items():
        facts.append((f"With the reference's {part} function", _spoken(verdict)))
    return facts


def _spoken(verdict: str) -> str:
    return verdict.replace("_", " ")


def properties(record: Record) -> list[tuple[str, str]]:
    """Short strings only: pytest copies them into every report of an item."""
    case, execution = record.case, record.execution or {}
    facts = {
        "model": case.get("model"),
        "benchmark": case.get("benchmark"),
        "problem": case.get("problem"),
        "attack": case.get("attack"),
        "family": case.get("family"),
        "attack_seed": case.get("attack_seed"),
        "style": case.get("style"),
        "sample": case.get("sample"),
        "seed": case.get("seed"),
        "verdict": None if record.verdict is None else record.verdict.value,
        "failure_kind": None if record.solved else record.failure_kind or None,
        "problem_hash": record.problem_hash[:16] or None,
        "prompt_hash": record.prompt_hash[:16] or None,
        "template_hash": record.template_hash[:16] or None,
        "raw_verdict": None if record.raw_verdict is None else record.raw_verdict.value,
        "lines_reached": _reached(record, "lines"),
        "branches_reached": _reached(record, "branches"),
        "judge": execution.get("judge"),
        "cpu_s": _rounded(execution.get("cpu_s")),
    }
    facts |= {name: _rounded(value) for name, value in record.durations.items()}
    if record.anatomy is not None:
        anatomy = Anatomy.from_json(record.anatomy)
        facts["base_function"] = anatomy.base.score.value
        facts["attribution"] = anatomy.attribution and anatomy.attribution.value
        facts["invoked"] = anatomy.invocation.invoked
    completion = record.completion or {}
    for name in ("prompt_tokens", "completion_tokens", "finish_reason"):
        facts[name] = completion.get(name)
    if losses := completion.get("reference_loss"):
        before, after = map(_rounded, losses)
        facts |= {"reference_loss_before": before, "reference_loss_after": after}
    return fields(facts)


def fields(facts: Mapping[str, object]) -> list[tuple[str, str]]:
    """Facts as JUnit properties; what is not known is left out."""
    return [(f"selfinvoke.{k}", str(v)) for k, v in facts.items() if v is not None]


def _reached(record: Record, what: str) -> str | None:
    found = record.coverage
    return None if found is None else f"{found[f'{what}_reached']}/{found[what]}"


def _rounded(number: object) -> str | None:
    return f"{number:.4f}" if isinstance(number, int | float) else None


def _section(title: str, text: str) -> str:
    lines = text.rstrip("\n").splitlines() or ["(empty)"]
    if len(lines) > _LINES:
        left_out = len(lines) - _LINES
        lines = [*lines[:_LINES], f"... {left_out} more lines, see the record"]
    body = "\n".join(f"    {line}" for line in lines)
    return f"--- {title}\n{body}"
