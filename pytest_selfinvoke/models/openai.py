"""``openai:URL#MODEL``: any server with OpenAI's chat and completions endpoints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_selfinvoke.core.imports import check_installed
from pytest_selfinvoke.core.records import ModelInfo, ModelSpec
from pytest_selfinvoke.models.endpoint import (
    Served,
    api_key,
    ask_servers,
    parse_addresses,
)
from pytest_selfinvoke.models.info import check_declared, declare
from pytest_selfinvoke.models.openai_engine import OpenAiEngine, OpenAiOptions
from pytest_selfinvoke.models.options import parse_options

PREFLIGHT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiKind:
    """Makes engines that ask one server, or several replicas: ``URL1,URL2#MODEL``."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def preflight(self, spec: ModelSpec) -> None:
        """Check extra, options and addresses, and that the servers have the model."""
        check_installed("openai", extra="openai")
        options = parse_options(OpenAiOptions, spec)
        check_declared(spec.declared)
        self._ask(spec, options)

    def load(self, spec: ModelSpec) -> OpenAiEngine:
        """Make the clients; the servers are asked once more which model they have."""
        options = parse_options(OpenAiOptions, spec)
        served = self._ask(spec, options)
        urls = [address.url for address in parse_addresses(spec.argument)]
        key = api_key(self.environ)
        info = describe(served, replicas=len(urls), options=options)
        info = declare(info, spec.declared)
        return OpenAiEngine(urls, key, info, options=options, echoes=served.echoes)

    def inspect(self, spec: ModelSpec) -> ModelInfo:
        """What the servers say of the model.

        :raises UserError: if they do not answer, or do not have it.
        """
        options = parse_options(OpenAiOptions, spec)
        replicas = len(parse_addresses(spec.argument))
        info = describe(self._ask(spec, options), replicas=replicas, options=options)
        return declare(info, spec.declared)

    def _ask(self, spec: ModelSpec, options: OpenAiOptions) -> Served:
        return ask_servers(
            parse_addresses(spec.argument),
            api_key(self.environ),
            timeout_s=PREFLIGHT_TIMEOUT_S,
            trusted=not options.check_model,
        )


def describe(served: Served, *, replicas: int, options: OpenAiOptions) -> ModelInfo:
    """What is known of a served model: what the servers say, and nothing else."""
    if options.deterministic:
        notes = ["one request at a time"]
    else:
        notes = [
            f"up to {options.max_batch} requests at once: completions may depend on"
            " how the server batches them"
        ]
    if replicas > 1:
        notes.append(f"{replicas} replicas")
    return ModelInfo(
        name=served.model,
        engine="openai",
        engine_version=served.server,
        precision=served.precision,
        total_parameters=served.total_parameters,
        context=served.context,
        notes=tuple(notes),
    )
