"""Certificates: a variant is valid, inert or broken, with the reason; or unjudged.

*Inert*: the attack does not apply, or what it gives is the nominal prompt. *Broken*:
nobody could solve it, or anybody could. *Valid*: the text differs, the reference
solution in the attacked prompt passes the tests, and a stub fails them. Only valid
variants say something of a model. *Unjudged*: the reference solution of the clean
problem fails too, so that nothing can be said (a library may be missing here).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pytest_selfinvoke.attacks.base import (
    Attack,
    AttackError,
    NotApplicableError,
    apply,
    facts_of,
)
from pytest_selfinvoke.certification.ledger import Ledger
from pytest_selfinvoke.certification.normal import execution_key
from pytest_selfinvoke.certification.static import changes_layout, flaw, is_inert
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.sandbox.base import Execution, Job, Limits

#: To be raised when a check changes what it says.
CHECK = 1
_SOLVED = Verdict.SOLVED.value
VALID, INERT, BROKEN, UNJUDGED = "valid", "inert", "broken", "unjudged"
_PYTHON = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


class Executor(Protocol):
    """Runs programs: the sandbox."""

    def run(self, job: Job) -> Execution:
        """Run one program against its tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is certified of one variant of one problem.

    ``status`` is ``valid``, ``inert``, ``broken`` or ``unjudged``; all but the first
    have a reason.
    """

    attack: str
    problem: str
    status: str
    reason: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether the variant may be used."""
        return self.status == VALID

    def require(self) -> None:
        """Nothing, if the variant may be used.

        :raises NotApplicableError: if it is inert or broken.
        :raises NotJudgedError: if that cannot be said here.
        """
        if self.status == UNJUDGED:
            raise NotJudgedError(self.reason)
        if not self.is_valid:
            raise NotApplicableError(f"{self.status} variant: {self.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """How many variants of one attack are valid, inert, broken and unjudged.

    ``reasons`` counts the reasons of those that are not valid.
    """

    attack: str
    valid: int
    inert: int
    broken: int
    unjudged: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Certifier:
    """Certifies variants; of those that execute alike, one is executed.

    :param attacks: where attacks, and the nominal variants of others, are looked up.
    :param ledger: what was certified before. Failed executions are remembered for
        this process only: another time the machine may not be busy, or the library
        that was missing may be there.
    """

    attacks: Registry[Attack]
    executor: Executor
    limits: Limits = field(default_factory=Limits)
    ledger: Ledger = field(default_factory=Ledger)
    _nominals: dict[tuple[str, int, Problem], Problem] = field(default_factory=dict)

    def certify(self, problem: Problem, variant: Variant, *, seed: int) -> Certificate:
        """Make a variant and certify it.

        :param seed: the run's seed.
        """
        try:
            attack = self.attacks.get(variant.attack)
            attacked = apply(attack, problem, variant, seed=seed)
        except NotApplicableError as error:
            return _certificate(problem, variant, INERT, str(error))
        except AttackError as error:
            return _certificate(problem, variant, BROKEN, str(error))
        return self.check(problem, variant, attacked, seed=seed)

    def check(
        self, problem: Problem, variant: Variant, attacked: Problem, *, seed: int
    ) -> Certificate:
        """Certify a variant that was made already.

        :param problem: the clean problem.
        :param attacked: what ``apply`` made of it.
        """
        facts = facts_of(self.attacks.get(variant.attack))
        # Of perturbed embeddings, the text is what it was.
        is_control = facts.threat == "control" or attacked.perturbation is not None
        nominal = problem
        if not is_control and facts.nominal != variant.attack:
            nominal = self._nominal(facts.nominal, problem, seed)
        layout = changes_layout(variant.attack)
        names = [*nominal.entry_points, nominal.prompt]
        key = content_hash([CHECK, _PYTHON, is_control, layout, names, attacked.hash])
        known = self.ledger.get(key)
        if known is not None:
            status, _, reason = known.partition(" ")
            return _certificate(problem, variant, status, reason)
        if found := flaw(nominal, attacked):
            status, reason, lasting = BROKEN, found, True
        elif not is_control and is_inert(nominal, attacked, layout=layout):
            status, reason, lasting = INERT, "it is the nominal prompt", True
        else:
            status, reason = self._executed(problem, attacked)
            lasting = status == VALID
        self.ledger.put(key, f"{status} {reason}", lasting=lasting)
        return _certificate(problem, variant, status, reason)

    def _nominal(self, name: str, problem: Problem, seed: int) -> Problem:
        key = (name, seed, problem)
        if key not in self._nominals:
            variant = Variant(attack=name)
            made = apply(self.attacks.get(name), problem, variant, seed=seed)
            self._nominals[key] = made
        return self._nominals[key]

    def _executed(self, problem: Problem, attacked: Problem) -> tuple[str, str]:
        """Status and reason after running reference and stub."""
        try:
            return self._judged(problem, attacked)
        except NotJudgedError as error:
            return UNJUDGED, str(error)

    def _judged(self, problem: Problem, attacked: Problem) -> tuple[str, str]:
        reference = self._verdict(attacked.reference, attacked, should_pass=True)
        if reference == _SOLVED:
            stub = self._verdict(stub_of(attacked), attacked, should_pass=False)
            if stub == _SOLVED:
                return BROKEN, "the tests pass functions that return nothing of use"
            return VALID, ""
        clean = self._verdict(problem.reference, problem, should_pass=True)
        if clean == _SOLVED:
            return BROKEN, f"the reference solution fails: {reference}"
        own = f"the reference solution of {problem.id} fails its own tests here"
        return UNJUDGED, f"{own}: {clean}"

    def _verdict(self, program: str, problem: Problem, *, should_pass: bool) -> str:
        """``solved``, or the verdict with its detail."""
        tests, names = problem.target.tests, problem.entry_points
        try:
            target = problem.target.entry_point
            key = f"{_PYTHON} {execution_key(program, tests, target)}"
        except SyntaxError as error:
            return f"the tests do not compile: {error.msg}"
        known = self.ledger.get(key)
        if known is not None:
            return known
        execution = self.executor.run(
            Job(program=program, tests=tests, entry_points=names, limits=self.limits)
        )
        passed = execution.verdict is Verdict.SOLVED
        said = _SOLVED
        if not passed:
            said = f"{execution.verdict.value}: {execution.detail}".rstrip(": ")
        self.ledger.put(key, said, lasting=passed is should_pass)
        return said


def stub_of(problem: Problem) -> str:
    """A program that defines what is asked for and solves nothing."""
    return "\n\n".join(
        f"def {name}(*args, **kwargs):\n    return object()\n"
        for name in problem.entry_points
    )


def table(certificates: Iterable[Certificate]) -> tuple[Row, ...]:
    """One row per attack, in the order in which they first appear."""
    counts: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for one in certificates:
        counts.setdefault(one.attack, Counter())[one.status] += 1
        reasons.setdefault(one.attack, Counter())
        if one.reason:
            reasons[one.attack][f"{one.status}: {one.reason}"] += 1
    return tuple(
        Row(
            attack=attack,
            valid=counted[VALID],
            inert=counted[INERT],
            broken=counted[BROKEN],
            unjudged=counted[UNJUDGED],
            reasons=dict(reasons[attack].most_common()),
        )
        for attack, counted in counts.items()
    )


def _certificate(
    problem: Problem, variant: Variant, status: str, reason: str = ""
) -> Certificate:
    return Certificate(
        attack=variant.attack, problem=problem.id, status=status, reason=reason
    )
