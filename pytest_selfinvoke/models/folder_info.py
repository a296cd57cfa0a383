"""What the files of a checkpoint folder say of the model, without torch."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.models.info import (
    detect,
    layer_count,
    read_local_chat_template,
    with_active,
)
from pytest_selfinvoke.models.weights import folder_revision

#: Types of weights that are not packed: one number is one parameter.
PLAIN = frozenset({"F64", "F32", "F16", "BF16"})
LARGEST_HEADER_BYTES = 1 << 28


def read_folder(info: ModelInfo, folder: Path) -> ModelInfo:
    """``info`` with revision, chat template, architecture and parameters of a folder.

    What its files do not say stays as it is.
    """
    info = replace(
        info,
        revision=folder_revision(folder),
        chat_template=read_local_chat_template(folder),
    )
    config = _config(folder)
    if config is None:
        return info
    info = detect(info, config)
    sizes = _sizes(folder)
    if sizes is None or getattr(config, "quantization_config", None) is not None:
        return info
    return _count(info, sizes)


def _config(folder: Path) -> Any:
    """``config.json`` with the fields of its text part, or ``None``."""
    try:
        fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        fields = {**fields, **(fields.get("text_config") or {})}
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    if isinstance(inner := fields.get("ffn_config"), dict):
        fields["ffn_config"] = SimpleNamespace(**inner)
    config = SimpleNamespace(**fields)
    config.get_text_config = lambda: config
    return config


def _count(info: ModelInfo, sizes: dict[str, int]) -> ModelInfo:
    total = sum(sizes.values())
    info = replace(info, total_parameters=total)
    if info.experts is None:
        return replace(info, active_parameters=total)
    routed = {name: n for name, n in sizes.items() if ".experts." in name}
    info = replace(info, moe_layers=layer_count(routed))
    return with_active(info, sum(routed.values()))


def _sizes(folder: Path) -> dict[str, int] | None:
    """Elements of each tensor; ``None`` without safetensors, or if some are packed."""
    tensors: dict[str, int] = {}
    try:
        for path in sorted(folder.glob("*.safetensors")):
            for name, entry in _tensors(path):
                if entry["dtype"] not in PLAIN:
                    return None
                tensors[name] = math.prod(entry["shape"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return tensors or None


def _tensors(path: Path) -> Iterator[tuple[str, Any]]:
    """The entries of a safetensors header: 8 bytes of length, then JSON."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > LARGEST_HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    yield from header.items()
