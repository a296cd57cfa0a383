"""Where things that were downloaded or converted are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache_dir(environ: Mapping[str, str]) -> Path:
    """``$SELFINVOKE_CACHE``, or ``pytest-selfinvoke`` in the user's cache folder."""
    if chosen := environ.get("SELFINVOKE_CACHE"):
        return Path(chosen).expanduser()
    home = environ.get("XDG_CACHE_HOME")
    # The base directory specification says that a relative value is to be ignored.
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".cache"
    return base / "pytest-selfinvoke"


def default_store(environ: Mapping[str, str]) -> Path:
    """The file of kept completions, where the user names no other."""
    return cache_dir(environ) / "completions.sqlite"
