"""The user's cache of converted models: made once, never seen half-made."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_selfinvoke.core.errors import UserError


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """The folder ``target``, filled by ``build(empty folder)`` if it is not there yet.

    Of several processes one builds, the others wait. The folder appears under its name
    only when it is complete; what a failed or killed build left is deleted.

    :raises UserError: if the cache cannot be written.
    """
    try:
        return target if target.is_dir() else _build(target, build)
    except OSError as error:
        raise UserError(
            f"the cache {target.parent} cannot be written: {error.strerror or error}:"
            " set SELFINVOKE_CACHE to a folder with room"
        ) from error


def _build(target: Path, build: Callable[[Path], None]) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f".{target.name}.lock")):
        if target.is_dir():
            return target
        prefix = f".{target.name}.part-"
        for left in target.parent.glob(f"{prefix}*"):
            shutil.rmtree(left)
        part = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
        try:
            build(part)
            part.chmod(0o755)
            part.replace(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # The file stays: deleting it would let two processes hold "the" lock.
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
