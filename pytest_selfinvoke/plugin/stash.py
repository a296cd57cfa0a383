"""All stash keys, and the one attribute that reports carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_selfinvoke.core.record import Record
    from pytest_selfinvoke.plugin.runtime import Runtime

#: A report's record as one line of ASCII JSON: what xdist carries to the controller.
REPORT_ATTRIBUTE = "selfinvoke_record"

RUNTIME: pytest.StashKey[Runtime] = pytest.StashKey()
RECORD: pytest.StashKey[Record] = pytest.StashKey()
TAKEN_SHORT_FORMS: pytest.StashKey[list[str]] = pytest.StashKey()
