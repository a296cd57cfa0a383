"""JUnit XML tells a model's failures from ours, and says what the run was."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.benchmarks.base import Benchmark
from pytest_selfinvoke.core.registry import Registry

from .conftest import Run, manifest
from .junit_schema import violations

#: Attacks that change nothing, that make a problem unsolvable, and that have a bug.
ATTACKS = """
from dataclasses import replace

def comment(word):
    def attack(problem, rng):
        target = replace(problem.target, prompt=f"# {word}\\n{problem.target.prompt}")
        return replace(problem, target=target)
    return attack

def blank(problem, rng):
    target = replace(problem.target, prompt=problem.target.prompt.replace("def ", "def  "))
    return replace(problem, target=target)

def unsolvable(problem, rng):
    target = replace(
        problem.target,
        prompt="# never\\n" + problem.target.prompt,
        tests=problem.target.tests + "\\nassert False\\n",
    )
    return replace(problem, target=target)

def pytest_selfinvoke_attacks(registry):
    registry.add("mine.strong", comment("strong"))
    registry.add("mine.mild", comment("mild"))
    registry.add("docstring.blank", blank)
    registry.add("mine.unsolvable", unsolvable)
    registry.add("mine.bug", lambda problem, rng: 1 / 0)
"""
WEAK = """
from pytest_selfinvoke import ModelInfo

class Weak:
    '''Loses its head at the word "strong".'''
    max_batch = 1
    info = ModelInfo(
        name="weak", engine="mine", architecture="moe", experts=8, top_k=2,
        total_parameters=1000, active_parameters=300, alignment="sft",
        precision="bf16", revision="abc",
    )
    def __init__(self, spec): pass
    def generate(self, requests):
        return [
            "no code" if "# strong" in r.prompt.shown() else SOLUTIONS[r.case["problem"]]
            for r in requests
        ]
