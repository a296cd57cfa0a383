"""``vllm:MODEL``: starts ``vllm serve`` on the loopback, asks it, and ends it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import check_installed
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.checkpoint import find_source, is_hub_name
from pytest_selfinvoke.models.endpoint import Address, ask_server
from pytest_selfinvoke.models.folder_info import read_folder
from pytest_selfinvoke.models.info import check_declared, declare
from pytest_selfinvoke.models.openai import describe
from pytest_selfinvoke.models.openai_engine import OpenAiEngine, OpenAiOptions
from pytest_selfinvoke.models.options import parse_options, require_positive
from pytest_selfinvoke.models.vllm_server import (
    VllmServer,
    server_environment,
    write_to_log,
)
from pytest_selfinvoke.models.weights import hub_commit

ASK_TIMEOUT_S = 30.0
#: What this module decides itself.
OWN_ARGUMENTS = ("host", "port", "api_key", "served_model_name", "model", "config")
_ARGUMENT = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmOptions(OpenAiOptions):
    """What can be chosen beside the arguments of ``vllm serve``.

    ``start_timeout`` is in seconds, download and compilation included.
    """

    executable: str = "vllm"
    start_timeout: float = 1800.0

    def __post_init__(self) -> None:
        OpenAiOptions.__post_init__(self)
        require_positive(self, "start_timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmKind:
    """Makes engines that own a server. Other options are arguments of the server."""

    needs_reference: ClassVar[bool] = False
    plans_ahead: ClassVar[bool] = True

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    tell: Callable[[str], None] = write_to_log

    def preflight(self, spec: ModelSpec) -> None:
        """Check extra, options, command and, of a folder, the files it must hold."""
        check_installed("openai", extra="openai")
        options, arguments = split_options(spec)
        command_line(spec, options, arguments, path=self.environ.get("PATH"))
        check_declared(spec.declared)

    def load(self, spec: ModelSpec) -> VllmEngine:
        """Start the server and wait for it."""
        options, arguments = split_options(spec)
        command = command_line(spec, options, arguments, path=self.environ.get("PATH"))
        key = secrets.token_hex(16)
        environ = server_environment(self.environ, key)
        self.tell(f"vllm: {' '.join(command)}")
        server = VllmServer(command, environ=environ, tell=self.tell)
        try:
            server.wait(options.start_timeout)
            address = Address.parse(f"{server.root}/v1#{model_name(spec)}")
            served = ask_server(address, key, timeout_s=ASK_TIMEOUT_S)
            info = replace(
                describe(served, replicas=1, options=options),
                engine="vllm",
                precision=_explicit(arguments, "dtype"),
            )
            folder = Path(spec.argument).expanduser()
            if folder.is_dir():
                info = read_folder(info, folder)
            else:
                asked = str(arguments.get("revision", "main"))
                commit = hub_commit(spec.argument, asked, self.environ)
                info = replace(info, revision=commit or arguments.get("revision"))
            info = declare(info, spec.declared)
            return VllmEngine(
                OpenAiEngine([address.url], key, info, options=options), server
            )
        except BaseException:
            server.close()
            raise

    def inspect(self, spec: ModelSpec) -> ModelInfo:
        """What its files say of the model, without a server.

        :raises UserError: if it is no folder, or says nothing.
        """
        check_declared(spec.declared)
        folder = Path(spec.argument).expanduser()
        if not folder.is_dir():
            raise UserError(
                f"{spec.spec}: no such folder; a name on the hub is read as"
                f" 'hf:{spec.argument}'"
            )
        location = Path(find_source(spec.argument).location)
        info = read_folder(ModelInfo(name=model_name(spec), engine="vllm"), location)
        return declare(info, spec.declared)


class VllmEngine:
    """Asks a server, and ends it when it is closed."""

    def __init__(self, inner: OpenAiEngine, server: VllmServer) -> None:
        self._inner = inner
        self._server = server

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._inner.info

    @property
    def max_batch(self) -> int:
        """The number of requests under way at once."""
        return self._inner.max_batch

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order."""
        return self._inner.generate(requests)

    def close(self) -> None:
        """Close the connections and end the server."""
        try:
            self._inner.close()
        finally:
            self._server.close()


def split_options(spec: ModelSpec) -> tuple[VllmOptions, dict[str, Any]]:
    """The options of this plugin, and the arguments of the server.

    :raises UserError: for one that is neither.
    """
    own = {field.name for field in fields(VllmOptions)}
    mine = {name: value for name, value in spec.options.items() if name in own}
    rest = {name: value for name, value in spec.options.items() if name not in own}
    for name in rest:
        if name in OWN_ARGUMENTS:
            raise UserError(f"option {name!r} of {spec.label!r}: is chosen for you")
        if not _ARGUMENT.fullmatch(name):
            raise UserError(
                f"option {name!r} of {spec.label!r}: write the argument of 'vllm serve'"
                " with underscores, as in tensor_parallel_size"
            )
    return parse_options(VllmOptions, replace(spec, options=mine)), rest


def command_line(
    spec: ModelSpec,
    options: VllmOptions,
    arguments: Mapping[str, Any],
    *,
    path: str | None,
) -> list[str]:
    """``vllm serve`` with its arguments, without host and port.

    :param path: where commands are looked for.
    :raises UserError: if there is no such command or no such model.
    """
    executable = shutil.which(str(Path(options.executable).expanduser()), path=path)
    if executable is None:
        raise UserError(
            f"vllm: there is no command {options.executable!r}: install vllm, or name"
            " it with the option 'executable'"
        )
    argument = spec.argument
    if argument and Path(argument).expanduser().is_dir():
        argument = find_source(argument).location
    elif not is_hub_name(argument):
        raise UserError(
            f"vllm:{argument}: no such folder, and a name on the hub is written"
            " ORGANISATION/NAME"
        )
    # The checkpoint's own sampling defaults would be put in where a request is silent.
    chosen: dict[str, Any] = {
        "generation_config": "vllm",
        # One line per request would be most of generation.log.
        "disable_uvicorn_access_log": True,
    }
    if options.deterministic:
        chosen |= {"max_num_seqs": 1, "enable_prefix_caching": False}
    command = [executable, "serve", argument, "--served-model-name", model_name(spec)]
    for name, value in (chosen | dict(arguments)).items():
        command += _flag(name, value)
    return command


def model_name(spec: ModelSpec) -> str:
    """The model's name in requests and reports; holds no folder of this machine."""
    path = Path(spec.argument).expanduser()
    return path.resolve().name if path.is_dir() else spec.argument


def _flag(name: str, value: Any) -> list[str]:
    """One argument: ``--name value``, ``--name``, ``--no-name`` or a list."""
    dashed = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{dashed}" if value else f"--no-{dashed}"]
    if isinstance(value, list):
        return [f"--{dashed}", *map(str, value)]
    return [f"--{dashed}", json.dumps(value) if isinstance(value, dict) else str(value)]


def _explicit(arguments: Mapping[str, Any], name: str) -> str | None:
    value = arguments.get(name)
    return None if value in (None, "auto") else str(value)
