"""What this host offers, found out once per process by starting a fork server."""

from __future__ import annotations

import functools

from pytest_selfinvoke.sandbox.base import Isolation
from pytest_selfinvoke.sandbox.forkserver import ForkServer


@functools.cache
def probe() -> Isolation:
    """The isolation that programs get here.

    :raises NotJudgedError: if no sandbox starts.
    """
    server = ForkServer()
    try:
        return server.isolation
    finally:
        server.close()
