"""The address of an OpenAI-compatible server, and what it says of its models.

Standard library only: the controller asks before anything heavy is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pytest_selfinvoke.core.errors import UserError

KEY_VARIABLES = ("SELFINVOKE_API_KEY", "OPENAI_API_KEY")
NO_KEY = "none"
LARGEST_LIST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``URL#MODEL``; an empty model means the only one that the server has."""

    url: str
    model: str

    @classmethod
    def parse(cls, argument: str) -> Address:
        """Take an argument of ``openai:ARGUMENT`` apart.

        :raises UserError: if it is no address; credentials in it are not repeated.
        """
        url, _, model = argument.partition("#")
        url = url.rstrip("/")
        example = "openai:http://HOST:PORT/v1#MODEL"
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise UserError(
                f"openai: not an address ({error}): write {example}"
            ) from None
        if parts.username is not None or parts.password is not None or parts.query:
            raise UserError(
                "openai: an address must not hold credentials or a query: put the key"
                f" into {KEY_VARIABLES[0]}"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"openai:{url}: not an http address: write {example}")
        return cls(url=url, model=model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model that the server has (or may have), and how the server names itself."""

    model: str
    server: str = ""


def api_key(environ: Mapping[str, str]) -> str:
    """The key to send; servers that want none get a word that says so."""
    for name in KEY_VARIABLES:
        if value := environ.get(name, "").strip():
            return value
    return NO_KEY


def ask_server(address: Address, key: str, *, timeout_s: float) -> Served:
    """Check that the server answers and has the model, from ``GET URL/models``.

    A server without such a list (404, 405) is taken at its word.

    :raises UserError: naming what to change: address, key or model.
    """
    request = Request(
        f"{address.url}/models",
        headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
    )
    try:
        with build_opener(_NoRedirect).open(request, timeout=timeout_s) as response:
            server = _server(response.headers)
            body = response.read(LARGEST_LIST_BYTES)
    except HTTPError as error:
        with error:
            return _refused(address, error)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise UserError(f"cannot reach {address.url}: {_short(reason)}") from error
    names = _names(body)
    if names is None:
        raise UserError(f"{address.url}/models: the answer is not a list of models")
    return Served(model=_choose(address, names), server=server)


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing: urllib would carry the key to the other host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _refused(address: Address, error: HTTPError) -> Served:
    if error.code in (401, 403):
        raise UserError(
            f"{address.url} refuses the key (status {error.code}): set"
            f" {KEY_VARIABLES[0]} or {KEY_VARIABLES[1]}"
        ) from None
    if error.code in (404, 405):
        if not address.model:
            raise UserError(
                f"{address.url} does not list its models: write"
                f" openai:{address.url}#MODEL"
            ) from None
        return Served(model=address.model, server=_server(error.headers))
    if 300 <= error.code < 400:
        target = error.headers.get("Location")
        raise UserError(f"{address.url} moved to {target}: use that") from None
    raise UserError(
        f"{address.url}/models answers with status {error.code} {error.reason}"
    ) from None


def _server(headers: Message) -> str:
    return str(headers.get("Server") or "").strip()


def _names(body: bytes) -> list[str] | None:
    try:
        return sorted({str(entry["id"]) for entry in json.loads(body)["data"]})
    except (ValueError, KeyError, TypeError):
        return None


def _choose(address: Address, names: list[str]) -> str:
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    if not address.model:
        if len(names) == 1:
            return names[0]
        raise UserError(
            f"{address.url} has {len(names)} models: write"
            f" openai:{address.url}#MODEL with one of: {listed}"
        )
    if address.model in names:
        return address.model
    close = get_close_matches(address.model, names, n=1, cutoff=0.5)
    hint = f" did you mean {close[0]!r}?" if close else ""
    raise UserError(
        f"{address.url} has no model {address.model!r}:{hint}"
        f" it has: {listed or 'none'}"
    )


def _short(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "timed out"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return (str(reason).strip().splitlines() or [type(reason).__name__])[0]
