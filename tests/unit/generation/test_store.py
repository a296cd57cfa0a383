from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo
from pytest_selfinvoke.generation.store import (
    CompletionStore,
    Entry,
    KnownModel,
    check_store,
)


def entry(number: int, text: str = "answer", run: str = "r") -> Entry:
    return Entry(
        key=number.to_bytes(32, "big"),
        identity="i",
        run=run,
        question={"case": f"c{number}"},
        completion=Completion(text=text, completion_tokens=number),
    )


def known(state: str, spec: str = "hf:x", identity: str = "i") -> KnownModel:
    info = ModelInfo(name="x", engine="hf", notes=("one",))
    return KnownModel(state=state, spec=spec, identity=identity, info=info)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "store.sqlite"


def test_what_was_added_is_found(path: Path) -> None:
    with CompletionStore(path) as store:
        assert store.find(entry(1).key) is None
        store.add([entry(1), entry(2, "\x00 \u2028 é")])
    with CompletionStore(path, read_only=True) as store:
        assert store.find(entry(1).key) == entry(1)
        assert list(store.entries()) == [entry(1), entry(2, "\x00 \u2028 é")]
        assert store.count() == 2
        store.verify()


def test_lone_surrogates_survive(path: Path) -> None:
    with CompletionStore(path) as store:
        store.add([entry(1, "\ud800")])
        found = store.find(entry(1).key)
    assert found is not None
    assert found.completion.text == "\ud800"


def test_where_a_completion_came_from_is_not_a_property_of_it(path: Path) -> None:
    with CompletionStore(path) as store:
        copied = Completion(text="a", stored=True)
        made = replace(entry(1), completion=copied)
        store.add([made])
        found = store.find(made.key)
    assert found is not None
    assert found.completion.stored is False


def test_the_first_of_equal_keys_stays_unless_told_otherwise(path: Path) -> None:
    with CompletionStore(path) as store:
        store.add([entry(1, "first")])
        store.add([entry(1, "second")])
        assert store.find(entry(1).key) == entry(1, "first")
        store.add([entry(1, "third")], replace=True)
        assert store.find(entry(1).key) == entry(1, "third")


def test_models_are_remembered_by_what_can_be_seen_of_them(path: Path) -> None:
    with CompletionStore(path) as store:
        store.remember(known("s1"))
        store.remember(known("s2", identity="j"))
        store.remember(known("s3", spec="hf:y"))
        assert store.model("s1") == known("s1")
        assert store.model("s4") is None
        assert store.models("hf:x") == [known("s1"), known("s2", identity="j")]
        assert len(store.models()) == 3


def test_many_entries_come_in_order(path: Path) -> None:
    with CompletionStore(path) as store:
        store.add(entry(n) for n in range(1000))
        numbers = [e.completion.completion_tokens for e in store.entries()]
    assert numbers == list(range(1000))


def test_several_writers_and_readers_at_once(path: Path) -> None:
    def write(first: int) -> None:
        with CompletionStore(path) as store:
            for n in range(first, first + 50):
                store.add([entry(n)])
                assert store.find(entry(n).key) == entry(n)

    threads = [threading.Thread(target=write, args=(n * 50,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with CompletionStore(path, read_only=True) as store:
        assert store.count() == 300
        store.verify()


def test_sessions_that_start_together_make_one_store(tmp_path: Path) -> None:
    """Each round is a new file, opened by all at the same moment."""
    rounds, together = 80, 6
    failed: list[str] = []

    def open_all(barrier: threading.Barrier) -> None:
        for number in range(rounds):
            barrier.wait()
            try:
                check_store(tmp_path / str(number), read_only=False)
                CompletionStore(tmp_path / str(number)).close()
            except UserError as error:
                failed.append(str(error))

    barrier = threading.Barrier(together)
    threads = [
        threading.Thread(target=open_all, args=(barrier,)) for _ in range(together)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_an_empty_file_may_become_a_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    check_store(path, read_only=False)
    with pytest.raises(DataError, match="is empty"):
        check_store(path, read_only=True)
    with CompletionStore(path) as store:
        store.add([entry(1)])
    check_store(path, read_only=True)


WRITER = """
import sys
from pathlib import Path
from pytest_selfinvoke.generation.store import CompletionStore
sys.path.insert(0, sys.argv[2])
from test_store import entry
store = CompletionStore(Path(sys.argv[1]))
for n in range(10**6):
    store.add([entry(2 * n), entry(2 * n + 1)])
    print(n, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_whole_batches(path: Path) -> None:
    done = -1
    for stop_after in (0, 7, 100):
        path.unlink(missing_ok=True)
        here = str(Path(__file__).parent)
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), here],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                done = int(line)
                if done >= stop_after:
                    break
            process.send_signal(signal.SIGKILL)
            rest = process.stdout.read().split()
        done = max([done, *map(int, rest)])
        with CompletionStore(path) as store:
            store.verify()
            count = store.count()
            assert count % 2 == 0
            assert 2 * (done + 1) <= count <= 2 * (done + 2)
            store.add([entry(10**7)])
        assert [p.name for p in path.parent.iterdir()] == ["store.sqlite"]


@pytest.mark.parametrize("content", [b"x" * 4096, b"SQLite format 3\x00" + b"y" * 4096])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_broken_file_is_one_clear_line(
    tmp_path: Path, content: bytes, read_only: bool
) -> None:
    file = tmp_path / "s"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"/s: damaged.*--selfinvoke-store$"):
        CompletionStore(file, read_only=read_only)
    assert file.read_bytes() == content


def test_damage_inside_is_found_when_it_is_met(path: Path) -> None:
    with CompletionStore(path) as store:
        store.add(entry(n, "x" * 500) for n in range(200))
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data) - 300, 1024):
        data[at : at + 300] = b"\xff" * 300
    path.write_bytes(data)
    with CompletionStore(path, read_only=True) as store:
        with pytest.raises(DataError, match="damaged"):
            store.verify()
        with pytest.raises(DataError, match="damaged"):
            list(store.entries())


def test_a_row_that_is_no_json_is_damage(path: Path) -> None:
    with CompletionStore(path) as store:
        store.add([entry(1)])
    database = sqlite3.connect(path)
    database.execute("UPDATE completions SET completion = 'x'")
    database.commit()
    database.close()
    with (
        CompletionStore(path, read_only=True) as store,
        pytest.raises(DataError, match="damaged"),
    ):
        store.find(entry(1).key)


def test_files_of_others_and_of_the_future_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE t (x)")
    database.close()
    with pytest.raises(DataError, match="is no completion store"):
        CompletionStore(other)
    newer = tmp_path / "newer"
    CompletionStore(newer).close()
    database = sqlite3.connect(newer)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(DataError, match="format 9, this version reads 1"):
        CompletionStore(newer)


def test_checking_writes_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    check_store(missing, read_only=False)
    assert not missing.exists()
    with pytest.raises(UserError, match=r"^no completion store .*/missing"):
        check_store(missing, read_only=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be used"):
        CompletionStore(tmp_path / "s")


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be used"):
        CompletionStore(tmp_path)
