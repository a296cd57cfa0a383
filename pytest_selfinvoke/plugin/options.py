"""Command line options and ini values; nothing is read or checked here."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from typing import Any, Literal

import pytest

from pytest_selfinvoke.plugin.stash import TAKEN_SHORT_FORMS

GROUP = "selfinvoke"

#: Long form without its prefix -> arguments of ``addoption``.
OPTIONS: dict[str, dict[str, Any]] = {
    "model": {
        "action": "append",
        "metavar": "SPEC",
        "help": "Model to test: oracle, stub, smollm2, hf:NAME_OR_PATH, gguf:FILE, "
        "openai:URL[,URL...]#MODEL, vllm:NAME_OR_PATH, replay:FILE or module:attr. "
        "May be given several times",
    },
    "benchmark": {
        "action": "append",
        "metavar": "NAME[=PATH][,...]",
        "help": "Benchmarks to run, with the file or folder to read them from "
        "(default: mini, embedded)",
    },
    "attack": {
        "action": "append",
        "metavar": "NAME[,...]",
        "help": "Attacks to apply: names (with @parameter=value, joined by +), "
        "families, recode:FILE, rewritten:FILE, whitebox:FILE, or presets: recode, "
        "quick, natural, adversarial, all (default: clean)",
    },
    "attack-seeds": {
        "type": int,
        "metavar": "N",
        "help": "Variants per attack that draws at random (default: 1)",
    },
    "attack-budget": {
        "type": int,
        "metavar": "N",
        "help": "Leave a problem alone when an attack broke it, or N variants were "
        "judged; the strongest attacks, by earlier runs and this one, come first",
    },
    "samples": {
        "type": int,
        "metavar": "N",
        "help": "Completions per variant (default: 1)",
    },
    "limit": {
        "metavar": "[random:]N",
        "help": "Use the first N problems of each benchmark, or N drawn by the seed",
    },
    "seed": {
        "type": int,
        "metavar": "N",
        "help": "Seed of everything random (default: 0)",
    },
    "shard": {
        "metavar": "I/N",
        "help": "Run the I-th of N parts of every benchmark: on N machines, each once",
    },
    "deterministic": {
        "action": "store_true",
        "help": "Generate so that no completion depends on its batch; slower",
    },
    "models-in-parallel": {
        "type": int,
        "metavar": "N",
        "help": "Local models in memory at a time (default: 1)",
    },
    "prompt-style": {
        "metavar": "STYLE",
        "help": "chat, completion, the paper's zero-shot, one-shot, one-shot-held-out, "
        "chain-of-thought, or template:FILE (default: by the model)",
    },
    "gate": {
        "action": "append",
        "metavar": "EXPRESSION",
        "help": "Let [MODEL/][BENCHMARK:]METRIC[SCOPE]>=NUMBER decide the exit status, "
        "not single cases, say humaneval-pro:pass@1>=0.60 or drop[worst]<=0.15. May be "
        "given several times",
    },
    "gate-rule": {
        "choices": ("interval", "point", "lower", "upper"),
        "help": "What has to meet a gate's threshold: the whole of the metric's "
        "interval (the default), the value, or one end of the interval",
    },
    "gate-undecided": {
        "choices": ("fail", "pass"),
        "help": "What becomes of a gate whose interval holds its threshold: it fails "
        "(the default), or it is skipped and the exit status is 0",
    },
    "baseline": {
        "metavar": "RUN_DIR",
        "help": "Compare with an earlier run, case by case; in a folder of several "
        "runs, with the newest",
    },
    "fail-on-regression": {
        "action": "store_true",
        "help": "Let a significant loss against --baseline decide the exit status, not "
        "single cases",
    },
    "published": {
        "metavar": "FILE",
        "help": "CSV of published results: stand beside own scores, and decide claims",
    },
    "exclude-unsound": {
        "metavar": "FILE",
        "help": "Give every score also without the problems of this quarantine list, "
        "which --selfinvoke-audit writes",
    },
    "routing": {
        "action": "store_true",
        "help": "After the run, read which experts the prompts visit in "
        "mixture-of-experts models (hf:), and compare clean and attacked prompts",
    },
    "sandbox": {
        "metavar": "POLICY",
        "help": "auto takes the best isolation that this host gives, strict refuses "
        "anything less than full isolation, unsafe-ok accepts none (default: auto)",
    },
}

LONG_ONLY: dict[str, dict[str, Any]] = {
    "results": {
        "metavar": "DIR",
        "help": "Folder for the run's records and manifest (default: .selfinvoke)",
    },
    "html": {
        "metavar": "FILE",
        "help": "Write the HTML report: one file that needs no network (extra: html)",
    },
    "markdown": {
        "metavar": "FILE",
        "help": "Write the results as Markdown",
    },
    "csv": {
        "metavar": "FILE",
        "help": "Write the records as a table: CSV, or Parquet if the name ends in "
        ".parquet (extra: hub)",
    },
    "store": {
        "metavar": "FILE",
        "help": "Where completions are kept (default: completions.sqlite in the "
        "user's cache)",
    },
    "cache": {
        "choices": ("read-write", "read-only", "refresh", "off"),
        "help": "What to do with kept completions: use and add (the default), only "
        "use, make anew, or neither",
    },
    "progress": {
        "choices": ("auto", "line", "plain", "off"),
        "help": "How to show how far the run is: one line on a terminal, plain lines "
        "now and then, or not at all (default: auto, by the terminal)",
    },
    "anatomy": {
        "choices": ("auto", "off"),
        "help": "Say of each self-invoking case which of the two functions is wrong, "
        "and whether the base function is invoked (default: auto)",
    },
    "coverage": {
        "action": "store_true",
        "help": "Count the lines and branches of each program that the tests reach",
    },
    "list": {
        "action": "store_true",
        "help": "Print the registered benchmarks, attacks, models and prompt styles",
    },
    "minimize": {
        "type": int,
        "nargs": "?",
        "const": 40,
        "metavar": "PROBES",
        "help": "After the run, shrink what attacks changed where they broke a case, "
        "with at most so many completions per case (40 if no number is given), and "
        "write a script for each case beside the records",
    },
    "certify": {
        "action": "store_true",
        "help": "Make the variants of --attack for --benchmark, without a model, and "
        "print how many are valid, inert and broken",
    },
    "audit": {
        "action": "store_true",
        "help": "Check the problems of --benchmark, without a model: does the "
        "reference pass, can each test fail, is the base function invoked",
    },
    "quarantine": {
        "metavar": "FILE",
        "help": "Where --selfinvoke-audit writes the problems that are unsound",
    },
    "rewrite": {
        "metavar": "paraphrase|variables:FILE",
        "help": "Let --model say the prompts of --benchmark in other words, or name "
        "their variables, into a file for --attack=rewritten:FILE",
    },
    "search": {
        "metavar": "METHOD:FILE",
        "help": "Search for words that make the references of --benchmark unlikely "
        "for --model (hf:), into a file for --attack=whitebox:FILE. METHOD is hotflip, "
        "gcg, random, patch or patch-random; settings as in gcg@steps=20@width=64",
    },
    "selftest": {
        "action": "store_true",
        "help": "Run hostile, damaging and honest programs in this host's sandbox and "
        "print what came of them",
    },
}

INI: dict[str, tuple[str, Any]] = {
    "selfinvoke_sandbox": ("Sandbox policy: auto, strict or unsafe-ok", "auto"),
    "selfinvoke_allow_processes": (
        "Let programs start other programs: true or false",
        "false",
    ),
    "selfinvoke_attack_seeds": ("Seeds per attack", "1"),
    "selfinvoke_minimize_cases": (
        "Cases per model and benchmark that --selfinvoke-minimize shrinks",
        "5",
    ),
    "selfinvoke_max_new_tokens": ("Longest completion, in tokens", "512"),
    "selfinvoke_temperature": ("Sampling temperature; 0 is greedy", "0"),
    "selfinvoke_top_p": ("Nucleus sampling threshold", "1"),
    "selfinvoke_top_k": ("Draw from the k likeliest tokens; 0 is off", "0"),
    "selfinvoke_cpu_s": ("CPU seconds per program", "10"),
    "selfinvoke_cpu_factor": (
        "CPU seconds per program as a multiple of the reference's, where that is more",
        "10",
    ),
    "selfinvoke_wall_s": ("Seconds per program, as a wide backstop", "30"),
    "selfinvoke_gates": ("Gates, one a line; --gate and suite files win", []),
    "selfinvoke_gate_rule": ("interval, point, lower or upper", "interval"),
    "selfinvoke_gate_undecided": ("fail or pass", "fail"),
}


def destination(name: str) -> str:
    """The attribute of ``config.option`` behind an option."""
    return f"selfinvoke_{name.replace('-', '_')}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the long forms and the ini values."""
    group = parser.getgroup(
        GROUP,
        "robustness of code models (pytest-selfinvoke); each option is also"
        " --selfinvoke-NAME",
    )
    more = parser.getgroup(
        f"{GROUP} files", "files and commands of pytest-selfinvoke", after=GROUP
    )
    for options, of in ((OPTIONS, group), (LONG_ONLY, more)):
        for name, attributes in options.items():
            # Of two forms, help shows the short one.
            shown = attributes["help"] if of is more else argparse.SUPPRESS
            of.addoption(
                f"--selfinvoke-{name}",
                dest=destination(name),
                default=None,
                **{**attributes, "help": shown},
            )
    for name, (text, default) in INI.items():
        kind: Literal["linelist"] | None = None
        if isinstance(default, list):
            kind = "linelist"
        parser.addini(name, text, type=kind, default=default)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser
) -> Generator[None, object, object]:
    """Register the short forms that no other plugin and no conftest has taken."""
    result = yield
    group = parser.getgroup(GROUP)
    taken = []
    for name, attributes in OPTIONS.items():
        dest = destination(name)
        try:
            group.addoption(f"--{name}", dest=dest, default=None, **attributes)
        except (argparse.ArgumentError, ValueError):
            taken.append(f"--{name}")
    early_config.stash[TAKEN_SHORT_FORMS] = taken
    return result
