"""Family ``whitebox``: what a search with a model's gradients has found.

``whitebox:FILE`` reads a file that ``--selfinvoke-search`` has written: whole prompts
of single problems, or one patch for all of them. The texts are certified like all
others and can be given to any model, so that it is seen whether they transfer.

Threat model: white-box (somebody who has the model's weights, and the reference
solution, whose likelihood is what an attack lowers).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, facts
from pytest_selfinvoke.attacks.insertion import below, in_docstring
from pytest_selfinvoke.attacks.json_lines import attack_name, read_objects
from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.core.registry import Registry

_SOURCE = (
    "HotFlip, arXiv 1712.06751; GCG, arXiv 2307.15043; universal triggers, arXiv"
    " 1908.07125: by the search, and against the model, that the file names"
)


def patched(problem: Problem, text: str) -> Problem:
    """The problem with a patch: a line at the end of the target's docstring.

    Where there is none, a comment below the signature.
    """
    return in_docstring(problem, [text]) or below(problem, [text])


def with_prompts(problem: Problem, prompts: Mapping[str, str]) -> Problem:
    """The problem with other prompts of its parts, ``base`` and ``target``."""
    target, base = problem.target, problem.base
    target = replace(target, prompt=prompts.get("target", target.prompt))
    if base is not None:
        base = replace(base, prompt=prompts.get("base", base.prompt))
    return replace(problem, base=base, target=target)


def register_file(path: Path, attacks: Registry[Attack]) -> str:
    """Register a file's attack, and give its name: ``whitebox.`` and the file's.

    :raises UserError: if there is no such file, or another of the same name.
    :raises DataError: if the file is not what a search has written.
    """
    name = attack_name("whitebox", path)
    _load(path, path.stat().st_mtime_ns)

    @facts(threat="white-box", source=_SOURCE)
    def found(problem: Problem, rng: random.Random) -> Problem:
        """What a search with gradients has found, drawn by the seed."""
        texts = _load(path, path.stat().st_mtime_ns)
        if texts.patch is not None:
            if [problem.benchmark, problem.id] in texts.train:
                raise NotApplicableError("the patch was trained on this problem")
            return patched(problem, texts.patch)
        lines = texts.prompts.get((problem.benchmark, problem.id))
        if not lines:
            raise NotApplicableError(f"{path.name} has nothing for {problem.id}")
        line = rng.choice(lines)
        if line["problem_hash"] != problem.hash:
            raise NotApplicableError(
                f"{path.name} was made from another version of {problem.id}"
            )
        return with_prompts(problem, line["prompts"])

    attacks.define(name, found)
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Texts:
    """(benchmark, problem) -> lines; or the patch, and the problems it has seen."""

    prompts: dict[tuple[str, str], list[dict[str, Any]]]
    patch: str | None
    train: list[list[str]]


@lru_cache(maxsize=16)
def _load(path: Path, modified_ns: int) -> _Texts:
    prompts: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    patch, train = None, []
    for number, line in enumerate(read_objects(path), 1):
        plain = {key: value for key, value in line.items() if key != "hash"}
        if line.get("hash") != content_hash(plain):
            raise DataError(path.name, "does not match its hash", line=number)
        if "patch" in line:
            patch, train = line["patch"], line["train"]
        elif isinstance(line.get("prompts"), dict) and "target" in line["prompts"]:
            prompts[line["benchmark"], line["problem"]].append(line)
        elif "left_out" not in line:
            raise DataError(path.name, "expected 'prompts' or a 'patch'", line=number)
    if not prompts and patch is None:
        raise DataError(path.name, "holds nothing that a search has found")
    return _Texts(prompts=dict(prompts), patch=patch, train=train)
