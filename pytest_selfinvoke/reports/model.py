"""What was detected of a model, as lines."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_selfinvoke.core.records import ModelInfo


def model_lines(info: ModelInfo) -> Iterator[str]:
    """The detection table: one fact a line; what is unknown says so."""
    sparse = info.architecture != "dense"
    facts: dict[str, object] = {
        "engine": f"{info.engine} ({info.engine_version})".replace(" ()", ""),
        "architecture": info.architecture,
        "layers": info.layers,
        **({"layers with experts": info.moe_layers} if sparse else {}),
        **({"experts per layer": info.experts} if sparse else {}),
        **({"experts per token": info.top_k} if sparse else {}),
        **({"shared experts": info.shared_experts} if sparse else {}),
        "total parameters": _count(info.total_parameters),
        "active parameters": _count(info.active_parameters),
        "precision": info.precision,
        "context": _tokens(info.context),
        "chat template": _word(info.chat_template),
        "revision": info.revision,
        "alignment": info.alignment,
    }
    yield info.name
    for name, value in facts.items():
        yield f"  {name:<20} {'unknown' if value is None else value}"
    for note in info.notes:
        yield f"  note: {note}"


def _count(number: int | None) -> str | None:
    if number is None:
        return None
    for size, letter in ((10**9, "B"), (10**6, "M")):
        if number >= size:
            return f"{number:,} ({number / size:.2f} {letter})"
    return f"{number:,}"


def _tokens(number: int | None) -> str | None:
    return None if number is None else f"{number:,} tokens"


def _word(fact: bool | None) -> str | None:
    return None if fact is None else ("yes" if fact else "no")
