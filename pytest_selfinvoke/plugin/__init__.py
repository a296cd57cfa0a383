"""The pytest plugin: a table of contents.

``configure`` sets a session up, ``collection`` and ``items`` are the cases,
``parametrize`` and ``fixtures`` serve a team's own tests, ``controller`` starts the
generation server and writes the results, ``reporting`` carries records on reports.
"""

from __future__ import annotations

from pytest_selfinvoke.plugin.collection import pytest_collect_file
from pytest_selfinvoke.plugin.configure import (
    pytest_addhooks,
    pytest_cmdline_main,
    pytest_configure,
    pytest_unconfigure,
)
from pytest_selfinvoke.plugin.fixtures import (
    selfinvoke_case,
    selfinvoke_model,
    selfinvoke_run,
)
from pytest_selfinvoke.plugin.options import (
    pytest_addoption,
    pytest_load_initial_conftests,
)
from pytest_selfinvoke.plugin.parametrize import pytest_generate_tests
from pytest_selfinvoke.plugin.reporting import (
    pytest_report_header,
    pytest_runtest_makereport,
)

__all__ = [
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_collect_file",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_load_initial_conftests",
    "pytest_report_header",
    "pytest_runtest_makereport",
    "pytest_unconfigure",
    "selfinvoke_case",
    "selfinvoke_model",
    "selfinvoke_run",
]
