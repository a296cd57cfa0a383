"""Records as a log of Inspect (``inspect_ai``), written by its own API.

A sample is a problem under a variant, an epoch is one of its completions; the score is
``C`` for solved and ``I`` for not solved. A case that could not be judged has an error
in place of a score, and one that was skipped is left out.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_selfinvoke.core.errors import MissingExtraError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.outcomes import Status
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.tasks import task_name

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample

#: The name of the score in every sample.
SCORE = "selfinvoke"
_STOP_REASONS = {"stop": "stop", "length": "max_tokens"}
_SHORT = ("attack", "family", "attack_seed", "style", "seed", "model", "problem")


def write_log(records: Sequence[Record], manifest: Path, path: Path) -> int:
    """Write a log; how many samples it has.

    :param records: of one model on one benchmark.
    :param manifest: the run's, for its time; it need not exist.
    :raises MissingExtraError: if inspect_ai is not installed.
    :raises UserError: if the file exists, has another suffix than ``.eval`` or
        ``.json``, or cannot be written.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError as error:
        raise MissingExtraError("inspect_ai", "inspect") from error
    if path.suffix not in (".eval", ".json"):
        raise UserError(f"{path}: Inspect reads files that end in .eval or .json")
    if path.exists():
        raise UserError(f"{path} exists: name a new file")
    kept = [record for record in records if record.status is not Status.SKIPPED]
    if not kept:
        raise UserError("every case was skipped: there is nothing to write")
    log = _log(kept, manifest)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_eval_log(log, str(path))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return len(log.samples or ())


def _log(records: Sequence[Record], manifest: Path) -> EvalLog:
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalResults,
        EvalSpec,
        EvalStats,
    )

    samples = [_sample(record) for record in records]
    ids = list(dict.fromkeys(str(sample.id) for sample in samples))
    first = records[0].case
    created = _created(manifest)
    epochs = max(sample.epoch for sample in samples)
    judged = sum(record.judged for record in records)
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=created,
            task=str(first["benchmark"]),
            model=str(first["model"]),
            **dict.fromkeys(("eval_id", "run_id", "task_id"), _identity(records)),
            dataset=EvalDataset(
                name=str(first["benchmark"]), samples=len(ids), sample_ids=ids
            ),
            config=EvalConfig(epochs=epochs),
            packages=_packages(manifest),
        ),
        results=EvalResults(
            total_samples=len(samples),
            completed_samples=judged,
            scores=_scores(records),
        ),
        stats=EvalStats(started_at=created, completed_at=created),
        samples=samples,
    )


def _scores(records: Sequence[Record]) -> list[Any]:
    """One score with the solved share of each attack; nothing is said of no cases."""
    from inspect_ai.log import EvalMetric, EvalScore

    by_attack: dict[str, list[bool]] = {}
    for record in records:
        if record.judged:
            by_attack.setdefault(str(record.case["attack"]), []).append(record.solved)
    metrics = {
        attack: EvalMetric(name=attack, value=sum(solved) / len(solved))
        for attack, solved in by_attack.items()
    }
    judged = sum(map(len, by_attack.values()))
    return [
        EvalScore(
            name=SCORE,
            scorer=SCORE,
            metrics=metrics,
            scored_samples=judged,
            unscored_samples=len(records) - judged,
        )
    ]


def _sample(record: Record) -> EvalSample:
    from inspect_ai.log import EvalError, EvalSample
    from inspect_ai.model import ModelOutput
    from inspect_ai.scorer import CORRECT, INCORRECT, Score

    case, completion = record.case, record.completion or {}
    model = str(case["model"])
    reason = completion.get("finish_reason", "")
    output = ModelOutput.from_content(
        model,
        _plain(completion.get("text", "")),
        stop_reason=_STOP_REASONS.get(reason, "unknown"),
    )
    seed = "" if case["attack_seed"] is None else f"-seed{case['attack_seed']}"
    scores = error = None
    if record.judged:
        score = Score(
            value=CORRECT if record.solved else INCORRECT,
            answer=_plain(record.program or ""),
            explanation=_plain(f"{record.failure_kind}: {record.detail}".rstrip(": ")),
            metadata={"verdict": str(record.verdict), "execution": record.execution},
        )
        scores = {SCORE: score}
    else:
        detail = _plain(record.detail)
        error = EvalError(message=detail, traceback=detail, traceback_ansi=detail)
    return EvalSample(
        id=f"{case['problem']}::{case['attack']}{seed}",
        epoch=int(case["sample"]) + 1,
        input=_plain(record.prompt),
        target="",
        output=output,
        scores=scores,
        error=error,
        metadata={
            **{name: case[name] for name in _SHORT},
            "id": record.id,
            "task": task_name(str(case["problem"])),
            "prompt_hash": record.prompt_hash,
            "prompt_diff": _plain(record.prompt_diff),
        },
    )


def _identity(records: Sequence[Record]) -> str:
    """In place of Inspect's random names: equal records make an equal log."""
    return content_hash([record.to_line() for record in records])[:22]


def _plain(text: str) -> str:
    """The text without lone surrogates, which its files cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _created(manifest: Path) -> str:
    """When the run wrote its manifest."""
    try:
        seconds = manifest.stat().st_mtime
    except OSError:
        seconds = 0.0
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _packages(manifest: Path) -> dict[str, str]:
    """The versions that the run was made with."""
    try:
        versions = json.loads(manifest.read_text(encoding="utf-8"))["versions"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(name): str(version) for name, version in versions.items()}
