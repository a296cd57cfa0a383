"""A search over problems, from its file's last line on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.whitebox import patched
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.core.seeding import derive_rng
from pytest_selfinvoke.whitebox.file import SearchFile
from pytest_selfinvoke.whitebox.patch import PatchSearcher, PatchStep, split
from pytest_selfinvoke.whitebox.substitution import Found, Searcher
from pytest_selfinvoke.whitebox.words import parts_of


@dataclass(slots=True)
class Outcome:
    """``raised``: the change of each text's loss. ``left_out``: reasons, counted."""

    raised: list[float] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def search_texts(
    problems: Sequence[Problem],
    searcher: Searcher,
    file: SearchFile,
    *,
    count: int,
    seed: int,
    show: Callable[[str], None],
) -> Outcome:
    """Search ``count`` texts of each problem, and write each to the file at once.

    What the file holds already is not searched again.
    """
    done = {(x["benchmark"], x["problem_hash"], x["number"]): x for x in file.lines}
    outcome, total = Outcome(), count * len(problems)
    work = [(problem, number) for problem in problems for number in range(count)]
    for at, (problem, number) in enumerate(work, 1):
        line = done.get((problem.benchmark, problem.hash, number))
        if line is None:
            line = _searched(problem, number, searcher, seed)
            file.add(line)
            show(f"[{at}/{total}] {problem.id}: {_said(line)}")
        if "left_out" in line:
            outcome.left_out[line["left_out"]] += 1
        else:
            outcome.raised.append(line["loss_after"] - line["loss_before"])
    return outcome


def search_patch(
    problems: Sequence[Problem],
    searcher: Searcher,
    file: SearchFile,
    *,
    seed: int,
    show: Callable[[str], None],
) -> Outcome:
    """Search one patch on a part of the problems; measure it on the others.

    :raises NotApplicableError: if there are fewer than two problems.
    """
    train, test = split(problems, searcher.settings, seed)
    names = [[problem.benchmark, problem.id] for problem in train]
    patching = PatchSearcher(searcher, train)
    last = None
    if file.lines:
        line = file.lines[-1]
        last = PatchStep(step=line["step"], patch=line["patch"], loss=line["loss"])
    for step in patching.steps(seed, last):
        line = {"step": step.step, "patch": step.patch, "loss": step.loss}
        file.add({**line, "train": names})
        show(f"[{step.step}/{searcher.settings.steps}] loss {step.loss:.3f}")
        last = step
    assert last is not None
    show(f"patch: {last.patch}")
    outcome = Outcome()
    for problem in test:
        answer = searcher.answer(problem)
        both = [problem, patched(problem, last.patch)]
        tokens = [searcher.shown(one).tokens for one in both]
        try:
            before, after = searcher.model.losses(tokens, answer)
        except NotJudgedError as error:
            outcome.left_out[str(error)] += 1
        else:
            outcome.raised.append(after - before)
    return outcome


def _searched(
    problem: Problem, number: int, searcher: Searcher, seed: int
) -> dict[str, Any]:
    line: dict[str, Any] = {
        "benchmark": problem.benchmark,
        "problem": problem.id,
        "problem_hash": problem.hash,
        "number": number,
    }
    rng = derive_rng(seed, "whitebox", problem.id, number)
    try:
        found = searcher.substitute(problem, rng)
        if not found.changes:
            raise NotApplicableError("no exchange made the reference less likely")
    except NotJudgedError as error:
        return {**line, "left_out": str(error)}
    return {**line, **_facts(found)}


def _facts(found: Found) -> dict[str, Any]:
    parts = parts_of(found.problem)
    return {
        "prompts": {name: part.prompt for name, part in parts.items()},
        "loss_before": found.before,
        "loss_after": found.after,
        "changes": [list(change) for change in found.changes],
        "forwards": found.forwards,
        "backwards": found.backwards,
    }


def _said(line: dict[str, Any]) -> str:
    if "left_out" in line:
        return str(line["left_out"])
    changes = ", ".join(f"{old} > {new}" for old, new in line["changes"])
    return f"loss {line['loss_before']:.3f} > {line['loss_after']:.3f}: {changes}"
