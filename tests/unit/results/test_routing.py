from __future__ import annotations

import zipfile
from array import array
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.results.routing import RouteWriter, read_route_files


def routes(*, experts: int = 4, tokens: int = 3) -> Routes:
    size = 2 * tokens * 2
    return Routes(
        tokens=array("I", range(100_000, 100_000 + tokens)),
        layers=(1, 3),
        experts=experts,
        top_k=2,
        chosen=array("H", [i * 7 % experts for i in range(size)]),
        weights=bytes(range(2 * size)),
        prompt_tokens=2,
        duration_s=0.5,
    )


def write(run: Path, model: str = "m", **prompts: Routes) -> None:
    with RouteWriter(run, model) as writer:
        for prompt_hash, found in prompts.items():
            writer.add(prompt_hash, found)


@pytest.mark.parametrize("experts", [4, 256, 300])
def test_what_was_written_is_read(tmp_path: Path, experts: int) -> None:
    one, other = routes(experts=experts), routes(experts=experts, tokens=5)
    write(tmp_path, "org/name", a1=one, b2=other)
    [file] = read_route_files(tmp_path)
    assert file.path == tmp_path / "routing" / "org_name.npz"
    assert (file.model, file.layers, file.experts) == ("org/name", (1, 3), experts)
    assert (file.prompts, file.tokens, file.duration_s) == (2, 8, 1.0)
    assert file.size_bytes == file.path.stat().st_size
    with file.reading() as get:
        for prompt_hash, found in (("a1", one), ("b2", other)):
            read = get(prompt_hash)
            assert read is not None
            for name in (
                *("tokens", "layers", "experts", "top_k", "chosen", "weights"),
                "prompt_tokens",
            ):
                assert getattr(read, name) == getattr(found, name)
        assert get("c3") is None


def test_numpy_reads_it(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    write(tmp_path, a1=routes(), b2=routes(experts=300))
    arrays = numpy.load(tmp_path / "routing" / "m.npz")
    assert arrays["a1.tokens"].tolist() == [100_000, 100_001, 100_002]
    assert arrays["a1.experts"].shape == (2, 3, 2)
    assert arrays["a1.experts"].dtype == numpy.uint8
    assert arrays["b2.experts"].dtype == numpy.uint16
    assert arrays["a1.experts"].flatten().tolist() == list(routes().chosen)
    assert arrays["a1.weights"].dtype == numpy.float16
    assert b'"model":"m"' in arrays["meta"].tobytes()


def test_nothing_is_left_of_what_was_broken_off(tmp_path: Path) -> None:
    def interrupted() -> None:
        with RouteWriter(tmp_path, "m") as writer:
            writer.add("a1", routes())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "routing").iterdir()) == []
    write(tmp_path)
    assert read_route_files(tmp_path) == []
    assert read_route_files(tmp_path / "elsewhere") == []


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, a1=routes())
    [file] = read_route_files(tmp_path)
    with zipfile.ZipFile(file.path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file.path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data[:-1] if name == "a1.tokens.npy" else data)
    with (
        pytest.raises(DataError, match=r"m\.npz: damaged"),
        file.reading() as get,
    ):
        get("a1")
    file.path.write_bytes(file.path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"m\.npz: not the routing of a model"):
        read_route_files(tmp_path)