"""
PROBLEMS = 3
RESULTS = ("failure", "error", "skipped")
#: What the messages have to say.
WORDS = (
    "not solved: no_code",
    "could not be judged",
    "inert variant",
    "broken variant",
    "attack budget",
)


@pytest.fixture
def suite(run_both: Run, pytester: pytest.Pytester) -> ET.Element:
    """The only suite of a session with everything that can come of a case."""
    mini: Benchmark = Registry("benchmark", BUILTIN).get("mini")
    solutions = {p.id: p.reference for p in mini.load(None)[:PROBLEMS]}
    pytester.makeconftest(ATTACKS)
    pytester.makepyfile(weak=f"{WEAK}\nSOLUTIONS = {solutions!r}\n")
    attacks = "clean,docstring.blank,mine.unsolvable,mine.bug,mine.strong,mine.mild"
    run_both(
        "--model=weak:Weak",
        f"--limit={PROBLEMS}",
        f"--attack={attacks}",
        "--attack-budget=9",
        "--junitxml=out.xml",
    )
    [found] = ET.parse(pytester.path / "out.xml").getroot()
    return found


def properties(element: ET.Element) -> dict[str, str]:
    found = element.findall("properties/property")
    names = [p.get("name", "").removeprefix("selfinvoke.") for p in found]
    assert len(set(names)) == len(names)
    return dict(zip(names, (p.get("value", "") for p in found), strict=True))


def test_failures_are_the_models_and_errors_ours(suite: ET.Element) -> None:
    seen: Counter[tuple[str, ...]] = Counter()
    for case in suite.iter("testcase"):
        results = [child for child in case if child.tag in RESULTS]
        tags = [child.tag for child in results] or ["solved"]
        message = " ".join(child.get("message", "") for child in results)
        word = next((word for word in WORDS if word in message), message)
        seen[properties(case)["attack"], *tags, word] += 1
    assert seen == {
        ("clean", "solved", ""): PROBLEMS,
        ("mine.strong", "failure", "not solved: no_code"): PROBLEMS,
        ("mine.bug", "error", "could not be judged"): PROBLEMS,
        ("docstring.blank", "skipped", "inert variant"): PROBLEMS,
        ("mine.unsolvable", "skipped", "broken variant"): PROBLEMS,
        ("mine.mild", "skipped", "attack budget"): PROBLEMS,
    }
    counts = {name: suite.get(name) for name in ("failures", "errors", "skipped")}
    assert counts == {"failures": "3", "errors": "3", "skipped": "9"}


def test_the_suite_says_what_the_run_was(
    suite: ET.Element, pytester: pytest.Pytester
) -> None:
    facts = properties(suite)
    [plan] = manifest(pytester.path)["plans"]
    assert facts["benchmark_hash[mini]"] == plan["benchmarks"][0]["hash"]
    assert facts["seed"] == "0"
    assert facts["isolation"]
    expected = {
        "architecture": "moe", "experts": "8", "top_k": "2", "total_parameters": "1000",
        "active_parameters": "300", "alignment": "sft", "precision": "bf16",
        "revision": "abc", "engine": "mine",
    }  # fmt: skip
    of = "[weak-Weak]"
    assert {k.removesuffix(of): v for k, v in facts.items() if k.endswith(of)} == (
        expected
    )
    of = "weak-Weak,mini"
    assert {k: v for k, v in facts.items() if "@" in k or "drop" in k} == {
        f"pass@1[{of},clean]": "1.0000",
        f"pass@1[{of},mine.strong]": "0.0000",
        f"robust_pass@1[{of},mine.strong]": "0.0000",
        f"drop[{of},mine.strong]": "1.0000",
        f"robust_pass@1[{of},mine]": "0.0000",
        f"drop[{of},mine]": "1.0000",
        f"robust_pass@1[{of},worst]": "0.0000",
        f"drop[{of},worst]": "1.0000",
    }


def test_every_case_says_what_it_was(suite: ET.Element) -> None:
    for case in suite.iter("testcase"):
        facts = properties(case)
        assert facts["model"] == "weak-Weak"
        assert facts["benchmark"] == "mini"
        assert f"{facts['problem']}::{facts['attack']}" in (
            f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        )
        assert len(facts.get("problem_hash", "x" * 16)) == 16


def test_the_file_keeps_to_the_schema(suite: ET.Element) -> None:
    assert list(violations(suite)) == []


def test_an_independent_parser_reads_the_same(
    suite: ET.Element, pytester: pytest.Pytester
) -> None:
    parser: Any = pytest.importorskip("junitparser", reason="needs junitparser")
    [found] = parser.JUnitXml.fromfile(str(pytester.path / "out.xml"))
    assert (found.tests, found.failures, found.errors, found.skipped) == (18, 3, 3, 9)
    kinds = Counter(type(result).__name__ for case in found for result in case.result)
    assert kinds == {"Failure": 3, "Error": 3, "Skipped": 9}
    read = {p.name.removeprefix("selfinvoke."): p.value for p in found.properties()}
    assert read == properties(suite)


def test_files_of_two_shards_merge(run: Run, pytester: pytest.Pytester) -> None:
    parser: Any = pytest.importorskip("junitparser", reason="needs junitparser")
    for shard in "12":
        options = (f"--shard={shard}/2", f"--junitxml={shard}.xml", "--limit=4")
        run("--model=oracle", *options)
    folder = Path(parser.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-m", "junitparser", "merge", "1.xml", "2.xml", "all.xml"],
        check=True,
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"},
    )
    merged = parser.JUnitXml.fromfile(str(pytester.path / "all.xml"))
    names = {f"{case.classname}.{case.name}" for suite in merged for case in suite}
    assert merged.tests == len(names) == 4
    # Each shard keeps what is true of it alone.
    for suite in merged:
        assert "selfinvoke.pass@1[oracle,mini,clean]" in {
            p.name for p in suite.properties()
        }


@pytest.mark.parametrize(
    "text",
    [
        "<report/>",
        "<testsuite name='s' tests='0' failures='0'/>",
        "<testsuite name='s' tests='1' failures='0' errors='0'/>",
        "<testsuite name='s' tests='0' failures='0' errors='0' time='1 s'/>",
        "<testsuite name='s' tests='1' failures='0' errors='0'><testcase name='c'>"
        "<output/></testcase></testsuite>",
    ],
)
def test_the_schema_finds_what_it_is_for(text: str) -> None:
    assert list(violations(ET.fromstring(text)))


def test_a_crashed_worker_is_our_error(
    run_apart: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
import os
def pytest_runtest_setup(item):
    if "classes_03" in item.nodeid:
        os._exit(3)
"""
    )
    run_apart("--model=oracle", "--limit=4", "-n", "2", "--junitxml=out.xml")
    root = ET.parse(pytester.path / "out.xml").getroot()
    results = Counter(e.tag for e in root.iter() if e.tag in RESULTS)
    assert results == {"error": 1}
    assert list(violations(root)) == []
