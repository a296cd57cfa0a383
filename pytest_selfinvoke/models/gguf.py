"""``gguf:FILE`` and ``gguf:REPOSITORY#FILE``: llama.cpp, through xllamacpp.

The light engine: no torch, quantised weights, an answer to a long shared prefix is
begun from its cache. Its completions depend on what else is under way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from pytest_selfinvoke.core.cache import cache_dir
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import check_installed, require
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec
from pytest_selfinvoke.models.cache import build_once
from pytest_selfinvoke.models.checkpoint import explain, is_hub_name
from pytest_selfinvoke.models.gguf_engine import GgufEngine, GgufOptions, start
from pytest_selfinvoke.models.gguf_header import part_names, read_model_header
from pytest_selfinvoke.models.gguf_info import describe_header
from pytest_selfinvoke.models.info import check_declared, declare
from pytest_selfinvoke.models.options import parse_options
from pytest_selfinvoke.models.smollm2 import GGUF, KNOWN, SHA256, fetch_checked
from pytest_selfinvoke.models.threads import thread_count
from pytest_selfinvoke.models.weights import files_revision

SMOLLM2 = "smollm2"


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufKind:
    """Makes engines from GGUF files: here, on the hub, or ``gguf:smollm2``."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def preflight(self, spec: ModelSpec) -> None:
        """Check the extra, the options and the header of a file that is here."""
        check_installed("xllamacpp", extra="gguf")
        parse_options(GgufOptions, spec)
        check_declared(spec.declared)
        if spec.argument == SMOLLM2:
            return
        if isinstance(source := find_gguf(spec.argument), HubFile):
            check_installed("huggingface_hub", extra="hub")
        else:
            read_model_header(source)

    def load(self, spec: ModelSpec) -> GgufEngine:
        """Load the model; a file on the hub is downloaded if it is not cached."""
        options = parse_options(GgufOptions, spec)
        declared = dict(spec.declared)
        if spec.argument == SMOLLM2:
            parts: tuple[Path, ...] = (self._smollm2(),)
            revision, declared = f"sha256:{SHA256[:16]}", {**KNOWN, **declared}
        elif isinstance(source := find_gguf(spec.argument), HubFile):
            parts = source.download(options.revision)
            # The cache of the hub keeps files under their commit.
            revision = parts[0].parts[parts[0].parts.index("snapshots") + 1]
        else:
            parts, revision = source, files_revision(source)
        return start(
            parts,
            revision=revision,
            declared=declared,
            options=options,
            threads=thread_count(self.environ),
        )

    def inspect(self, spec: ModelSpec) -> ModelInfo:
        """What the header of a file that is here says.

        :raises UserError: for a file on the hub: its header comes with its weights.
        """
        source = find_gguf(spec.argument)
        if isinstance(source, HubFile):
            raise UserError(f"{spec.spec}: download the file, and name it")
        header = read_model_header(source)
        info = describe_header(header, name=source[0].stem, engine="gguf")
        info = replace(info, revision=files_revision(source))
        return declare(info, spec.declared)

    def _smollm2(self) -> Path:
        folder = cache_dir(self.environ) / "models" / f"smollm2-gguf-{SHA256[:16]}"
        return build_once(folder, lambda new: fetch_checked(new / GGUF)) / GGUF


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A GGUF file (the first, of several parts) in a repository on the hub."""

    repository: str
    file: str

    def download(self, revision: str | None) -> tuple[Path, ...]:
        """All parts, in the cache of the hub.

        :raises UserError: in one line, if they cannot be had.
        """
        hub = require("huggingface_hub", extra="hub")
        folder, _, first = self.file.rpartition("/")
        try:
            return tuple(
                Path(
                    hub.hf_hub_download(
                        self.repository,
                        f"{folder}/{name}" if folder else name,
                        revision=revision,
                    )
                )
                for name in part_names(first)
            )
        except (OSError, ValueError, RuntimeError) as error:
            model = f"gguf:{self.repository}#{self.file}"
            raise UserError(explain(error, model=model, revision=revision)) from error


def find_gguf(argument: str) -> tuple[Path, ...] | HubFile:
    """The files that the argument of ``gguf:ARGUMENT`` means.

    :raises UserError: if it is neither a file nor a file on the hub.
    """
    path = Path(argument).expanduser()
    if argument and path.is_file():
        parts = tuple(path.with_name(name) for name in part_names(path.name))
        for part in parts:
            if not part.is_file():
                raise UserError(f"gguf:{argument}: the part {part.name} is missing")
        return parts
    repository, _, file = argument.partition("#")
    if is_hub_name(repository) and file.endswith(".gguf"):
        return HubFile(repository=repository, file=file)
    raise UserError(
        f"gguf:{argument}: there is no such file; a file on the hub is written"
        " gguf:ORGANISATION/NAME#FILE.gguf"
    )
