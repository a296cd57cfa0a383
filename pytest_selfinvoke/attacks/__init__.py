"""Attacks, one file per family, imported when first used."""

from __future__ import annotations

BUILTIN: dict[str, str] = {
    "clean": "pytest_selfinvoke.attacks.clean:unchanged",
    "clean.repeat": "pytest_selfinvoke.attacks.clean:unchanged",
    "docstring.butter_fingers": "pytest_selfinvoke.attacks.docstring:butter_fingers",
    "docstring.change_case": "pytest_selfinvoke.attacks.docstring:change_case",
    "docstring.drop_examples": "pytest_selfinvoke.attacks.docstring:drop_examples",
    "misleading.irrelevant_context": (
        "pytest_selfinvoke.attacks.misleading:irrelevant_context"
    ),
}
