"""How many CPU threads a local engine may take."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_selfinvoke.core.errors import UserError


def thread_count(environ: Mapping[str, str]) -> int:
    """``OMP_NUM_THREADS``, or one.

    The controller sets it to the cores that its workers leave over: two threads on
    cores that also ran tests were 8 times slower than one.

    :raises UserError: if it is not a number above 0.
    """
    text = environ.get("OMP_NUM_THREADS", "1")
    if not text.isdigit() or int(text) < 1:
        raise UserError(f"OMP_NUM_THREADS={text!r}: give a number above 0")
    return int(text)
