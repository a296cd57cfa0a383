"""The options of one model (``[model.options]``), checked against a dataclass."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.records import ModelSpec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def parse_options(cls: type[T], spec: ModelSpec) -> T:
    """The spec's options as an instance of ``cls``.

    The fields of ``cls`` are annotated with plain classes or unions of them.

    :raises UserError: for an option that ``cls`` lacks, or a value of another type.
    """
    kinds = get_type_hints(cls)
    names = [field.name for field in fields(cls)]
    values = {}
    for name, value in spec.options.items():
        if name not in names:
            raise UnknownNameError(f"{spec.kind} option", name, names)
        where = f"option {name!r} of {spec.label!r}"
        values[name] = _checked(value, kinds[name], where)
    return cls(**values)


def require_positive(options: DataclassInstance, *names: str) -> None:
    """Check that numbers are above 0.

    :raises UserError: naming the first option that is not.
    """
    for name in names:
        if (value := getattr(options, name)) <= 0:
            raise UserError(f"option {name!r} must be above 0, not {value}")


def _checked(value: Any, kind: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        name = getattr(kind, "__name__", str(kind))
        raise UserError(f"{where}: expected {name}, got {value!r}")
    return value
