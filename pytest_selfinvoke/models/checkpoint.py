"""A transformers checkpoint: found and checked by its files, then loaded.

Everything above :func:`load_checkpoint` reads files only and imports nothing heavy.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.models.options import require_positive
from pytest_selfinvoke.models.silencing import parse_silenced
from pytest_selfinvoke.models.weights import files_revision, folder_revision

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?")
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "*.gguf")
_INDEXES = ("*.safetensors.index.json", "pytorch_model*.bin.index.json")
_DTYPES = {
    "auto": "auto",
    "float32": "float32",
    "fp32": "float32",
    "bfloat16": "bfloat16",
    "bf16": "bfloat16",
    "float16": "float16",
    "fp16": "float16",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HfOptions:
    """What can be chosen for a local model.

    ``dtype`` and ``device`` are decided by ``auto`` as: fp32 on the CPU, where the
    answers were seen not to depend on the batch, bf16 on a GPU if there is one.
    ``deterministic`` makes them independent of the batch elsewhere too, at 1.6 to 1.9
    times the cost. ``continuous`` runs greedy requests without stop strings through
    transformers' continuous batching. ``silence`` maps layers to experts that are to
    contribute nothing: ``{ "3" = [0, 7] }``.
    """

    dtype: str = "auto"
    device: str = "auto"
    device_map: str | dict | None = None  # type: ignore[type-arg]
    revision: str | None = None
    max_batch: int = 16
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    deterministic: bool = False
    continuous: bool = False
    silence: dict = field(default_factory=dict)  # type: ignore[type-arg]

    def __post_init__(self) -> None:
        require_positive(self, "max_batch")
        parse_silenced(self.silence)
        if self.deterministic and self.continuous:
            raise UserError(
                "options 'deterministic' and 'continuous': batches that change at every"
                " step are not reproducible: choose one"
            )
        if self.dtype not in _DTYPES:
            raise UserError(
                f"option 'dtype': {self.dtype!r} is none of {', '.join(_DTYPES)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a checkpoint is: a folder, or a name on the hub.

    ``name`` is for reports and holds no folder of this machine. ``gguf`` is the file
    to read where the folder holds GGUF weights.
    """

    location: str
    name: str
    gguf: str | None = None

    @property
    def local_revision(self) -> str | None:
        """Of a folder, a hash of what decides answers; ``None`` for a hub name."""
        folder = Path(self.location)
        if self.gguf is not None:
            return files_revision([folder / self.gguf])
        return folder_revision(folder) if folder.is_dir() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A loaded model and its tokenizer."""

    model: Any
    tokenizer: Any


def find_source(argument: str) -> Source:
    """The checkpoint that the argument of ``hf:ARGUMENT`` means.

    :raises UserError: if it is neither a complete checkpoint nor like a hub name.
    """
    if not argument:
        raise UserError("hf: names no model: write hf:ORGANISATION/NAME or hf:FOLDER")
    path = Path(argument).expanduser()
    if path.is_dir():
        return _local_source(path)
    if path.is_file() and path.suffix == ".gguf":
        return Source(location=str(path.parent), name=path.stem, gguf=path.name)
    if argument[0] in "./~" or path.exists():
        raise UserError(f"hf:{argument}: there is no such folder or .gguf file")
    if not is_hub_name(argument):
        raise UserError(
            f"hf:{argument}: no such folder, and a name on the hub is written"
            " ORGANISATION/NAME"
        )
    return Source(location=argument, name=argument)


def is_hub_name(text: str) -> bool:
    """Whether a text can be the name of a repository on the hub."""
    return _HUB_NAME.fullmatch(text) is not None


def _local_source(folder: Path) -> Source:
    weights = sorted(p for pattern in _WEIGHTS for p in folder.glob(pattern))
    if not weights:
        raise UserError(
            f"{folder}: holds no weights (*.safetensors, pytorch_model*.bin or *.gguf)"
        )
    name = folder.resolve().name
    if all(path.suffix == ".gguf" for path in weights):
        if len(weights) > 1:
            raise UserError(f"{folder}: holds several .gguf files: name one of them")
        return Source(location=str(folder), name=name, gguf=weights[0].name)
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: config.json is missing")
    for index in sorted(p for pattern in _INDEXES for p in folder.glob(pattern)):
        _check_shards(index)
    return Source(location=str(folder), name=name)


def _check_shards(index: Path) -> None:
    try:
        named = set(
            json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        )
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{index}: is not an index of weights") from error
    missing = sorted(name for name in named if not (index.parent / name).is_file())
    if missing:
        raise UserError(
            f"{index.parent}: {len(missing)} of {len(named)} files of weights are"
            f" missing, first {missing[0]}"
        )


def load_checkpoint(source: Source, options: HfOptions) -> Checkpoint:
    """Read tokenizer and weights, from the hub if need be, onto the device.

    :raises UserError: in one line, if they cannot be had or do not fit together.
    """
    torch = require("torch", extra="hf")
    transformers = require("transformers", extra="hf")
    if source.gguf is not None:
        require("gguf", extra="hf")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    device = choose_device(torch, options)
    shared = {
        "revision": options.revision,
        "trust_remote_code": options.trust_remote_code,
        "gguf_file": source.gguf,
    }
    shared = {name: value for name, value in shared.items() if value is not None}
    safetensors = require("safetensors", extra="hf")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            source.location, **shared
        )
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            source.location,
            dtype=choose_dtype(torch, options, device),
            device_map=options.device_map,
            attn_implementation=options.attn_implementation,
            output_loading_info=True,
            **shared,
        )
        if options.device_map is None:
            model.to(device)
    except (
        OSError,
        ValueError,
        KeyError,
        ImportError,
        RuntimeError,
        safetensors.SafetensorError,
    ) as error:
        raise UserError(
            explain(error, model=f"hf:{source.name}", revision=options.revision)
        ) from error
    if missing := sorted(report["missing_keys"]):
        # transformers fills the gaps with random numbers and goes on.
        raise UserError(
            f"hf:{source.name}: {len(missing)} weights of the architecture are not in"
            f" the checkpoint, first {missing[0]}"
        )
    return Checkpoint(model=model.eval(), tokenizer=tokenizer)


def choose_device(torch: Any, options: HfOptions) -> str:
    """The device asked for; ``auto`` is a GPU if there is one."""
    if options.device != "auto":
        return options.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_dtype(torch: Any, options: HfOptions, device: str) -> Any:
    """The torch dtype asked for; ``auto`` is fp32 on the CPU and bf16 elsewhere."""
    name = _DTYPES[options.dtype]
    if name == "auto":
        name = "float32" if device.startswith("cpu") else "bfloat16"
    return getattr(torch, name)


def explain(error: BaseException, *, model: str, revision: str | None) -> str:
    """One line for the user: why a checkpoint cannot be loaded.

    The classes of huggingface_hub are told apart by name, for transformers wraps them
    in an ``OSError`` whose text changes between versions.
    """
    kinds = set()
    cause: BaseException | None = error
    while cause is not None:
        kinds |= {cls.__name__ for cls in type(cause).__mro__}
        cause = cause.__cause__ or cause.__context__
    at = "" if revision is None else f" at revision {revision!r}"
    if "GatedRepoError" in kinds:
        return f"{model}: access is restricted: accept its terms and log in to the hub"
    if "RevisionNotFoundError" in kinds:
        return f"{model}: the hub has no such revision{at}"
    if "RepositoryNotFoundError" in kinds:
        return f"{model}: not on the hub, or private and you are not logged in"
    if kinds & {"LocalEntryNotFoundError", "OfflineModeIsEnabled"}:
        return (
            f"{model}{at}: the hub cannot be reached and the model is not in its local"
            " cache: go online, or name a folder"
        )
    if "EntryNotFoundError" in kinds:
        return f"{model}: the repository has no such file{at}"
    if "trust_remote_code" in str(error):
        return (
            f"{model}: needs code from its own repository: read that code, then set"
            " the option trust_remote_code = true"
        )
    lines = str(error).strip().splitlines() or [""]
    return f"{model}: cannot be loaded: {type(error).__name__}: {lines[0]}"
