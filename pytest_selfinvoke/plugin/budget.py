"""``--attack-budget``: the strongest attacks first, and when to leave a problem alone.

What was judged stands in small files that all workers append to: one for each problem,
and one for what its model is weak against. With xdist's ``--dist=loadscope``, which a
budget chooses itself, one worker has all of a problem; else a budget may be exceeded by
the number of workers less one.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pytest_selfinvoke.attacks.base import Attack, facts_of
from pytest_selfinvoke.core.errors import SelfInvokeError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case, Variant
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.metrics.budget import (
    Budget,
    Decision,
    Strength,
    attack_order,
    strengths,
)
from pytest_selfinvoke.metrics.outcomes import NOT_RUN, Outcomes
from pytest_selfinvoke.plan import Plan
from pytest_selfinvoke.results.store import MANIFEST, read_records
from pytest_selfinvoke.suite import Suite

#: Earlier runs that strength is learnt from, the latest.
_RUNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """How strong attacks were in earlier runs: on this run's models, and on others."""

    own: Mapping[str, Strength] = field(default_factory=dict)
    others: Mapping[str, Strength] = field(default_factory=dict)

    @classmethod
    def from_runs(cls, results: Path, models: frozenset[str]) -> Self:
        """What the latest runs in a results folder say.

        :param models: the models of this run.
        """
        own: dict[str, Strength] = {}
        others: dict[str, Strength] = {}
        for run in sorted(results.glob(f"*/{MANIFEST}"))[-_RUNS:]:
            for model, found in _strengths(run.parent):
                _add(own if model in models else others, found)
        return cls(own=own, others=others)

    def order(
        self, attacks: Sequence[str], run: Mapping[str, Strength] | None = None
    ) -> tuple[str, ...]:
        """The attacks, the strongest first; equal ones in the order given.

        :param run: what this run has shown so far.
        """
        own = dict(self.own)
        _add(own, run or {})
        return attack_order(attacks, own=own, others=[self.others])

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "own": {name: [s.tried, s.broken] for name, s in self.own.items()},
            "others": {name: [s.tried, s.broken] for name, s in self.others.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            **{
                part: {
                    name: Strength(tried=tried, broken=broken)
                    for name, (tried, broken) in data[part].items()
                }
                for part in ("own", "others")
            }
        )


class BudgetBook:
    """What was judged in this run, and what of a problem is left to run.

    :param folder: shared by all workers of the session.
    :param learnt: what was known before.
    """

    def __init__(self, folder: Path, learnt: Learnt) -> None:
        self._folder = folder
        self._learnt = learnt
        self._shown: dict[Path, Shown] = {}

    def reason_to_skip(
        self, case: Case, attacks: Sequence[Variant], *, variants: int, samples: int
    ) -> str:
        """Why a case need not be run; or nothing.

        A variant that was begun is finished: with one sample missing nothing can be
        said of it. Of those that were not, the strongest are run that the budget has
        room for, by what is known when a case's turn comes.

        :param attacks: the variants that the budget is for, in the order of the run.
        """
        seen: dict[str, list[bool]] = {}
        for name, solved in _lines(self._problem(case)):
            seen.setdefault(name, []).append(solved)
        if case.variant.id in seen:
            return ""
        names = {variant.id for variant in attacks}
        done = [
            tuple(found)
            for name, found in seen.items()
            if name in names and len(found) >= samples
        ]
        decision = Budget(variants=variants).decide(done)
        if decision is Decision.BROKEN:
            return f"{NOT_RUN}: the problem is broken already"
        if decision is Decision.SPENT:
            return f"{NOT_RUN}: {variants} variants were judged"
        to_come = attacks[[variant.id for variant in attacks].index(case.variant.id) :]
        room = variants - len(done)
        if len(to_come) > room and self._rank(case, to_come) >= room:
            return f"{NOT_RUN}: attacks that were stronger in this run come first"
        return ""

    def note(self, case: Case, record: Record, nominal: str) -> None:
        """Keep what came of a case, if it was judged.

        :param nominal: id of the variant that the case's is compared with.
        """
        if not record.judged:
            return
        before = [
            solved for name, solved in _lines(self._problem(case)) if name == nominal
        ]
        _append(self._problem(case), [case.variant.id, record.solved])
        if case.variant.id != nominal and any(before):
            broken = not record.solved
            _append(self._model(case), [case.variant.attack, broken])

    def _rank(self, case: Case, to_come: Sequence[Variant]) -> int:
        """How many variants that are still to come are stronger than the case's."""
        file = self._model(case)
        run = self._shown.setdefault(file, Shown(file)).strengths()
        names = tuple(dict.fromkeys(variant.attack for variant in to_come))
        place = {name: n for n, name in enumerate(self._learnt.order(names, run))}
        ordered = sorted(to_come, key=lambda variant: place[variant.attack])
        return ordered.index(case.variant)

    def _problem(self, case: Case) -> Path:
        return self._file(case.suite, case.benchmark, case.model, case.problem)

    def _model(self, case: Case) -> Path:
        return self._file(case.suite, case.benchmark, case.model)

    def _file(self, *names: str) -> Path:
        return self._folder / content_hash(list(names))[:32]


