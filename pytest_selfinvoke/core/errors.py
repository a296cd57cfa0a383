"""The exception tree. Every message says what the user should change.

::

    SelfInvokeError
    ├── UserError            the request is wrong: exit code 4, one line
    │   ├── UnknownNameError     no such model, benchmark or attack (with did-you-mean)
    │   ├── MissingExtraError    an optional dependency is not installed
    │   └── DataError            a file is broken (names file, line and field)
    └── NotJudgedError       no verdict is possible: an error, never wrong
        ├── GenerationError      the model or its server failed
        └── NotApplicableError   there is no such case: it is skipped
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class SelfInvokeError(Exception):
    """Base of everything this package raises on purpose."""


class UserError(SelfInvokeError):
    """The request cannot be carried out as given."""


class UnknownNameError(UserError):
    """A name that no registry knows.

    :param kind: what was looked up, in the singular ("benchmark").
    :param name: what the user wrote.
    :param known: the valid names.
    :param by_family: whether they are too many to be listed: of the names'
        ``family.member`` only the members of the same family, or the families, are.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, by_family: bool = False
    ) -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}? " if close else ""
        rest = ""
        if by_family:
            family = name.partition(".")[0]
            members = [known for known in names if known.startswith(f"{family}.")]
            names = members or sorted({known.partition(".")[0] for known in names})
            rest = "; pytest --selfinvoke-list prints all"
        super().__init__(
            f"unknown {kind} {name!r}: {hint}known: {', '.join(names)}{rest}"
        )


class MissingExtraError(UserError):
    """An optional dependency is not installed.

    :param module: the module that could not be imported.
    :param extra: the extra of this distribution that brings it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"{module!r} is not installed: pip install 'pytest-selfinvoke[{extra}]'"
        )


class DataError(UserError):
    """A file that does not have the promised form."""

    def __init__(
        self,
        path: Path | str,
        problem: str,
        *,
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        place = str(path) if line is None else f"{path}:{line}"
        inside = "" if field is None else f" field {field!r}:"
        super().__init__(f"{place}:{inside} {problem}")


class NotJudgedError(SelfInvokeError):
    """A case for which no verdict can be given."""


class GenerationError(NotJudgedError):
    """The model or its server did not deliver a completion."""


class NotApplicableError(NotJudgedError):
    """An attack or a prompt style has nothing to do on a problem: a skipped case."""
