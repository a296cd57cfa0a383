"""Write docs/reference/options.md and docs/reference/attacks.md from the code."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import Attack, facts_of
from pytest_selfinvoke.attacks.naming import parameters
from pytest_selfinvoke.attacks.presets import QUICK, RECODE
from pytest_selfinvoke.core.imports import resolve
from pytest_selfinvoke.plugin.options import INI, LONG_ONLY, OPTIONS

FOLDER = Path(__file__).parent / "reference"

BEGIN, END = "<!-- begin generated -->\n", "<!-- end generated -->\n"


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


def attacks(page: str) -> str:
    """The page on attacks with its tables written anew."""
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    lines = []
    for family, names in groupby(BUILTIN, key=lambda name: name.partition(".")[0]):
        found = {name: resolve(BUILTIN[name]) for name in names}
        sources = dict.fromkeys(facts_of(attack).source for attack in found.values())
        lines += [
            f"## {family}",
            "",
            *(f"- {source}" for source in sources),
            "",
            "| name | what it does | parameters | threat | compared with | presets |",
            "| --- | --- | --- | --- | --- | --- |",
            *(_row(name, attack) for name, attack in found.items()),
            "",
        ]
    return f"{head}{BEGIN}{chr(10).join(lines)}{END}{tail}"


def _row(name: str, attack: Attack) -> str:
    stated = facts_of(attack)
    what = (attack.__doc__ or "").partition("\n")[0].replace("``", "`")
    defaults = ", ".join(f"`{k}={v}`" for k, v in parameters(attack).items())
    nominal = "" if stated.nominal == "clean" else f"`{stated.nominal}`"
    presets = [p for p, of in {"recode": RECODE, "quick": QUICK}.items() if name in of]
    cells = (f"`{name}`", what, defaults, stated.threat, nominal, ", ".join(presets))
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    (FOLDER / "options.md").write_text(reference())
    PAGE = FOLDER / "attacks.md"
    PAGE.write_text(attacks(PAGE.read_text()))
