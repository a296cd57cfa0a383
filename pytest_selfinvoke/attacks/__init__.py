"""Attacks, one file per family, imported when first used."""

from __future__ import annotations

_HERE = __name__

#: Module -> attacks in it; they are registered as ``module.attack``.
_FAMILIES = {
    "docstring": (
        "butter_fingers",
        "change_case",
        "drop_examples",
        "drop_types",
        "inflection",
        "paraphrase",
        "swap_characters",
        "synonym_insertion",
        "synonym_substitution",
        "tense_future",
        "tense_past",
        "whitespace",
    ),
    "function_name": (
        "butter_finger",
        "camel_case",
        "change_character",
        "inflection",
        "swap_character",
        "synonym",
    ),
    "syntax": (
        "dead_code_first",
        "dead_code_last",
        "for_to_while",
        "operand_swap",
        "rename_variables_naive",
        "rename_variables_plausible",
        "rename_variables_random",
    ),
    "format": (
        "doc_to_comments",
        "new_line_after_code",
        "new_line_after_doc",
        "new_lines",
        "split_lines",
        "tab_indent",
    ),
    "self_invoking": (
        "base_given",
        "base_given_perturbed",
        "base_renamed",
        "base_undocumented",
        "distractor_base",
        "order_swapped",
    ),
    "misleading": (
        "degrading_suffix",
        "garbage_code",
        "irrelevant_context",
        "wrong_comment",
        "wrong_hint",
    ),
    "injection": ("hidden_command", "ignore_task", "return_none", "skip_base"),
    "context": (
        "bidirectional",
        "few_shot_insecure",
        "few_shot_wrong",
        "homoglyphs",
        "long_irrelevant",
        "zero_width",
    ),
    "gradient": ("fgsm", "pgd", "noise"),
}

BUILTIN: dict[str, str] = {
    "clean": f"{_HERE}.clean:unchanged",
    "clean.repeat": f"{_HERE}.clean:repeat",
    "clean.half": f"{_HERE}.partial:half",
    **{
        f"{family}.{attack}": f"{_HERE}.{family}:{attack}"
        for family, attacks in _FAMILIES.items()
        for attack in attacks
    },
}
