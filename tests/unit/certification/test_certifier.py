from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, facts
from pytest_selfinvoke.certification.certifier import (
    Certificate,
    Certifier,
    Row,
    stub_of,
    table,
)
from pytest_selfinvoke.certification.ledger import Ledger
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Part, Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.sandbox.base import Execution, Job

PROBLEM = Problem(
    id="p",
    benchmark="b",
    target=Part(
        entry_point="total",
        prompt='def total(values):\n    """Add the values."""\n',
        solution="    return sum(values)\n",
        tests="assert total([1, 2]) == 3\n",
    ),
)


@dataclass
class InProcess:
    """Runs the trusted programs of these tests."""

    jobs: list[Job] = field(default_factory=list)

    def run(self, job: Job) -> Execution:
        self.jobs.append(job)
        namespace: dict[str, object] = {}
        try:
            exec(job.program + job.tests, namespace)
        except AssertionError:
            return Execution(verdict=Verdict.WRONG_ANSWER, detail="no")
        except Exception as error:
            return Execution(verdict=Verdict.EXCEPTION, detail=repr(error))
        return Execution(verdict=Verdict.SOLVED)


def retold(old: str, new: str) -> Attack:
    @facts(threat="natural", source="test", seeded=False)
    def attack(problem: Problem, rng: random.Random) -> Problem:
        target = problem.target
        if old not in target.prompt:
            raise NotApplicableError("nothing to retell")
        prompt = target.prompt.replace(old, new)
        return replace(problem, target=replace(target, prompt=prompt))

    return attack


def retested(tests: str) -> Attack:
    def attack(problem: Problem, rng: random.Random) -> Problem:
        target = replace(problem.target, prompt="# x\n" + problem.target.prompt)
        return replace(problem, target=replace(target, tests=tests))

    return attack


def renamed(problem: Problem, rng: random.Random) -> Problem:
    part = problem.target
    target = replace(
        part,
        entry_point="add",
        prompt=part.prompt.replace("total", "add"),
        tests=part.tests.replace("total", "add"),
    )
    return replace(problem, target=target)


@facts(threat="control", source="test", seeded=False)
def half(problem: Problem, rng: random.Random) -> Problem:
    target = replace(problem.target, prompt=problem.target.prompt + "    y = 1\n")
    return replace(problem, target=target)


@facts(threat="natural", source="test", seeded=False, nominal="clean.half")
def half_and_nothing(problem: Problem, rng: random.Random) -> Problem:
    return half(problem, rng)


@facts(threat="control", source="test", seeded=False)
def clean(problem: Problem, rng: random.Random) -> Problem:
    return problem


def raises(problem: Problem, rng: random.Random) -> Problem:
    raise ZeroDivisionError("oops")


ATTACKS: dict[str, Attack] = {
    "clean": clean,
    "clean.half": half,
    "docstring.typo": retold("Add", "Ad"),
    "docstring.spaced": retold("Add the", "Add  the"),
    "docstring.absent": retold("Subtract", "Add"),
    "docstring.quoted": retold('."""', '." " "'),
    "docstring.lost": retold('    """Add the values."""', "    values = []"),
    "function_name.renamed": renamed,
    "syntax.nothing": half_and_nothing,
    "mine.toothless": retested("total([1, 2])\n"),
    "mine.failing": retested("assert total([1, 2]) == 4\n"),
    "mine.unparsable": retested("assert total(\n"),
    "mine.raises": raises,
}

Make = Callable[..., Certifier]


@pytest.fixture
def executor() -> InProcess:
    return InProcess()


@pytest.fixture
def make(executor: InProcess) -> Make:
    def made(path: Path | None = None) -> Certifier:
        registry: Registry[Attack] = Registry("attack", {})
        for name, attack in ATTACKS.items():
            registry.add(name, attack)
        return Certifier(attacks=registry, executor=executor, ledger=Ledger(path))

    return made


def certify(certifier: Certifier, attack: str) -> Certificate:
    return certifier.certify(PROBLEM, Variant(attack=attack), seed=0)


