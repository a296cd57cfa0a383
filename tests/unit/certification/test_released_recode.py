"""What is wrong with the variants that ReCode has released."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.attacks.base import Attack
from pytest_selfinvoke.attacks.recode import register_file
from pytest_selfinvoke.benchmarks.humaneval import HUMANEVAL
from pytest_selfinvoke.certification.certifier import Certifier, Row, table
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.sandbox.base import Execution, Job


class Trusting:
    """Takes the word of everything but the stub: nothing is run."""

    def run(self, job: Job) -> Execution:
        stub = "return object()" in job.program
        return Execution(verdict=Verdict.WRONG_ANSWER if stub else Verdict.SOLVED)


@pytest.mark.parametrize(
    ("file", "valid", "inert", "broken"),
    [
        ("SynonymSubstitution", 61, 15, 88),
        ("FuncRenameSynonymSub", 0, 164, 0),
        ("tab_indent", 0, 0, 164),
        ("ButterFingersPerturbation", 164, 0, 0),
    ],
)
def test_counts(data: Path, file: str, valid: int, inert: int, broken: int) -> None:
    path = data / "recode" / "perturbed" / f"humaneval_{file}_s0.jsonl.gz"
    registry: Registry[Attack] = Registry(
        "attack", {"clean": "pytest_selfinvoke.attacks.clean:unchanged"}
    )
    name = register_file(path, registry)
    certifier = Certifier(attacks=registry, executor=Trusting())
    (row,) = table(
        certifier.certify(problem, Variant(attack=name), seed=0)
        for problem in HUMANEVAL.load(data / "recode" / "HumanEval.jsonl")
    )
    assert isinstance(row, Row)
    assert (row.valid, row.inert, row.broken) == (valid, inert, broken)
