"""Name -> object, or name -> ``"module:attr"`` imported when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar, cast

from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.core.imports import resolve

T = TypeVar("T")


class Registry(Generic[T]):
    """What users and this package register under a name.

    :param kind: the word for one entry in messages ("attack").
    :param builtin: the entries that come with the package.
    """

    def __init__(self, kind: str, builtin: dict[str, str]) -> None:
        self.kind = kind
        self._entries: dict[str, T | str] = dict(builtin)
        self._defined: dict[str, T] = {}

    def add(self, name: str, entry: T | str) -> None:
        """Register an object, or a ``"module:attr"`` string to be imported on use.

        :raises UserError: if the name is taken or cannot stand in a test id.
        """
        if name in self._entries:
            raise UserError(f"{self.kind} {name!r} is registered twice")
        if not name or any(c in "[]@:,= \t\n" for c in name):
            raise UserError(
                f"{self.kind} name {name!r}: use letters, digits and . _ + / - only"
            )
        self._entries[name] = entry

    def define(self, name: str, entry: T) -> None:
        """Make an object known that was made from others, by a request for its name.

        It can be looked up but is not listed; the same name may be defined again.
        """
        self._defined[name] = entry

    def __contains__(self, name: str) -> bool:
        return name in self._entries or name in self._defined

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def check(self, name: str) -> None:
        """Look a name up without importing what is behind it.

        :raises UnknownNameError: with the nearest known name.
        """
        if name not in self:
            by_family = any("." in known for known in self._entries)
            raise UnknownNameError(self.kind, name, self._entries, by_family=by_family)

    def get(self, name: str) -> T:
        """The object registered under a name.

        :raises UnknownNameError: with the nearest known name.
        """
        self.check(name)
        if name in self._defined:
            return self._defined[name]
        entry = self._entries[name]
        if isinstance(entry, str):
            entry = cast(T, resolve(entry))
            self._entries[name] = entry
        return entry

    def reference(self, name: str) -> str | None:
        """The ``"module:attr"`` an entry was registered with, if it is still one."""
        entry = self._entries.get(name)
        return entry if isinstance(entry, str) else None