@pytest.mark.parametrize(
    ("attack", "status", "reason"),
    [
        ("clean", "valid", ""),
        ("clean.half", "valid", ""),
        ("docstring.typo", "valid", ""),
        ("function_name.renamed", "valid", ""),
        ("docstring.absent", "inert", "nothing to retell"),
        ("docstring.spaced", "inert", "it is the nominal prompt"),
        ("syntax.nothing", "inert", "it is the nominal prompt"),
        ("docstring.quoted", "broken", "the prompt does not parse"),
        ("docstring.lost", "broken", "the reference solution fails: wrong_answer: no"),
        ("mine.failing", "broken", "the reference solution fails: wrong_answer: no"),
        ("mine.toothless", "broken", "the tests pass functions"),
        ("mine.unparsable", "broken", "the tests do not compile"),
        ("mine.raises", "broken", "ZeroDivisionError: oops"),
    ],
)
def test_certificates(make: Make, attack: str, status: str, reason: str) -> None:
    found = certify(make(), attack)
    assert (found.attack, found.problem, found.status) == (attack, "p", status)
    assert reason in found.reason
    assert bool(found.reason) is not found.is_valid


def test_a_problem_that_cannot_be_solved_here_is_not_the_attacks_fault(
    make: Make,
) -> None:
    target = replace(PROBLEM.target, solution="    import not_installed\n")
    problem = replace(PROBLEM, target=target)
    for attack in ("clean", "docstring.typo", "function_name.renamed"):
        found = make().certify(problem, Variant(attack=attack), seed=0)
        assert found.status == "unjudged"
        assert "reference solution of p fails its own tests here" in found.reason
        assert "not_installed" in found.reason


def test_a_problem_that_cannot_be_judged_is_unjudged(
    make: Make, executor: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(job: Job) -> Execution:
        raise NotJudgedError("the tests never call the solution")

    monkeypatch.setattr(executor, "run", run)
    found = make().certify(PROBLEM, Variant(attack="docstring.typo"), seed=0)
    assert (found.status, found.reason) == (
        "unjudged",
        "the tests never call the solution",
    )


def test_what_executes_alike_is_executed_once(make: Make, executor: InProcess) -> None:
    certifier = make()
    for attack in ("clean", "docstring.typo", "function_name.renamed"):
        assert certify(certifier, attack).is_valid
    assert len(executor.jobs) == 2, "reference and stub of the clean problem"


def test_certificates_are_remembered(
    make: Make, executor: InProcess, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    for _ in range(2):
        certifier = make(path)
        for attack in ("docstring.typo", "docstring.quoted", "docstring.spaced"):
            certify(certifier, attack)
        certifier.ledger.flush()
    assert len(executor.jobs) == 2


def test_a_failed_execution_is_tried_again_in_the_next_run(
    make: Make, executor: InProcess, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    for runs in (1, 2):
        certifier = make(path)
        for _ in range(2):
            assert certify(certifier, "mine.failing").status == "broken"
        certifier.ledger.flush()
        assert len(executor.jobs) == 1 + runs, "and the clean reference, once"


def test_a_made_variant_can_be_checked(make: Make) -> None:
    variant = Variant(attack="docstring.typo")
    attacked = replace(
        PROBLEM,
        target=replace(PROBLEM.target, prompt='def total(values):\n    """Sum."""\n'),
    )
    assert make().check(PROBLEM, variant, attacked, seed=0).is_valid


def test_the_stub_defines_all_functions() -> None:
    problem = replace(PROBLEM, base=replace(PROBLEM.target, entry_point="base"))
    namespace: dict[str, Callable[..., object]] = {}
    exec(stub_of(problem), namespace)
    assert namespace["base"](1) != namespace["base"](1)
    assert namespace["total"](x=2) is not None


def test_a_table_has_one_row_per_attack() -> None:
    def one(attack: str, status: str, reason: str = "") -> Certificate:
        return Certificate(attack=attack, problem="p", status=status, reason=reason)

    assert table(
        [one("b", "valid"), one("a", "inert", "x"), one("b", "broken", "y")] * 2
    ) == (
        Row(
            attack="b", valid=2, inert=0, broken=2, unjudged=0, reasons={"broken: y": 2}
        ),
        Row(
            attack="a", valid=0, inert=2, broken=0, unjudged=0, reasons={"inert: x": 2}
        ),
    )
