"""Requests, and servers that are stopped whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.records import ModelSpec, Prompt, Sampling
from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.generation.lifecycle import GenerationServer
from pytest_selfinvoke.models.base import Request


@pytest.fixture
def ask() -> Callable[..., Request]:
    """Make a request from a key and a prompt text."""

    def make(key: str, text: str = "", **fields: Any) -> Request:
        prompt = Prompt(style="plain", text=text, stop=fields.pop("stop", ()))
        fields.setdefault("sampling", Sampling())
        return Request(key=key, prompt=prompt, **fields)

    return make


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., GenerationServer]]:
    """Launch a server with the model of obedient_model.py under the label ``m``."""
    servers: list[GenerationServer] = []

    def launch(*models: ModelSpec, **options: Any) -> GenerationServer:
        obedient = ModelSpec(spec="obedient_model:Obedient", label="m", options=options)
        server = GenerationServer()
        servers.append(server)
        server.open()
        server.launch(
            models or [obedient],
            threads=1,
            sys_path=[str(Path(__file__).parent)],
            log_path=tmp_path / "server.log",
        )
        return server

    yield launch
    for server in servers:
        server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[[GenerationServer], GenerationClient]]:
    """Open clients, and close them at the end."""
    clients: list[GenerationClient] = []

    def open_client(server: GenerationServer) -> GenerationClient:
        clients.append(GenerationClient(server.address, server.secret))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()
