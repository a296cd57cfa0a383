"""Family ``rewritten``: prompts that a model has put into other words.

A file holds one JSON object a line, as :mod:`pytest_selfinvoke.rewriting` writes it:
``benchmark``, ``problem``, ``problem_hash``, and either the ``paragraphs`` of the parts
of its prompt (``base`` and ``target``) in other words, or the name of a ``variable``.
It is loaded as one attack, ``rewritten:FILE``. So a run needs no second model, and is
the same wherever the file is. Threat model: natural. Definitions: the back-translation
and the model's variable names of ReCode, arXiv 2212.10264, section 3.2.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, facts
from pytest_selfinvoke.attacks.json_lines import attack_name, read_objects
from pytest_selfinvoke.attacks.paragraphs import paragraphs, with_paragraphs
from pytest_selfinvoke.attacks.partial import HALF, Given
from pytest_selfinvoke.attacks.variables import rename_variable
from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.core.registry import Registry

_SOURCE = "ReCode, arXiv 2212.10264, section 3.2, by the model that the file names"


def register_file(path: Path, attacks: Registry[Attack]) -> str:
    """Register a file's attack, and give its name: ``rewritten.`` and the file's.

    :raises UserError: if there is no such file, or another of the same name.
    :raises DataError: if the file is not what its attack needs.
    """
    name = attack_name("rewritten", path)
    found = _load(path, path.stat().st_mtime_ns)
    first = next(iter(found.values()))
    renames = any("variable" in record for record in first)

    @facts(threat="natural", source=_SOURCE, nominal=HALF if renames else "clean")
    def rewritten(problem: Problem, rng: random.Random) -> Problem:
        """One of a model's rewritings of the prompt, drawn by the seed."""
        records = _load(path, path.stat().st_mtime_ns).get(
            (problem.benchmark, problem.id)
        )
        if records is None:
            raise NotApplicableError(f"{path.name} has no rewriting of {problem.id}")
        record = rng.choice(records)
        if record["problem_hash"] != problem.hash:
            raise NotApplicableError(
                f"{path.name} was made from another version of {problem.id}"
            )
        if "variable" in record:
            return rename_variable(Given.of(problem), record["variable"])
        return reworded(problem, record["paragraphs"])

    attacks.define(name, rewritten)
    return name


def reworded(problem: Problem, texts: dict[str, list[str]]) -> Problem:
    """The problem with other paragraphs in its prompts: part -> one text each."""
    base = problem.base
    return replace(
        problem,
        base=None if base is None else _part(base, texts.get("base", [])),
        target=_part(problem.target, texts.get("target", [])),
    )


def _part(part: Part, texts: list[str]) -> Part:
    if len(texts) != len(paragraphs(part.prompt)):
        raise NotApplicableError("the rewriting has another number of paragraphs")
    return replace(part, prompt=with_paragraphs(part.prompt, texts))


@lru_cache(maxsize=16)
def _load(path: Path, modified_ns: int) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line, record in enumerate(read_objects(path), 1):
        for key in ("benchmark", "problem", "problem_hash"):
            if not isinstance(record.get(key), str):
                raise DataError(path.name, "is missing", line=line, field=key)
        if not (_is_name(record.get("variable")) or _is_text(record.get("paragraphs"))):
            raise DataError(
                path.name, "expected 'paragraphs' or a 'variable'", line=line
            )
        found[record["benchmark"], record["problem"]].append(record)
    if not found:
        raise DataError(path.name, "holds no rewritings")
    return dict(found)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(texts, list) and all(isinstance(text, str) for text in texts)
        for texts in value.values()
    )
