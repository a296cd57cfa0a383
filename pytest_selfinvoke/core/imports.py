"""Optional dependencies: import them late, and say how to install them."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType
from typing import Any

from pytest_selfinvoke.core.errors import MissingExtraError, UserError


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional dependency.

    :raises MissingExtraError: with the pip command that installs it.
    """
    check_installed(module, extra=extra)
    return importlib.import_module(module)


def check_installed(module: str, *, extra: str) -> None:
    """Look for an optional dependency without importing it.

    :raises MissingExtraError: with the pip command that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(module, extra)


def resolve(reference: str) -> Any:
    """The object behind ``"module:attr"``.

    :raises UserError: if the module or the attribute does not exist.
    """
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise UserError(f"{reference!r} is not of the form 'module:attr'")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UserError(f"{reference!r}: no module named {error.name!r}") from error
    try:
        return getattr(module, attribute)
    except AttributeError as error:
        raise UserError(
            f"{reference!r}: module {module_name!r} has no attribute {attribute!r}"
        ) from error
