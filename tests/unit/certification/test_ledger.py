from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_selfinvoke.certification import ledger as module
from pytest_selfinvoke.certification.ledger import Ledger, user_path


def test_what_was_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.jsonl"
    first = Ledger(path)
    first.put("key", "valid ü\n")
    assert first.get("key") == "valid ü\n"
    assert Ledger(path).get("key") is None
    first.flush()
    assert Ledger(path).get("key") == "valid ü\n"


def test_what_is_not_lasting_stays_here(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    first.put("key", "broken", lasting=False)
    first.flush()
    assert first.get("key") == "broken"
    assert not path.exists()


def test_a_full_batch_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path, batch=2)
    ledger.put("a", "1")
    assert not path.exists()
    ledger.put("b", "2")
    assert Ledger(path).get("a") == "1"


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    for _ in range(2):
        ledger = Ledger(path)
        ledger.put("a", "1")
        ledger.flush()
    assert path.read_text().count('"a"') == 1


@pytest.mark.parametrize(
    "damage",
    [
        b'["key","valid","0"]\n',
        b'["key","valid"]\n',
        b'{"key": "valid"}\n',
        b"[1, 2, 3]\n",
        b"\xff\xfe\n",
        b'["key","val',
    ],
)
def test_what_is_damaged_is_left_out(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(damage)
    assert Ledger(path).get("key") is None
    later = Ledger(path)
    later.put("other", "valid")
    later.flush()
    assert Ledger(path).get("other") == "valid"


def test_many_writers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    def write(writer: int) -> None:
        ledger = Ledger(path, batch=7)
        for i in range(200):
            ledger.put(f"{writer}.{i}", "valid " + "x" * 50)
        ledger.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    reader = Ledger(path)
    assert all(reader.get(f"{w}.{i}") for w in range(8) for i in range(200))


def test_a_ledger_that_has_grown_too_long_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.put("a", "1")
    ledger.flush()
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    assert Ledger(path).get("a") is None
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_said_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file" / "ledger.jsonl")
    ledger.put("a", "1")
    ledger.flush()
    assert "cannot be written" in ledger.problem
    assert ledger.get("a") == "1"


def test_the_ledger_is_in_the_users_cache() -> None:
    path = user_path({"SELFINVOKE_CACHE": "/somewhere"})
    assert path == Path("/somewhere/certificates.jsonl")
