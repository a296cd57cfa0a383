"""``hf:NAME_OR_FOLDER``: causal language models of transformers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import check_installed, require
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec
from pytest_selfinvoke.models.checkpoint import (
    Checkpoint,
    HfOptions,
    Source,
    explain,
    find_source,
    load_checkpoint,
)
from pytest_selfinvoke.models.gguf_header import read_model_header
from pytest_selfinvoke.models.gguf_info import describe_header
from pytest_selfinvoke.models.hf_engine import HfEngine
from pytest_selfinvoke.models.info import (
    check_declared,
    declare,
    detect,
    read_local_chat_template,
)
from pytest_selfinvoke.models.options import parse_options
from pytest_selfinvoke.models.threads import thread_count


@dataclass(frozen=True, slots=True, kw_only=True)
class HfKind:
    """Makes engines from folders and from names on the hub."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True
    gives_routes: ClassVar[bool] = True
    has_gradients: ClassVar[bool] = True

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def preflight(self, spec: ModelSpec) -> None:
        """Check extras, options and, of a folder, the files it must hold."""
        check_extras()
        parse_options(HfOptions, spec)
        check_declared(spec.declared)
        find_source(spec.argument)

    def load(self, spec: ModelSpec) -> HfEngine:
        """Load the model; a name on the hub is downloaded if it is not cached."""
        options = parse_options(HfOptions, spec)
        source = find_source(spec.argument)
        set_threads(self.environ)
        loaded = load_checkpoint(source, options)
        info = describe(loaded, source, spec)
        return HfEngine(loaded, info, options=options)

    def inspect(self, spec: ModelSpec) -> ModelInfo:
        """What is known of the model without its weights.

        Of a name on the hub, the config and the tokenizer are downloaded.

        :raises UserError: if its config cannot be read.
        """
        check_extras()
        options = parse_options(HfOptions, spec)
        source = find_source(spec.argument)
        if source.gguf is not None:
            header = read_model_header((Path(source.location) / source.gguf,))
            info = describe_header(header, name=source.name, engine="hf")
        else:
            info = outline(source, options)
        info = replace(info, revision=source.local_revision or info.revision)
        return declare(info, spec.declared)


def outline(source: Source, options: HfOptions) -> ModelInfo:
    """What config and tokenizer say; parameters are counted on a model without any.

    :raises UserError: if they cannot be read.
    """
    torch = require("torch", extra="hf")
    transformers = require("transformers", extra="hf")
    transformers.utils.logging.set_verbosity_error()
    shared = {"trust_remote_code": options.trust_remote_code}
    found = {"revision": options.revision} if options.revision else {}
    try:
        config = transformers.AutoConfig.from_pretrained(
            source.location, **shared, **found
        )
        with torch.device("meta"):
            model = transformers.AutoModelForCausalLM.from_config(config, **shared)
        template = read_local_chat_template(Path(source.location))
        if source.local_revision is None:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                source.location, **shared, **found
            )
            template = bool(tokenizer.chat_template)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise UserError(
            explain(error, model=f"hf:{source.name}", revision=options.revision)
        ) from error
    info = ModelInfo(
        name=source.name,
        engine="hf",
        engine_version=f"transformers {transformers.__version__}",
        chat_template=template,
        revision=getattr(config, "_commit_hash", None),
    )
    return detect(info, config, model)


def check_extras() -> None:
    """Check that the extra ``hf`` is installed, without importing it."""
    for module in ("torch", "transformers"):
        check_installed(module, extra="hf")


def set_threads(environ: Mapping[str, str]) -> None:
    """Give torch its share of the cores."""
    require("torch", extra="hf").set_num_threads(thread_count(environ))


def describe(loaded: Checkpoint, source: Source, spec: ModelSpec) -> ModelInfo:
    """What is known of a loaded model; what the user declares wins."""
    versions = (
        f"{module} {require(module, extra='hf').__version__}"
        for module in ("transformers", "torch")
    )
    info = ModelInfo(
        name=source.name,
        engine="hf",
        engine_version=", ".join(versions),
        chat_template=bool(loaded.tokenizer.chat_template),
        revision=source.local_revision
        or getattr(loaded.model.config, "_commit_hash", None),
        device=str(loaded.model.device),
    )
    return declare(detect(info, loaded.model.config, loaded.model), spec.declared)
