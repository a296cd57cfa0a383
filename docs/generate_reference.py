"""Write docs/reference/options.md from the code."""

from __future__ import annotations

from pathlib import Path

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
        lines.append(f"| `--{name} {attributes['metavar']}` | {attributes['help']} |")
    for name, attributes in LONG_ONLY.items():
        value = f" {attributes['metavar']}" if "metavar" in attributes else ""
        lines.append(f"| `--selfinvoke-{name}{value}` | {attributes['help']} |")
    lines += ["", "| ini value | | default |", "| --- | --- | --- |"]
    for name, (text, default) in INI.items():
        lines.append(f"| `{name}` | {text} | `{default}` |")
    return "\n".join(lines).replace("|...", "\\|...") + "\n"


if __name__ == "__main__":
    TARGET.write_text(reference())
