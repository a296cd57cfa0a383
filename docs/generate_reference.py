"""Write docs/reference/options.md from the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_selfinvoke.plugin.options import INI, LONG_ONLY, OPTIONS

TARGET = Path(__file__).parent / "reference" / "options.md"


def reference() -> str:
    """The page's text."""
    lines = [
        "# Options and ini values",
        "",
        "Every option also has the form `--selfinvoke-NAME`; where another plugin or a",
        "conftest owns the short form, it is the only one.",
        "",
        "| option | |",
        "| --- | --- |",
    ]
    for name, attributes in OPTIONS.items():
        lines.append(f"| `--{name}{_value(attributes)}` | {attributes['help']} |")
    for name, attributes in LONG_ONLY.items():
        value = _value(attributes)
        lines.append(f"| `--selfinvoke-{name}{value}` | {attributes['help']} |")
    lines += ["", "| ini value | | default |", "| --- | --- | --- |"]
    for name, (text, default) in INI.items():
        lines.append(f"| `{name}` | {text} | `{default}` |")
    return "\n".join(lines).replace("|...", "\\|...") + "\n"


def _value(attributes: dict[str, Any]) -> str:
    """What stands behind an option, if it takes anything."""
    choices = ",".join(attributes.get("choices", ()))
    value = attributes.get("metavar") or (f"{{{choices}}}" if choices else "")
    return f" {value}" if value else ""


if __name__ == "__main__":
    TARGET.write_text(reference())