class Shown:
    """What a run has shown of one model so far; reads each line of its file once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._found: dict[str, Strength] = {}

    def strengths(self) -> Mapping[str, Strength]:
        """How often each attack has broken what is solved without it."""
        if self._file.exists():
            with self._file.open("rb") as stream:
                stream.seek(self._read)
                # What another worker is about to write ends without a line break.
                lines = stream.read().rpartition(b"\n")[0]
            for line in lines.splitlines():
                attack, broken = json.loads(line)
                _add(self._found, {attack: Strength(tried=1, broken=broken)})
            self._read += len(lines) + bool(lines)
        return self._found


class AttackBudget:
    """The budgets of a session's plans, in one of its processes.

    :param results: the folder that runs are written to.
    """

    def __init__(self, results: Path, attacks: Registry[Attack]) -> None:
        self._results = results
        self._attacks = attacks
        #: A folder that all processes of the session share.
        self._folder: str | None = None
        self._learnt: Learnt | None = None
        self._kept: BudgetBook | None = None

    def learnt(self, suite: Suite) -> Learnt:
        """What earlier runs say; as the controller saw it."""
        if self._learnt is None:
            labels = frozenset(spec.label for spec in suite.models)
            self._learnt = Learnt.from_runs(self._results, labels)
        return self._learnt

    def reason_to_skip(self, plan: Plan, case: Case) -> str:
        """Why a case is left out; or nothing."""
        variants, samples = plan.suite.attack_budget, plan.suite.samples
        if variants is None or not is_attack(case.variant, self._attacks):
            return ""
        attacks = [v for v in plan.variants if is_attack(v, self._attacks)]
        return self._book(plan).reason_to_skip(
            case, attacks, variants=variants, samples=samples
        )

    def decides(self, plan: Plan, case: Case) -> bool:
        """Whether a case may be left out, so that it is not generated ahead."""
        has_budget = plan.suite.attack_budget is not None
        return has_budget and is_attack(case.variant, self._attacks)

    def note(self, plan: Plan, case: Case, record: Record) -> None:
        """Count a case."""
        if plan.suite.attack_budget is not None:
            attack = self._attacks.get(case.variant.attack)
            self._book(plan).note(case, record, facts_of(attack).nominal)

    def shared(self) -> dict[str, Any]:
        """What workers have to know of this process, as plain data."""
        # Only a worker may find the suite file that sets a budget.
        folder, learnt = str(self._shared_folder()), self._learnt
        return {
            "folder": folder,
            "learnt": None if learnt is None else learnt.to_json(),
        }

    def take_shared(self, data: Mapping[str, Any]) -> None:
        """The inverse of :meth:`shared`, in a worker."""
        self._folder, learnt = data["folder"], data["learnt"]
        self._learnt = None if learnt is None else Learnt.from_json(learnt)

    def remove(self) -> None:
        """Remove what the processes shared."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _book(self, plan: Plan) -> BudgetBook:
        if self._kept is None:
            self._kept = BudgetBook(self._shared_folder(), self.learnt(plan.suite))
        return self._kept

    def _shared_folder(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="selfinvoke-budget-")
        return Path(self._folder)


def is_attack(variant: Variant, attacks: Registry[Attack]) -> bool:
    """Whether a variant is more than a control."""
    return facts_of(attacks.get(variant.attack)).threat != "control"


def _lines(file: Path) -> Iterator[tuple[str, bool]]:
    try:
        text = file.read_text()
    except FileNotFoundError:
        return
    for line in text.splitlines():
        name, value = json.loads(line)
        yield name, value


def _append(file: Path, line: list[Any]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    handle = os.open(file, flags, 0o644)
    try:
        os.write(handle, f"{json.dumps(line)}\n".encode())
    finally:
        os.close(handle)


def _add(total: dict[str, Strength], found: Mapping[str, Strength]) -> None:
    for attack, strength in found.items():
        total[attack] = total.get(attack, Strength()) + strength


def _strengths(run: Path) -> Iterator[tuple[str, dict[str, Strength]]]:
    groups: dict[tuple[str, str], list[Record]] = {}
    try:
        for record in read_records(run, warn=lambda _: None):
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
