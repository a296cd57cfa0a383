"""The corpus against this host's sandbox: no false pass, no damage, none honest fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox.base import Execution, Isolation, Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox
from pytest_selfinvoke.sandbox.selftest import CHEATS, HONEST, corpus, selftest

QUICK = Limits(cpu_s=1.0, wall_s=4.0)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    programs = [p for c in (*CHEATS, "damage", *HONEST) for p in corpus(c)]
    assert len(programs) >= 200
    assert len({(p.category, p.name) for p in programs}) == len(programs)
    assert all(p.source.strip() for p in programs)


@pytest.mark.parametrize("category", [*CHEATS, *HONEST])
def test_verdicts(sandbox: Sandbox, category: str) -> None:
    way = "literal" if category in HONEST else "run"
    report = selftest(
        sandbox.run, sandbox.isolation, [category], ways=[way], limits=QUICK
    )
    assert report.ok, "\n".join(report.lines())


@pytest.mark.parametrize("category", ["tracing", "patching"])
def test_beside_the_program(sandbox: Sandbox, category: str) -> None:
    report = selftest(
        sandbox.run, sandbox.isolation, [category], ways=["inline"], limits=QUICK
    )
    assert report.ok, "\n".join(report.lines())


def test_damage(sandbox: Sandbox) -> None:
    quick = Limits(cpu_s=0.3, wall_s=2.0)
    report = selftest(sandbox.run, sandbox.isolation, ["damage"], limits=quick)
    assert report.ok, "\n".join(report.lines())


@pytest.mark.slow
def test_everything_in_all_ways(sandbox: Sandbox) -> None:
    report = selftest(sandbox.run, sandbox.isolation)
    assert report.ok, "\n".join(report.lines())


def test_a_sandbox_that_passes_everything_is_found_out() -> None:
    def run(job: Job) -> Execution:
        return Execution(verdict=Verdict.SOLVED, stdout=job.program)

    none = Isolation(tier="none", layers={"limits": True})
    report = selftest(run, none, ["leaving", "honest"], ways=["literal"])
    [cheats, honest] = report.rows
    assert (len(cheats.wrong), cheats.runs) == (cheats.programs, cheats.programs)
    assert not honest.wrong
    assert not report.ok
    assert "exit at import (literal): solved" in "\n".join(report.lines())


def test_a_program_that_does_harm_is_found_out() -> None:
    def run(job: Job) -> Execution:
        # The program is not run: what it would do is done here.
        outside = re.search(r"'(/.*/canary)'", job.program)
        out = ""
        if outside and "print(open(" in job.program:
            out = Path(outside[1]).read_text()
        elif outside and "write" in job.program:
            Path(outside[1]).write_text("x")
        return Execution(verdict=Verdict.SOLVED, stdout=out)

    none = Isolation(tier="none", layers={"limits": True})
    [row] = selftest(run, none, ["damage"]).rows
    assert row.wrong == [
        "overwrites: changed files outside",
        "reads a secret from a file: read a secret",
    ]
