"""``--attack-budget``: the strongest attacks first, and when to leave a problem alone.

What was judged of a problem stands in one small file that all workers append to. With
xdist's ``--dist=loadscope``, which a budget chooses itself, one worker has
all of a problem; else a budget may be exceeded by the number of workers less one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case
from pytest_selfinvoke.metrics.budget import (
    Budget,
    Decision,
    Strength,
    attack_order,
    strengths,
)
from pytest_selfinvoke.metrics.outcomes import NOT_RUN, Outcomes
from pytest_selfinvoke.results.store import MANIFEST, read_records

#: Earlier runs that strength is learnt from, the latest.
_RUNS = 5


class BudgetBook:
    """What was judged of each problem in this run.

    :param folder: shared by all workers of the session.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reason_to_skip(self, case: Case, *, variants: int, samples: int) -> str:
        """Why a case need not be run; or nothing.

        A variant that was begun is finished: with one sample missing nothing can be
        said of it.
        """
        seen: dict[str, list[bool]] = {}
        for name, solved in self._read(case):
            seen.setdefault(name, []).append(solved)
        if case.variant.id in seen:
            return ""
        done = [tuple(found) for found in seen.values() if len(found) >= samples]
        decision = Budget(variants=variants).decide(done)
        if decision is Decision.BROKEN:
            return f"{NOT_RUN}: the problem is broken already"
        if decision is Decision.SPENT:
            return f"{NOT_RUN}: {variants} variants were judged"
        return ""

    def note(self, case: Case, record: Record) -> None:
        """Keep what came of a case, if it was judged."""
        if not record.judged:
            return
        line = json.dumps([case.variant.id, record.solved]) + "\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        handle = os.open(self._file(case), flags, 0o644)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def _read(self, case: Case) -> Iterator[tuple[str, bool]]:
        try:
            text = self._file(case).read_text()
        except FileNotFoundError:
            return
        for line in text.splitlines():
            name, solved = json.loads(line)
            yield name, solved

    def _file(self, case: Case) -> Path:
        names = [case.suite, case.benchmark, case.model, case.problem]
        return self._folder / content_hash(names)[:32]


def learnt_order(results: Path, models: frozenset[str]) -> tuple[str, ...]:
    """Attacks by what the latest runs in a results folder say, the strongest first.

    :param models: the models of this run; what is known of them counts as their own.
    """
    own: dict[str, Strength] = {}
    others: list[dict[str, Strength]] = []
    for run in sorted(results.glob(f"*/{MANIFEST}"))[-_RUNS:]:
        for model, found in _strengths(run.parent):
            if model in models:
                for attack, strength in found.items():
                    own[attack] = own.get(attack, Strength()) + strength
            else:
                others.append(found)
    names = dict.fromkeys([*own, *(name for one in others for name in one)])
    return attack_order(tuple(names), own=own, others=others)


def _strengths(run: Path) -> Iterator[tuple[str, dict[str, Strength]]]:
    groups: dict[tuple[str, str], list[Record]] = {}
    try:
        for record in read_records(run):
            key = (str(record.case["model"]), str(record.case["benchmark"]))
            # The texts are long, and not needed.
            groups.setdefault(key, []).append(
                replace(
                    record, prompt="", completion=None, program=None, execution=None
                )
            )
    except (SelfInvokeError, OSError):
        return  # A run that cannot be read teaches nothing.
    for (model, _), records in groups.items():
        yield model, strengths(Outcomes.from_records(records))
