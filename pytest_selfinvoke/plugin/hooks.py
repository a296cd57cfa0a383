"""The hooks and fixtures of a session: a table of contents.

``configure`` sets a session up, ``collection`` and ``items`` are the cases,
``parametrize`` and ``fixtures`` serve a team's own tests, ``controller`` starts the
generation server and writes the results, ``reporting`` carries records on reports.
"""

from __future__ import annotations

from pytest_selfinvoke.plugin.collection import pytest_collect_file
from pytest_selfinvoke.plugin.configure import (
    pytest_configure,
    pytest_unconfigure,
)
from pytest_selfinvoke.plugin.fixtures import (
    selfinvoke_case,
    selfinvoke_model,
    selfinvoke_run,
)
from pytest_selfinvoke.plugin.parametrize import pytest_generate_tests
from pytest_selfinvoke.plugin.reporting import (
    pytest_report_header,
    pytest_runtest_makereport,
    pytest_terminal_summary,
)

__all__ = [
    "pytest_collect_file",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "pytest_unconfigure",
    "selfinvoke_case",
    "selfinvoke_model",
    "selfinvoke_run",
]
