"""What importing the plugin costs: no heavy library, no work."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["torch", "transformers", "numpy", "pandas", "openai", "huggingface_hub"]


def loaded_after(statement: str) -> set[str]:
    program = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


def test_the_plugin_loads_no_heavy_library() -> None:
    loaded = loaded_after("import pytest_selfinvoke.plugin")
    assert "pytest_selfinvoke" in loaded
    assert not loaded & set(HEAVY)


def test_help_loads_the_options_only() -> None:
    program = "import sys, pytest; pytest.main(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = done.stdout.splitlines()[-1].split()
    assert "pytest_selfinvoke.plugin.options" in modules
    assert "pytest_selfinvoke.evaluation" not in modules
    assert "pytest_selfinvoke.plugin.hooks" not in modules


def test_the_package_itself_does_not_load_pytest() -> None:
    loaded = loaded_after("import pytest_selfinvoke")
    assert not loaded & {"pytest", "_pytest", *HEAVY}


@pytest.mark.parametrize(
    "module", ["pytest_selfinvoke.evaluation", "pytest_selfinvoke.generation.server"]
)
def test_parts_below_the_plugin_do_not_load_pytest(module: str) -> None:
    loaded = loaded_after(f"import {module}")
    assert not loaded & {"pytest", "_pytest", "xdist", *HEAVY}
