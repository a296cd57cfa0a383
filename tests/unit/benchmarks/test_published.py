"""Where a published benchmark is looked for, and what is said of other versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks.base import Benchmark, BenchmarkInfo
from pytest_selfinvoke.benchmarks.download import CachedFile, HubSource
from pytest_selfinvoke.benchmarks.published import PublishedBenchmark, problems_hash
from pytest_selfinvoke.benchmarks.reading import Row
from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Part, Problem

SOURCE = HubSource(repo="Team/set", revision="a" * 40, files=("a.json",))


def parse(row: Row) -> Problem:
    part = Part(entry_point="f", prompt="def f():", solution="    pass")
    return Problem(id=row.text("id"), benchmark="mine", target=part)


def benchmark(environ: Mapping[str, str]) -> PublishedBenchmark:
    return PublishedBenchmark(
        info=BenchmarkInfo(
            name="mine", version="7", licence="MIT", citation="", description=""
        ),
        parse=parse,
        forms=(("id",),),
        files=("mine.json", "sub/mine.json"),
        source=SOURCE,
        known_hash="0" * 64,
        environ=environ,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with two problems, under its second well-known name."""
    path = tmp_path / "sub" / "mine.json"
    path.parent.mkdir()
    path.write_text('[{"id": "one"}, {"id": "two"}]', encoding="utf-8")
    return path


def test_it_is_a_benchmark() -> None:
    assert isinstance(benchmark({}), Benchmark)


def test_named_file_or_folder(file: Path, tmp_path: Path) -> None:
    mine = benchmark({"SELFINVOKE_DATA": "/nowhere"})
    assert mine.locate(file, download=False) == file
    assert mine.locate(tmp_path, download=False) == file
    with pytest.raises(UserError, match=r"holds none of mine\.json.*--benchmark mine="):
        mine.locate(Path(__file__).parent, download=True)


def test_folder_of_the_environment(file: Path, tmp_path: Path) -> None:
    mine = benchmark({"SELFINVOKE_DATA": str(tmp_path)})
    assert mine.locate(None, download=False) == file
    assert [p.id for p in mine.load(None)] == ["one", "two"]


def test_cache_comes_after_the_environment(file: Path, tmp_path: Path) -> None:
    environ = {
        "SELFINVOKE_DATA": str(tmp_path / "empty"),
        "SELFINVOKE_CACHE": str(tmp_path / "cache"),
    }
    folder = tmp_path / "cache" / "benchmarks" / "mine"
    cached = CachedFile(folder=folder, source=SOURCE)
    cached.store([{"id": "cached"}])
    mine = benchmark(environ)
    assert mine.locate(None, download=False) == cached.path
    assert [p.id for p in mine.load(None)] == ["cached"]
    assert (
        benchmark({**environ, "SELFINVOKE_DATA": str(tmp_path)}).locate(
            None, download=False
        )
        == file
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [("", r"in SELFINVOKE_DATA \(unset\)"), ("/none", r"SELFINVOKE_DATA \(/none\)")],
)
def test_nowhere(data: str, message: str, tmp_path: Path) -> None:
    mine = benchmark({"SELFINVOKE_DATA": data, "SELFINVOKE_CACHE": str(tmp_path)})
    with pytest.raises(UserError, match=rf"'mine' is not here: .*{message}") as caught:
        mine.locate(None, download=False)
    assert str(caught.value).endswith("use --benchmark mine=PATH")


def test_the_hub_is_asked_only_if_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pytest_selfinvoke.benchmarks.download.fetch",
        lambda source, *, name: [{"id": f"{source.repo} for {name}"}],
    )
    mine = benchmark({"SELFINVOKE_CACHE": str(tmp_path)})
    with pytest.raises(UserError, match="is not here"):
        mine.load(None)
    path = mine.locate(None, download=True)
    assert [p.id for p in mine.load(path)] == ["Team/set for mine"]


def test_repeated_ids(file: Path) -> None:
    file.write_text(json.dumps([{"id": "one"}, {"id": "one"}]), encoding="utf-8")
    with pytest.raises(DataError, match="one is already record 1, again in record 2"):
        benchmark({}).load(file)


def test_known_version(file: Path) -> None:
    mine = benchmark({})
    problems = mine.load(file)
    warning = mine.mismatch(problems)
    assert warning is not None
    assert warning.startswith("benchmark 'mine': these 2 problems are not version 7")
    known = replace(mine, known_hash=problems_hash(problems))
    assert known.mismatch(problems) is None
    assert known.mismatch(problems[:1]) is not None


def test_hash_is_the_one_of_the_manifest(file: Path) -> None:
    problems = benchmark({}).load(file)
    assert problems_hash(problems) == content_hash([p.hash for p in problems])


def test_the_environment_is_not_shown() -> None:
    assert "secret" not in repr(benchmark({"TOKEN": "secret"}))
