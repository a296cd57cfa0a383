"""The header of a GGUF file: what it says of the model, without its weights.

The format is that of ``docs/gguf.md`` in the repository ggml, versions 2 and 3.
Standard library only: the controller reads it too.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pytest_selfinvoke.core.errors import DataError, UserError

_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_TEXT, _ARRAY = 8, 9
_PART = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
#: No text or list of a real header is longer; a damaged one may ask for anything.
_LONGEST = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufHeader:
    """Metadata, and the number of elements of each tensor by its name.

    Lists (vocabulary, merges) are left out of ``metadata``.
    """

    metadata: Mapping[str, Any]
    tensors: Mapping[str, int]

    def of_architecture(self, name: str) -> int | None:
        """``N`` of ``llama.NAME = N``."""
        value = self.metadata.get(f"{self.metadata.get('general.architecture')}.{name}")
        return value if isinstance(value, int) else None

    @property
    def has_chat_template(self) -> bool:
        """Whether the file brings a chat template."""
        return bool(self.metadata.get("tokenizer.chat_template"))


def read_header(path: Path) -> GgufHeader:
    """Read the header of one file.

    :raises DataError: if it is no GGUF file, or a damaged one.
    """
    try:
        with path.open("rb") as stream:
            return _header(stream)
    except (struct.error, UnicodeDecodeError, ValueError, KeyError) as error:
        raise DataError(path, f"is not a GGUF file, or damaged: {error}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def read_model_header(parts: tuple[Path, ...]) -> GgufHeader:
    """The header of a model in one or several files: the first has the metadata.

    :raises DataError: if one is no GGUF file, or a damaged one.
    """
    headers = [read_header(part) for part in parts]
    tensors = {
        name: size for header in headers for name, size in header.tensors.items()
    }
    return GgufHeader(metadata=headers[0].metadata, tensors=tensors)


def part_names(name: str) -> tuple[str, ...]:
    """The files of a model that is named by its first: ``X-00001-of-00003.gguf``.

    :raises UserError: if another part than the first is named.
    """
    found = _PART.fullmatch(name)
    if found is None:
        return (name,)
    count = int(found["count"])
    names = tuple(
        f"{found['stem']}-{i:05d}-of-{count:05d}.gguf" for i in range(1, count + 1)
    )
    if int(found["number"]) != 1 or not count:
        raise UserError(f"{name}: name the first part of the model, -00001-of-...")
    return names


def _header(stream: BinaryIO) -> GgufHeader:
    if stream.read(4) != b"GGUF":
        raise ValueError("it does not begin with 'GGUF'")
    version, tensors, entries = _unpack(stream, "IQQ")
    if version not in (2, 3):
        raise ValueError(f"version {version}")
    metadata = {}
    for _ in range(entries):
        name = _text(stream)
        value = _value(stream, *_unpack(stream, "I"))
        if value is not None:
            metadata[name] = value
    sizes = {}
    for _ in range(tensors):
        name = _text(stream)
        [dimensions] = _unpack(stream, "I")
        if dimensions > 8:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        sizes[name] = math.prod(_unpack(stream, f"{dimensions}Q"))
        _unpack(stream, "IQ")
    return GgufHeader(metadata=metadata, tensors=sizes)


def _value(stream: BinaryIO, kind: int) -> Any:
    """One value; ``None`` for a list, which is passed over."""
    if kind == _TEXT:
        return _text(stream)
    if kind != _ARRAY:
        return _unpack(stream, _SCALARS[kind])[0]
    inner, count = _unpack(stream, "IQ")
    if count > _LONGEST:
        raise ValueError(f"a list of {count} values")
    if inner in _SCALARS:
        stream.seek(count * struct.calcsize(f"<{_SCALARS[inner]}"), 1)
    else:
        for _ in range(count):
            _value(stream, inner)
    return None


def _text(stream: BinaryIO) -> str:
    [length] = _unpack(stream, "Q")
    if length > _LONGEST:
        raise ValueError(f"a text of {length} bytes")
    data = stream.read(length)
    if len(data) < length:
        raise ValueError("it ends too early")
    return data.decode("utf-8", "replace")


def _unpack(stream: BinaryIO, layout: str) -> tuple[Any, ...]:
    size = struct.calcsize(f"<{layout}")
    return struct.unpack(f"<{layout}", stream.read(size))
