"""The completion store: one SQLite file that generation servers read and write.

Rows are never changed but by ``refresh``. Every batch is one transaction in SQLite's
write-ahead log, so that a server killed at any moment loses the batch in flight and
nothing else. Several sessions may use one file at a time; when the last one closes it,
the log is folded in and the file can be copied.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.core.records import Completion, ModelInfo

#: "slfi": stands in the file's header, so that another program's file is told apart.
APPLICATION = 0x736C6669
SCHEMA = 1
#: For another session that writes to the same file.
BUSY_S = 30.0

_TABLES = (
    "CREATE TABLE models (state TEXT PRIMARY KEY, spec TEXT NOT NULL, "
    "identity TEXT NOT NULL, info TEXT NOT NULL)",
    "CREATE TABLE completions (key BLOB PRIMARY KEY, identity TEXT NOT NULL, "
    "run TEXT NOT NULL, question TEXT NOT NULL, completion TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A model that completions are kept of. ``state`` and ``identity`` are hashes."""

    state: str
    spec: str
    identity: str
    info: ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One completion that is kept.

    ``run`` is the session that made it, ``question`` what it answers.
    """

    key: bytes
    identity: str
    run: str
    question: dict[str, Any]
    completion: Completion


class EmptyStoreError(DataError):
    """A file without anything in it, which a store may still become."""


class CompletionStore:
    """One file, open. May be used from any thread.

    :raises DataError: from any method, if the file is damaged.
    :raises UserError: from any method, if it cannot be read or written.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        with _explained(path):
            self._db = _read_only(path) if read_only else _writable(path)
            try:
                self._check(read_only=read_only)
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the last one to do so leaves a single file behind."""
        with self._lock, _explained(self.path):
            self._db.close()

    def model(self, state: str) -> KnownModel | None:
        """What loading a model in this state led to."""
        rows = self._rows("SELECT * FROM models WHERE state = ?", state)
        with _explained(self.path):
            return _known(rows[0]) if rows else None

    def models(self, spec: str | None = None) -> list[KnownModel]:
        """All models, or those that were asked for by one spec; the newest last."""
        if spec is None:
            rows = self._rows("SELECT * FROM models ORDER BY rowid")
        else:
            query = "SELECT * FROM models WHERE spec = ? ORDER BY rowid"
            rows = self._rows(query, spec)
        with _explained(self.path):
            return [_known(row) for row in rows]

    def remember(self, model: KnownModel) -> None:
        """Keep what loading a model led to."""
        row = (model.state, model.spec, model.identity, dumps(model.info.to_json()))
        self._write("INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?)", [row])

    def find(self, key: bytes) -> Entry | None:
        """The completion under a key."""
        rows = self._rows("SELECT * FROM completions WHERE key = ?", key)
        with _explained(self.path):
            return _entry(rows[0]) if rows else None

    def add(self, entries: Iterable[Entry], *, replace: bool = False) -> None:
        """Keep completions, all of them or none; of equal keys the first one stays.

        :param replace: the last one stays.
        """
        rows = [
            (e.key, e.identity, e.run, dumps(e.question), dumps(_plain(e.completion)))
            for e in entries
        ]
        word = "REPLACE" if replace else "IGNORE"
        self._write(f"INSERT OR {word} INTO completions VALUES (?, ?, ?, ?, ?)", rows)

    def entries(self) -> Iterator[Entry]:
        """All completions, in the order in which they were made."""
        last = 0
        query = (
            "SELECT key, identity, run, question, completion, rowid FROM completions "
            "WHERE rowid > ? ORDER BY rowid LIMIT 256"
        )
        while rows := self._rows(query, last):
            yield from (_entry(row[:5]) for row in rows)
            last = rows[-1][5]

    def count(self) -> int:
        """How many completions are kept."""
        return int(self._rows("SELECT count(*) FROM completions")[0][0])

    def verify(self) -> None:
        """Read the whole file.

        :raises DataError: if it is damaged.
        """
        [[answer], *_] = self._rows("PRAGMA integrity_check(1)")
        if answer != "ok":
            raise DataError(self.path, f"damaged completion store: {answer}")

    def _check(self, *, read_only: bool) -> None:
        # One look at it all: another session may be making the tables.
        with self._transaction("BEGIN"):
            is_new = self._is_new()
        if is_new and read_only:
            raise EmptyStoreError(self.path, "is empty: name another file")
        if is_new:
            self._create()
        schema = self._number("user_version")
        if schema != SCHEMA:
            raise DataError(
                self.path, f"store of format {schema}, this version reads {SCHEMA}"
            )

    def _create(self) -> None:
        with self._transaction("BEGIN IMMEDIATE"):
            # Two sessions may start at once: the second one finds the tables made.
            if self._is_new():
                for statement in _TABLES:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA}")
                self._db.execute(f"PRAGMA application_id = {APPLICATION}")

    def _is_new(self) -> bool:
        """Whether the file is nobody's yet.

        :raises DataError: if it is somebody else's.
        """
        application = self._number("application_id")
        if application == APPLICATION:
            return False
        if application or self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise DataError(self.path, "is no completion store: name another file")
        return True

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        """All of what is done inside, or nothing."""
        self._db.execute(begin)
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _number(self, pragma: str) -> int:
        return int(self._db.execute(f"PRAGMA {pragma}").fetchone()[0])

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, _explained(self.path):
            return self._db.execute(query, values).fetchall()

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with (
            self._lock,
            _explained(self.path),
            self._transaction("BEGIN IMMEDIATE"),
        ):
            self._db.executemany(statement, rows)


def check_store(path: Path, *, read_only: bool) -> None:
    """Make sure, without writing, that a store can be used.

    :raises UserError: saying what to change.
    """
    if path.exists():
        try:
            CompletionStore(path, read_only=True).close()
        except EmptyStoreError:
            # Another session has begun to make it.
            if read_only:
                raise
    elif read_only:
        raise UserError(f"no completion store {path}: name one with --selfinvoke-store")


def _writable(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    try:
        _use_wal(db)
        # A killed process loses nothing; a power cut may lose the last batches.
        db.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        db.close()
        raise
    return db


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch to the write-ahead log, which SQLite refuses while others do so too.

    Its own time-out does not hold for that.
    """
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _read_only(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    # The first one to leave behind a single file, the others for files and for folders
    # (where SQLite puts its locks) that this user may not write.
    for parameters in ("mode=rw", "mode=ro", "mode=ro&immutable=1"):
        db = sqlite3.connect(
            f"{address}?{parameters}",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            db.execute("PRAGMA query_only = 1")
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            db.close()
        except BaseException:
            db.close()
            raise
        else:
            return db
    raise UserError(f"cannot read the completion store {path}")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into a line that says what to change."""
    hint = "name another file with --selfinvoke-store"
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.ProgrammingError, OSError) as error:
        raise UserError(
            f"the completion store {path} cannot be used ({error}): {hint}"
        ) from error
    except (sqlite3.DatabaseError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            path,
            f"damaged, or no completion store ({error}): move it away, or {hint}",
        ) from error


def _known(row: tuple[Any, ...]) -> KnownModel:
    state, spec, identity, info = row
    found = ModelInfo.from_json(json.loads(info))
    return KnownModel(state=state, spec=spec, identity=identity, info=found)


def _entry(row: tuple[Any, ...]) -> Entry:
    key, identity, run, question, completion = row
    return Entry(
        key=key,
        identity=identity,
        run=run,
        question=json.loads(question),
        completion=Completion.from_json(json.loads(completion)),
    )


def _plain(completion: Completion) -> dict[str, Any]:
    return {k: v for k, v in completion.to_json().items() if k != "stored"}
