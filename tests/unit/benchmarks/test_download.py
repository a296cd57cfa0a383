"""Downloads from a hub of our own on this machine, and the cache behind them."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks import download
from pytest_selfinvoke.benchmarks.download import (
    CachedFile,
    HubSource,
    fetch,
)
from pytest_selfinvoke.core.cache import cache_dir
from pytest_selfinvoke.core.errors import UserError

REVISION = "0123456789abcdef0123456789abcdef01234567"
SOURCE = HubSource(repo="Team/set", revision=REVISION, files=("a.json", "b.jsonl"))
FILES = {"a.json": b'[{"id": 1}, {"id": "\xc3\xa9"}]', "b.jsonl": b'{"id": 3}\n'}
RECORDS = [{"id": 1}, {"id": "\u00e9"}, {"id": 3}]


@dataclass
class Hub:
    """The part of the hub's protocol that a download of single files needs."""

    files: dict[str, bytes]
    status: int = 404
    requests: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, path: str) -> tuple[int, bytes]:
        self.requests.append(path)
        prefix, _, name = path.partition(f"/resolve/{REVISION}/")
        found = self.files.get(name) if prefix == "/datasets/Team/set" else None
        return (self.status, b"") if found is None else (200, found)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that holds the files of the source."""
    pytest.importorskip("huggingface_hub")
    hub = Hub(files=dict(FILES))

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.respond(body=False)

        def do_GET(self) -> None:
            self.respond(body=True)

        def respond(self, *, body: bool) -> None:
            status, data = hub.answer(self.path)
            self.send_response(status)
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("ETag", f'"{len(data)}-{hash(data)}"')
            self.send_header("Content-Length", str(len(data)))
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def fetched(hub: Hub, folder: Path, source: HubSource = SOURCE) -> list[object]:
    return fetch(source, name="mine", endpoint=hub.address, hub_cache=folder)


def test_records_of_all_files(hub: Hub, tmp_path: Path) -> None:
    assert fetched(hub, tmp_path) == RECORDS
    assert f"/datasets/Team/set/resolve/{REVISION}/a.json" in hub.requests


def test_pinned_files_are_asked_for_once(hub: Hub, tmp_path: Path) -> None:
    fetched(hub, tmp_path)
    before = len(hub.requests)
    assert fetched(hub, tmp_path) == RECORDS
    assert len(hub.requests) == before


def test_parquet(hub: Hub, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    stream = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([{"id": 1, "tests": ["a"]}]), stream)
    hub.files["full/x.parquet"] = stream.getvalue()
    source = replace(SOURCE, files=("full/x.parquet",))
    assert fetched(hub, tmp_path, source) == [{"id": 1, "tests": ["a"]}]


@pytest.mark.parametrize("status", [404, 401, 403, 400])
def test_file_that_the_hub_does_not_give(status: int, hub: Hub, tmp_path: Path) -> None:
    hub.status = status
    del hub.files["b.jsonl"]
    with pytest.raises(UserError) as caught:
        fetched(hub, tmp_path)
    message = str(caught.value)
    assert "'mine': cannot download b.jsonl of Team/set" in message
    assert "--benchmark mine=PATH" in message
    assert "\n" not in message


# The hub's own library would go on trying for 23 seconds.
@pytest.mark.timeout(10)
def test_no_network(hub: Hub, tmp_path: Path) -> None:
    with socket.socket() as taken:
        # Bound, but not listening: connections are refused.
        taken.bind(("127.0.0.1", 0))
        hub.address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match="--benchmark mine=PATH") as caught:
            fetched(hub, tmp_path)
    assert "\n" not in str(caught.value)
    assert not hub.requests


@pytest.mark.parametrize(
    ("module", "file"), [("huggingface_hub", "a.json"), ("pyarrow", "a.parquet")]
)
def test_missing_extra(module: str, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("huggingface_hub")
    find = download.check_installed

    def check(name: str, *, extra: str) -> None:
        find("no_such_module_" + name if name == module else name, extra=extra)

    monkeypatch.setattr("pytest_selfinvoke.core.imports.check_installed", check)
    monkeypatch.setattr(download, "check_installed", check)
    with pytest.raises(UserError) as caught:
        fetch(replace(SOURCE, files=(file,)), name="mine")
    assert module in str(caught.value)
    assert "pip install 'pytest-selfinvoke[hub]', or name a file" in str(caught.value)
    assert "--benchmark mine=PATH" in str(caught.value)


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CachedFile:
    """A cache that is still empty, in front of a hub that answers."""
    monkeypatch.setattr(download, "fetch", lambda source, *, name: list(RECORDS))
    return CachedFile(folder=tmp_path / "mine", source=SOURCE)


def refuse(source: HubSource, *, name: str) -> list[object]:
    raise AssertionError("the hub was asked")


def test_nothing_is_cached(cached: CachedFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "fetch", refuse)
    assert cached.use(name="mine", download=False) is None
    assert not cached.folder.exists()


def test_download_is_kept_with_its_origin(
    cached: CachedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached.use(name="mine", download=True)
    assert path is not None
    assert [json.loads(line) for line in path.read_text().splitlines()] == RECORDS
    note = json.loads(cached.note.read_text())
    assert (note["repo"], note["revision"]) == ("Team/set", REVISION)
    assert note["files"] == ["a.json", "b.jsonl"]
    assert len(note["sha256"]) == 64
    monkeypatch.setattr(download, "fetch", refuse)
    assert cached.use(name="mine", download=True) == path
    assert cached.use(name="mine", download=False) == path


def test_other_revision_is_another_file(
    cached: CachedFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached.use(name="mine", download=True)
    other = replace(cached, source=replace(SOURCE, revision="f" * 40))
    assert other.use(name="mine", download=False) is None


def test_download_that_was_cut_off_does_not_count(cached: CachedFile) -> None:
    cached.use(name="mine", download=True)
    cached.note.unlink()
    assert cached.use(name="mine", download=False) is None


@pytest.mark.parametrize("note", [None, b"{", b"{}", b"[]", b"\xff", b'{"sha256": 1}'])
def test_damage_is_seen(note: bytes | None, cached: CachedFile) -> None:
    path = cached.use(name="mine", download=True)
    assert path is not None
    whole = path.read_bytes()
    if note is None:
        path.write_bytes(whole + b"\n")
    else:
        cached.note.write_bytes(note)
    with pytest.raises(UserError, match=r"0123456789ab\.jsonl: .* damaged: delete it"):
        cached.use(name="mine", download=False)
    assert cached.use(name="mine", download=True) == path
    assert path.read_bytes() == whole
    assert cached.is_whole


def test_cache_that_cannot_be_written(cached: CachedFile, tmp_path: Path) -> None:
    # A file where a folder is needed: even root cannot write there.
    (tmp_path / "mine").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"'mine': the cache .*mine cannot be wri") as e:
        cached.use(name="mine", download=True)
    assert "set SELFINVOKE_CACHE to a folder with room" in str(e.value)
    assert "\n" not in str(e.value)


def test_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = tmp_path / ".cache" / "pytest-selfinvoke"
    assert cache_dir({}) == usual
    assert cache_dir({"XDG_CACHE_HOME": "relative"}) == usual
    assert cache_dir({"XDG_CACHE_HOME": "/x"}) == Path("/x/pytest-selfinvoke")
    chosen = {"XDG_CACHE_HOME": "/x", "SELFINVOKE_CACHE": "~/mine"}
    assert cache_dir(chosen) == tmp_path / "mine"


def test_from_the_hub_to_problems(hub: Hub, tmp_path: Path) -> None:
    """The whole way, with the hub's address from the environment."""
    record = {
        "id": 0,
        "raw_problem": "def half(x):\n",
        "raw_solution": "    return x / 2\n",
        "new_problem": "def halves(xs):\n",
        "new_solution": "    return [half(x) for x in xs]\n",
        "test_code": "assert halves([2]) == [1]\n",
    }
    hub.files["pro.jsonl"] = json.dumps(record).encode()
    program = (
        "from dataclasses import replace\n"
        "from pytest_selfinvoke.benchmarks.download import HubSource\n"
        "from pytest_selfinvoke.benchmarks.pro import HUMANEVAL_PRO\n"
        f"source = HubSource(repo='Team/set', revision={REVISION!r},"
        " files=('pro.jsonl',))\n"
        "benchmark = replace(HUMANEVAL_PRO, source=source)\n"
        "path = benchmark.locate(None, download=True)\n"
        "assert path == benchmark.locate(None, download=False)\n"
        "print(path, benchmark.load(path)[0].id, benchmark.load(None)[0].id)\n"
    )
    environ = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environ.pop("SELFINVOKE_DATA", None)
    environ |= {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(tmp_path / "hub"),
        "SELFINVOKE_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path, *ids = done.stdout.split()
    expected = tmp_path / "cache/benchmarks/humaneval-pro" / f"{REVISION[:12]}.jsonl"
    assert Path(path) == expected
    assert ids == ["HumanEvalPro_000"] * 2
