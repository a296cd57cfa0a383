"""The routing of a run: ``routing/MODEL.npz``, which ``numpy.load`` reads too.

For each prompt, by its hash: ``HASH.tokens`` (token ids, also of its answer),
``HASH.prompt`` (how many of them are the prompt), ``HASH.experts`` and ``HASH.weights``
(each layers x tokens x top-k). ``meta`` is JSON as bytes.
Written and read without numpy, for the controller need not have it.
"""

from __future__ import annotations

import ast
import json
import struct
import sys
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.ids import segment
from pytest_selfinvoke.core.jsonio import dumps
from pytest_selfinvoke.core.routing import Routes

FOLDER = "routing"
_META = "meta.npy"
_ORDER = "<" if sys.byteorder == "little" else ">"
#: What reading a file that was cut off or changed may raise.
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    SyntaxError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
_MAGIC = b"\x93NUMPY\x01\x00"


class RouteWriter:
    """Writes the prompts of one model; the file appears when all is written.

    :param run: the run directory.
    :param model: the model's label.
    """

    def __init__(self, run: Path, model: str) -> None:
        self._model = model
        self.path = run / FOLDER / f"{segment(model).replace('/', '_')}.npz"
        self._part = self.path.with_suffix(".part")
        self._shape: dict[str, Any] = {}
        self._prompts = self._tokens = 0
        self._duration_s = 0.0

    def __enter__(self) -> Self:
        self.path.parent.mkdir(exist_ok=True)
        self._zip = zipfile.ZipFile(self._part, "w", zipfile.ZIP_DEFLATED)
        return self

    def add(self, prompt_hash: str, routes: Routes) -> None:
        """Write one prompt."""
        shape = (len(routes.layers), len(routes.tokens), routes.top_k)
        kind, chosen = "u2", routes.chosen.tobytes()
        if routes.experts <= 256:
            kind, chosen = "u1", array("B", routes.chosen).tobytes()
        for name, dtype, size, data in (
            ("tokens", "u4", shape[1:2], routes.tokens.tobytes()),
            ("prompt", "u4", (1,), array("I", [routes.prompt_tokens]).tobytes()),
            ("experts", kind, shape, chosen),
            ("weights", "f2", shape, routes.weights),
        ):
            self._zip.writestr(f"{prompt_hash}.{name}.npy", _npy(dtype, size, data))
        self._shape = {"layers": list(routes.layers), "experts": routes.experts}
        self._prompts += 1
        self._tokens += len(routes.tokens)
        self._duration_s += routes.duration_s

    def __exit__(self, kind: object, *_: object) -> None:
        meta = {
            "model": self._model,
            **self._shape,
            "prompts": self._prompts,
            "tokens": self._tokens,
            "duration_s": self._duration_s,
        }
        data = dumps(meta).encode()
        self._zip.writestr(_META, _npy("u1", (len(data),), data))
        self._zip.close()
        if kind is None and self._prompts:
            self._part.replace(self.path)
        else:
            self._part.unlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFile:
    """The routing of one model in a run."""

    path: Path
    model: str
    layers: tuple[int, ...]
    experts: int
    prompts: int
    tokens: int
    duration_s: float

    @property
    def size_bytes(self) -> int:
        """The size of the file."""
        return self.path.stat().st_size

    @contextmanager
    def reading(self) -> Iterator[Callable[[str], Routes | None]]:
        """Gives the routes of a prompt by its hash; ``None`` if it was not read.

        :raises DataError: if the file is damaged, then or now.
        """
        with self._archive() as archive:
            known = set(archive.namelist())

            def get(prompt_hash: str) -> Routes | None:
                if f"{prompt_hash}.tokens.npy" not in known:
                    return None
                try:
                    return self._read(archive, prompt_hash)
                except _DAMAGE as error:
                    raise DataError(self.path, f"damaged: {error}") from error

            yield get

    def _archive(self) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(self.path)
        except _DAMAGE as error:
            raise DataError(self.path, f"damaged: {error}") from error

    def _read(self, archive: zipfile.ZipFile, prompt_hash: str) -> Routes:
        tokens, prompt, chosen, weights = (
            _from_npy(archive.read(f"{prompt_hash}.{name}.npy"))
            for name in ("tokens", "prompt", "experts", "weights")
        )
        layers, count, top_k = chosen.shape
        if (layers, count) != (len(self.layers), tokens.shape[0]):
            raise ValueError(f"{prompt_hash}: shapes do not fit together")
        code = "B" if chosen.kind == "u1" else "H"
        return Routes(
            tokens=array("I", tokens.data),
            layers=self.layers,
            experts=self.experts,
            top_k=top_k,
            chosen=array("H", array(code, chosen.data)),
            weights=weights.data,
            prompt_tokens=array("I", prompt.data)[0],
        )


def has_routing(run: Path) -> bool:
    """Whether the routing of a run was read."""
    return (run / FOLDER).is_dir()


def read_route_files(run: Path) -> list[RouteFile]:
    """What a run directory holds, by model; nothing if routing was not read.

    :raises DataError: if a file is damaged.
    """
    found = []
    for path in sorted((run / FOLDER).glob("*.npz")):
        try:
            with zipfile.ZipFile(path) as archive:
                meta: Mapping[str, Any] = json.loads(
                    _from_npy(archive.read(_META)).data
                )
            fields = {**meta, "layers": tuple(meta["layers"])}
            found.append(RouteFile(path=path, **fields))
        except (*_DAMAGE, TypeError) as error:
            raise DataError(path, f"not the routing of a model: {error}") from error
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Array:
    kind: str
    shape: tuple[int, ...]
    data: bytes


def _npy(kind: str, shape: tuple[int, ...], data: bytes) -> bytes:
    """An array in numpy's format, version 1.0 (``numpy.lib.format``)."""
    order = "|" if kind == "u1" else _ORDER
    header = repr(
        {"descr": f"{order}{kind}", "fortran_order": False, "shape": tuple(shape)}
    )
    # The data begin at a multiple of 64 bytes, behind a line feed.
    room = -(len(_MAGIC) + 2 + len(header) + 1) % 64
    padded = f"{header}{' ' * room}\n".encode("ascii")
    return _MAGIC + struct.pack("<H", len(padded)) + padded + data


def _from_npy(content: bytes) -> _Array:
    if not content.startswith(_MAGIC):
        raise ValueError("not an array of version 1.0")
    start = len(_MAGIC) + 2
    [length] = struct.unpack("<H", content[len(_MAGIC) : start])
    header = ast.literal_eval(content[start : start + length].decode("ascii"))
    if header["descr"][0] not in ("|", _ORDER):
        raise ValueError("written on a machine of the other byte order")
    return _Array(
        kind=header["descr"][1:],
        shape=tuple(header["shape"]),
        data=content[start + length :],
    )
