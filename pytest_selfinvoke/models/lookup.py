"""From a spec to its model kind, without importing what the kind needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from pytest_selfinvoke.core.errors import UnknownNameError
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.models import BUILTIN
from pytest_selfinvoke.models.base import ModelKind
from pytest_selfinvoke.models.custom import CustomKind

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_REFERENCE = re.compile(rf"{_NAME}(\.{_NAME})*:{_NAME}")


def kind_for(spec: ModelSpec, registered: Mapping[str, str]) -> ModelKind:
    """The kind of a model: built in, registered, or the user's ``module:attr``.

    :param registered: model name -> ``module:attr``, as users registered them.
    :raises UnknownNameError: with the nearest known name.
    """
    if spec.kind in BUILTIN:
        return cast(ModelKind, resolve(BUILTIN[spec.kind])())
    if spec.kind in registered:
        return CustomKind(registered[spec.kind])
    if _REFERENCE.fullmatch(spec.spec):
        return CustomKind(spec.spec)
    raise UnknownNameError("model", spec.kind, {*BUILTIN, *registered})
