"""Names for many attacks: presets, families, and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_selfinvoke.attacks import recode, rewritten, whitebox
from pytest_selfinvoke.attacks.base import CONTROLS, Attack, facts_of
from pytest_selfinvoke.attacks.naming import derive
from pytest_selfinvoke.core.errors import UnknownNameError
from pytest_selfinvoke.core.records import CLEAN
from pytest_selfinvoke.core.registry import Registry

#: The 28 transformations of ReCode's ``config.json`` (arXiv 2212.10264), in its
#: order. Two of theirs ask models: for BackTranslation a paraphrase by rules stands in,
#: for VarRenamerCB a list of usual names.
RECODE = (
    "docstring.paraphrase",
    "docstring.butter_fingers",
    "docstring.change_case",
    "docstring.inflection",
    "docstring.swap_characters",
    "docstring.synonym_insertion",
    "docstring.synonym_substitution",
    "docstring.tense_past",
    "docstring.tense_future",
    "docstring.whitespace",
    "function_name.camel_case",
    "function_name.butter_finger",
    "function_name.swap_character",
    "function_name.change_character",
    "function_name.inflection",
    "function_name.synonym",
    "syntax.dead_code_first",
    "syntax.for_to_while",
    "syntax.operand_swap",
    "syntax.rename_variables_plausible",
    "syntax.rename_variables_naive",
    "syntax.rename_variables_random",
    "format.tab_indent",
    "format.split_lines",
    "format.doc_to_comments",
    "format.new_lines",
    "format.new_line_after_code",
    "format.new_line_after_doc",
)

#: One cheap attack of each kind.
QUICK = (
    "docstring.butter_fingers",
    "docstring.synonym_substitution",
    "docstring.drop_examples",
    "function_name.camel_case",
    "syntax.rename_variables_naive",
    "format.new_lines",
    "self_invoking.base_given",
    "self_invoking.distractor_base",
    "misleading.wrong_hint",
    "injection.return_none",
    "context.few_shot_wrong",
    "context.homoglyphs",
)
#: What reads the variants of a file, by the prefix of ``prefix:FILE``.
FILES = {
    "recode": recode.register_file,
    "rewritten": rewritten.register_file,
    "whitebox": whitebox.register_file,
}
PRESETS = ("recode", "quick", "natural", "adversarial", "all")


def expand(names: Iterable[str], attacks: Registry[Attack]) -> tuple[str, ...]:
    """The attacks that names stand for, each once; ``clean`` first with a preset.

    A name is an attack's, a preset's, a family's (``docstring`` or ``docstring.*``),
    ``recode:FILE``, ``rewritten:FILE`` or ``whitebox:FILE``. Every variant's nominal
    one is put before it.

    :raises UserError: for names that stand for nothing, with the nearest that do.
    """
    found: dict[str, None] = {}
    for name in names:
        for attack in _expanded(name, attacks):
            nominal = facts_of(attacks.get(attack)).nominal
            if nominal != CLEAN.attack:
                found[nominal] = None
            found[attack] = None
    return tuple(found)


def _expanded(name: str, attacks: Registry[Attack]) -> Iterator[str]:
    kind, _, file = name.partition(":")
    if file and kind in FILES:
        yield FILES[kind](Path(file), attacks)
    elif name in attacks:
        yield name
    elif name in PRESETS:
        yield CLEAN.attack
        yield from _preset(name, attacks)
    elif members := _family(name.removesuffix(".*"), attacks):
        yield from members
    elif "@" in name or "+" in name:
        attacks.define(name, derive(name, attacks.get))
        yield name
    else:
        families = {known.partition(".")[0] for known in attacks if "." in known}
        known = {*attacks, *PRESETS, *families}
        raise UnknownNameError("attack", name, known, by_family=True)


def _preset(name: str, attacks: Registry[Attack]) -> Iterator[str]:
    if name == "recode":
        yield from RECODE
    elif name == "quick":
        yield from QUICK
    else:
        for known in attacks:
            threat = facts_of(attacks.get(known)).threat
            is_text = known not in CONTROLS and threat != "white-box"
            if threat == name or (name == "all" and is_text):
                yield known


def _family(name: str, attacks: Registry[Attack]) -> list[str]:
    return [known for known in attacks if known.startswith(f"{name}.")]
