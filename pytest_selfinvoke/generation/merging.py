"""Several completion stores become one, as shards of a run need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.generation.store import CompletionStore, Entry

_BATCH = 1000


def merge_stores(sources: Sequence[Path], target: Path) -> int:
    """Write everything that the sources hold into a new store; how many completions.

    :raises UserError: if the target exists.
    :raises DataError: if two sources answer one question differently; then there is no
        target.
    """
    if target.exists():
        raise UserError(f"{target} exists: name a new file")
    try:
        with CompletionStore(target) as merged:
            for source in sources:
                with CompletionStore(source, read_only=True) as store:
                    _add(store, merged)
            return merged.count()
    except BaseException:
        for suffix in ("", "-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        raise


def _add(store: CompletionStore, merged: CompletionStore) -> None:
    for model in store.models():
        merged.remember(model)
    batch: list[Entry] = []
    for entry in store.entries():
        known = merged.find(entry.key)
        if known is None:
            batch.append(entry)
        elif _answer(known) != _answer(entry):
            raise DataError(
                store.path,
                f"another completion than in the stores before it, of "
                f"{entry.question.get('case')} (key {entry.key.hex()[:16]})",
            )
        if len(batch) == _BATCH:
            merged.add(batch)
            batch = []
    merged.add(batch)


def _answer(entry: Entry) -> tuple[str, str]:
    """What two completions of one question have to agree in; times may differ."""
    return entry.completion.text, entry.completion.finish_reason
