"""The files that a user asked for, checked before a run costs anything."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.imports import check_installed

#: Report -> the extra that it needs, and the modules that come with it.
EXTRAS = {"html": ("html", ("jinja2", "matplotlib")), "parquet": ("hub", ("pyarrow",))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destinations:
    """Where reports go. ``step_summary`` is a file of the CI system: added to."""

    html: Path | None = None
    markdown: Path | None = None
    csv: Path | None = None
    parquet: Path | None = None
    step_summary: Path | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) is not None for f in fields(self))

    def check(self) -> None:
        """Make sure that what was asked for can be made and written.

        :raises MissingExtraError: if an optional dependency is not installed.
        :raises UserError: naming the first file that cannot be written.
        """
        for name in ("html", "markdown", "csv", "parquet"):
            path = getattr(self, name)
            if path is None:
                continue
            extra, modules = EXTRAS.get(name, ("", ()))
            for module in modules:
                check_installed(module, extra=extra)
            _check_writable(name, path)


def _check_writable(name: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        with path.open("ab"):
            pass
        if is_new:
            path.unlink()
    except OSError as error:
        place = "" if error.filename in (None, str(path)) else f"{error.filename}: "
        raise UserError(
            f"cannot write the {name} report to {path}: {place}{error.strerror}"
        ) from error
