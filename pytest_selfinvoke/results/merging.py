"""Several run directories become one, as shards of a run need it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.store import (
    MANIFEST,
    RunDirectory,
    check_schema,
    read_records,
)

#: What differs between two runs of one case without saying anything about the model.
_PASSING = ("durations", "execution")


def merge_runs(
    sources: Sequence[Path],
    target: Path,
    *,
    warn: Callable[[str], None] | None = None,
) -> tuple[Record, ...]:
    """Write the records of all sources into a new run directory; what was written.

    A case that several sources have is written once if they agree on it. The manifest
    holds the plans of all sources and, under ``merged``, their manifests.

    :param warn: as for :func:`read_records`.
    :raises UserError: if the target exists or a source is no run directory.
    :raises DataError: if two sources disagree on a case, or were run on other problems
        or with other settings; then there is no target.
    """
    if target.exists():
        raise UserError(f"{target} exists: name a new folder")
    manifests = [_manifest(source) for source in sources]
    for source, manifest in zip(sources, manifests, strict=True):
        if _settings(manifest) != _settings(manifests[0]):
            raise DataError(
                source, f"another benchmark, model or setting than in {sources[0]}"
            )
    records: dict[str, Record] = {}
    for source in sources:
        for record in read_records(source, warn=warn):
            known = records.setdefault(record.id, record)
            if _lasting(known) != _lasting(record):
                raise DataError(
                    source, f"another record of {record.id} than in the runs before it"
                )
    run = RunDirectory.create(target.parent, target.name)
    for record in records.values():
        run.append(record.to_line())
    run.write_manifest(
        {
            **manifests[0],
            "finished": all(manifest["finished"] for manifest in manifests),
            "not_run": sum(manifest.get("not_run", 0) for manifest in manifests),
            "merged": manifests,
        }
    )
    run.close()
    return tuple(records.values())


def _manifest(source: Path) -> dict[str, Any]:
    file = source / MANIFEST
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        check_schema(data["schema"], file)
        _settings(data)
    except OSError as error:
        raise UserError(f"{source}: no run directory ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(file, f"not a manifest: {error!r}") from error
    return data


def _settings(manifest: dict[str, Any]) -> str:
    """What parts of one run have in common, whichever problems each of them has."""
    plans = []
    for plan in manifest["plans"]:
        benchmarks = [
            {k: v for k, v in benchmark.items() if k != "used"}
            for benchmark in plan["benchmarks"]
        ]
        models = [{**m, "spec": _without_address(m["spec"])} for m in plan["models"]]
        plans.append(
            {**plan, "benchmarks": benchmarks, "models": models, "shard": None}
        )
    return content_hash([manifest["schema"], plans])


def _without_address(spec: str) -> str:
    """Parts of a run may ask one model at several addresses."""
    kind, _, argument = spec.partition(":")
    return f"{kind}#{argument.rpartition('#')[2]}" if "://" in argument else spec


def _lasting(record: Record) -> str:
    data = {k: v for k, v in record.to_json().items() if k not in _PASSING}
    completion = record.completion or {}
    data["completion"] = [completion.get("text"), completion.get("finish_reason")]
    return content_hash(data)
