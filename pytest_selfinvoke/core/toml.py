"""Read TOML that people write, naming the file and the key of every mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_selfinvoke.core.errors import DataError, UnknownNameError


def load_toml(path: Path) -> dict[str, Any]:
    """The file's content.

    :raises DataError: if it cannot be read or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DataError(path.name, f"not TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(path.name, f"cannot be read: {error}") from error


class TomlReader:
    """Checks of parsed TOML; every one raises an error that names the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def known(self, table: Mapping[str, Any], names: tuple[str, ...], at: str) -> None:
        """That a table has no other keys.

        :raises UnknownNameError: with the nearest key.
        """
        for key in table:
            if key not in names:
                raise UnknownNameError("key", f"{at}{key}", [f"{at}{n}" for n in names])

    def table(self, data: Mapping[str, Any], key: str) -> dict[str, Any]:
        """The table of that name; an empty one if it is not there."""
        table: dict[str, Any] = self.typed(data.get(key, {}), dict, f"[{key}]")
        return table

    def tables(self, data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """All tables of that name."""
        found = data.get(key, [])
        if isinstance(found, dict):
            raise DataError(self.path.name, f"write [[{key}]], not [{key}]")
        tables = self.typed(found, list, f"[[{key}]]")
        return [self.typed(table, dict, f"[[{key}]]") for table in tables]

    def strings(self, value: Any, where: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(
            self.typed(item, str, where) for item in self.typed(value, list, where)
        )

    def number(self, value: Any, where: str) -> float:
        """A number, with or without a fraction."""
        return float(value if type(value) is int else self.typed(value, float, where))

    def typed(self, value: Any, kind: type, where: str) -> Any:
        """The value, if it is of that type; true and false are no numbers.

        :raises DataError: if it is not.
        """
        if not isinstance(value, kind) or isinstance(value, bool) is not (kind is bool):
            raise DataError(
                self.path.name,
                f"expected {kind.__name__}, got {type(value).__name__} {value!r}",
                field=where,
            )
        return value

    def text(self, table: Mapping[str, Any], key: str, at: str) -> str:
        """A text that has to be there.

        :raises DataError: if it is missing or empty.
        """
        found: str = self.typed(table.get(key, ""), str, f"{at}{key}")
        if not found:
            raise DataError(self.path.name, "is missing", field=f"{at}{key}")
        return found
