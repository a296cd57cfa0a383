"""Benchmarks from the Hugging Face hub: a pinned revision, kept in the user's cache."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_selfinvoke.benchmarks.reading import read_values
from pytest_selfinvoke.core.errors import MissingExtraError, UserError
from pytest_selfinvoke.core.imports import check_installed, require
from pytest_selfinvoke.core.jsonio import dumps, file_hash, write_atomically

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSource:
    """Files of one commit of a data set on the hub, whose records follow each other."""

    repo: str
    revision: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedFile:
    """One benchmark in the cache: its records as JSON lines, and a note beside them.

    The note (``REVISION.json`` for ``REVISION.jsonl``) says where the records come from
    and holds their SHA-256, which is checked on every use.
    """

    folder: Path
    source: HubSource

    @property
    def path(self) -> Path:
        """Where the records are, or will be."""
        return self.folder / f"{self.source.revision[:12]}.jsonl"

    @property
    def note(self) -> Path:
        """Where the note is, or will be."""
        return self.path.with_suffix(".json")

    @property
    def is_there(self) -> bool:
        """Whether a download was completed: the note is written last."""
        return self.path.is_file() and self.note.is_file()

    @property
    def is_whole(self) -> bool:
        """Whether the records are still those that were downloaded."""
        try:
            note = json.loads(self.note.read_bytes())
            return bool(note["sha256"] == file_hash(self.path))
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def store(self, records: list[object]) -> None:
        """Write the records and their note."""
        lines = "".join(f"{dumps(record)}\n" for record in records)
        write_atomically(self.path, lines.encode())
        note = {**asdict(self.source), "sha256": file_hash(self.path)}
        text = json.dumps(note, indent=2, sort_keys=True)
        write_atomically(self.note, f"{text}\n".encode())

    def use(self, *, name: str, download: bool) -> Path | None:
        """The file with the records; ``None`` if it is not there and may not be.

        :param name: the benchmark's name in messages.
        :param download: whether the hub may be asked.
        :raises UserError: if the file was damaged, or cannot be downloaded or kept.
        """
        if self.is_there and self.is_whole:
            return self.path
        if download:
            if self.is_there:
                log.warning("%s: damaged, downloaded again", self.path)
            self._keep(fetch(self.source, name=name), name=name)
            return self.path
        if self.is_there:
            raise UserError(
                f"{self.path}: the cached copy of benchmark {name!r} is damaged: "
                "delete it"
            )
        return None

    def _keep(self, records: list[object], *, name: str) -> None:
        try:
            self.store(records)
        except OSError as error:
            raise UserError(
                f"benchmark {name!r}: the cache {self.folder} cannot be written: "
                f"{error.strerror or error}: set SELFINVOKE_CACHE to a folder with room"
            ) from error


def fetch(
    source: HubSource,
    *,
    name: str,
    endpoint: str | None = None,
    hub_cache: Path | None = None,
) -> list[object]:
    """The records of a source, from the hub or from its own cache.

    :param name: the benchmark's name in messages.
    :param endpoint: the hub's address; by default what ``HF_ENDPOINT`` says.
    :param hub_cache: the hub's cache; by default what ``HF_HOME`` says.
    :raises UserError: if the extra ``hub`` is not installed, or the hub cannot be
        reached or does not have the files.
    """
    usage = f"or name a file of your own with --benchmark {name}=PATH"
    try:
        hub = require("huggingface_hub", extra="hub")
        if any(file.endswith(".parquet") for file in source.files):
            check_installed("pyarrow", extra="hub")
    except MissingExtraError as error:
        raise UserError(f"benchmark {name!r}: {error}, {usage}") from error
    place = {"repo_type": "dataset", "revision": source.revision}
    records: list[object] = []
    for file in source.files:
        try:
            path = hub.try_to_load_from_cache(
                source.repo, file, cache_dir=hub_cache, **place
            )
            if not isinstance(path, str):
                # The download below repeats this question for half a minute where
                # there is no network.
                url = hub.hf_hub_url(source.repo, file, endpoint=endpoint, **place)
                hub.get_hf_file_metadata(url, endpoint=endpoint)
                path = hub.hf_hub_download(
                    source.repo, file, cache_dir=hub_cache, endpoint=endpoint, **place
                )
        except _hub_errors() as error:
            raise UserError(
                f"benchmark {name!r}: cannot download {file} of {source.repo} from the "
                f"Hugging Face hub: {_reason(error)}: try again, {usage}"
            ) from error
        records += [value for _, value in read_values(Path(path))]
    return records


def _hub_errors() -> tuple[type[Exception], ...]:
    from huggingface_hub import errors

    # The bases are OSError and the error of the HTTP library, which has changed.
    return (errors.EntryNotFoundError, *errors.HfHubHTTPError.__bases__)


def _reason(error: Exception) -> str:
    """The first line of a message that may have many."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".: ")
