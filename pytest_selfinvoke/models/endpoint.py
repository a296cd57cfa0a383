"""The addresses of OpenAI-compatible servers, and what they say of their models.

Standard library only: the controller asks before anything heavy is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
#: Servers that put their own name where OpenAI puts the owner of the model.
OWN_NAMES = ("vllm", "llamacpp", "sglang")


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
    """A model that the server has (or may have), and what the server says of it.

    ``server`` is its name and version. ``echoes`` tells that it repeats a last
    assistant turn that it continues, as llama.cpp does.
    """

    model: str
    server: str = ""
    precision: str | None = None
    total_parameters: int | None = None
    context: int | None = None
    echoes: bool = False


def parse_addresses(argument: str) -> tuple[Address, ...]:
    """Take ``URL1,URL2#MODEL`` apart: one address per replica.

    :raises UserError: if one is no address, or named twice.
    """
    urls, hash_, model = argument.partition("#")
    addresses = tuple(Address.parse(f"{url}{hash_}{model}") for url in urls.split(","))
    for address in addresses:
        if addresses.count(address) > 1:
            raise UserError(f"openai: {address.url} is named twice")
    return addresses


def ask_servers(
    addresses: tuple[Address, ...], key: str, *, timeout_s: float, trusted: bool = False
) -> Served:
    """Check that all replicas answer and have the same model.

    What they do not agree on is unknown.

    :param trusted: believe that they have the model, whatever they list.
    :raises UserError: naming what to change.
    """
    first, *others = (
        ask_server(address, key, timeout_s=timeout_s, trusted=trusted)
        for address in addresses
    )
    for address, other in zip(addresses[1:], others, strict=True):
        if other.model != first.model:
            raise UserError(
                f"{addresses[0].url} has the model {first.model!r}, {address.url} has"
                f" {other.model!r}: replicas must have the same"
            )
        first = Served(
            model=first.model,
            server=first.server if other.server == first.server else "",
            precision=first.precision if other.precision == first.precision else None,
            total_parameters=(
                first.total_parameters
                if other.total_parameters == first.total_parameters
                else None
            ),
            context=first.context if other.context == first.context else None,
            echoes=first.echoes or other.echoes,
        )
    return first


def api_key(environ: Mapping[str, str]) -> str:
    """The key to send; servers that want none get a word that says so."""
    for name in KEY_VARIABLES:
        if value := environ.get(name, "").strip():
            return value
    return NO_KEY


def ask_server(
    address: Address, key: str, *, timeout_s: float, trusted: bool = False
) -> Served:
    """Check that the server answers and has the model, from ``GET URL/models``.

    A server without such a list (404, 405) is taken at its word.

    :param trusted: believe that it has the model, whatever it lists.
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
            return _refused(address, error, trusted=trusted and bool(address.model))
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise UserError(f"cannot reach {address.url}: {_short(reason)}") from error
    entries = _entries(body)
    if trusted and address.model:
        entries = {address.model: {}, **(entries or {})}
    if entries is None:
        raise UserError(f"{address.url}/models: the answer is not a list of models")
    model = _choose(address, sorted(entries))
    served = _facts(entries[model], model=model, server=server)
    if version := _version(address, timeout_s=timeout_s):
        server = f"{served.server} {version}".strip()
        served = replace(served, server=server)
    return served


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing: urllib would carry the key to the other host."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _refused(address: Address, error: HTTPError, *, trusted: bool) -> Served:
    if error.code in (401, 403):
        raise UserError(
            f"{address.url} refuses the key (status {error.code}): set"
            f" {KEY_VARIABLES[0]} or {KEY_VARIABLES[1]}"
        ) from None
    if error.code in (404, 405) or (trusted and error.code >= 500):
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
        f"{address.url}/models answers with status {error.code} {error.reason}: if the"
        " server can be used all the same, set its option check_model = false"
    ) from None


def _server(headers: Message) -> str:
    return str(headers.get("Server") or "").strip()


def _entries(body: bytes) -> dict[str, dict[str, Any]] | None:
    """The models of a list by their name."""
    try:
        return {str(entry["id"]): dict(entry) for entry in json.loads(body)["data"]}
    except (ValueError, KeyError, TypeError):
        return None


def _facts(entry: dict[str, Any], *, model: str, server: str) -> Served:
    """What servers add to OpenAI's list: vLLM its name, llama.cpp the weights."""
    owner = entry.get("owned_by")
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    precision, parameters = meta.get("ftype"), meta.get("n_params")
    # vLLM states what it serves; llama.cpp what the model was trained for.
    context = entry.get("max_model_len", meta.get("n_ctx_train"))
    return Served(
        model=model,
        server=owner if owner in OWN_NAMES else server,
        precision=precision if isinstance(precision, str) else None,
        total_parameters=parameters if isinstance(parameters, int) else None,
        context=context if isinstance(context, int) else None,
        echoes=owner == "llamacpp",
    )


def _version(address: Address, *, timeout_s: float) -> str:
    """What ``GET /version`` says, beside ``/v1``; empty if it says nothing."""
    url = f"{address.url.removesuffix('/v1')}/version"
    try:
        # Without the key: not every server's /version is the server's own.
        with build_opener(_NoRedirect).open(url, timeout=timeout_s) as response:
            version = json.loads(response.read(LARGEST_LIST_BYTES))["version"]
    except (OSError, HTTPException, ValueError, LookupError, TypeError):
        return ""
    return version if isinstance(version, str) and len(version) < 100 else ""


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
