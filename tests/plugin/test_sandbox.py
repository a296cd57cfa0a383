"""What users choose and see of the sandbox."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.sandbox import selftest
from pytest_selfinvoke.sandbox.base import Execution, Isolation, Job

from .conftest import Run, records


@pytest.fixture
def short_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = selftest.corpus
    monkeypatch.setattr(selftest, "corpus", lambda category: whole(category)[:1])


@pytest.mark.usefixtures("short_corpus")
def test_the_selftest_prints_its_table(run: Run) -> None:
    result = run("--selfinvoke-selftest")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "sandbox: *limits*",
            "category * programs * runs * wrong",
            "leaving * 1 * 3 * 0",
            "damage * 1 * 1 * 0",
            "honest * 1 * 3 * 0",
            "0 false passes, 0 damage, 0 hangs, 0 honest programs failed, 0 not judged",
        ]
    )


@pytest.mark.usefixtures("short_corpus")
def test_a_sandbox_that_lets_all_pass_fails_the_selftest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def passed(self: object, job: Job) -> Execution:
        return Execution(verdict=Verdict.SOLVED)

    monkeypatch.setattr("pytest_selfinvoke.sandbox.runner.Sandbox.run", passed)
    result = run("--selfinvoke-selftest")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["18 false passes, *"])


WEAK = Isolation(tier="seccomp", layers={"namespaces": False, "seccomp": True})


def test_the_selftest_too_refuses_less_than_was_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolation = "pytest_selfinvoke.sandbox.forkserver.ForkServer.isolation"
    monkeypatch.setattr(isolation, WEAK)
    result = run("--selfinvoke-selftest", "--sandbox=strict")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: sandbox strict: *allow*namespaces*"])


def test_the_header_says_when_files_can_be_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolation = "pytest_selfinvoke.sandbox.forkserver.ForkServer.isolation"
    monkeypatch.setattr(isolation, WEAK)
    result = run("--model=oracle", "--limit=1")
    result.stdout.fnmatch_lines(
        ["sandbox: seccomp*programs can read this host's files"]
    )


STARTS = (
    "import subprocess, sys\n"
    "def count_clicks(times):\n"
    "    code = f'print(max(0, {times}))'\n"
    "    return int(subprocess.run([sys.executable, '-c', code], capture_output=True,"
    " check=True).stdout)\n"
    "def total_clicks(rounds): return sum(map(count_clicks, rounds))\n"
    "class Counter:\n    def __init__(self): self.value = 0\n"
    "    def click(self): self.value += 1\n"
)


@pytest.mark.parametrize("way", ["ini", "suite"])
def test_programs_may_start_others_where_they_are_allowed_to(
    run: Run, pytester: pytest.Pytester, way: str
) -> None:
    line = {"problem": "classes_01_click_counter", "completion": STARTS}
    (pytester.path / "answers.jsonl").write_text(json.dumps(line) + "\n")
    options = ["--model=replay:answers.jsonl", "--limit=1"]
    run(*options, "--selfinvoke-results=denied").assert_outcomes(failed=1)
    if way == "ini":
        options += ["-o", "selfinvoke_allow_processes=true"]
    else:
        (pytester.path / "a.selfinvoke.toml").write_text(
            "[suite]\nallow_processes = true\n"
        )
        options.append("a.selfinvoke.toml")
    run(*options).assert_outcomes(passed=1)


def test_processes_need_namespaces(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = "pytest_selfinvoke.sandbox.forkserver.ForkServer.isolation"
    monkeypatch.setattr(isolation, WEAK)
    allowed = "selfinvoke_allow_processes=true"
    result = run("--model=oracle", "--limit=1", "-o", allowed)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *allow_processes needs*namespaces*"])


CALLS_BACK = {
    "id": "back",
    "target": {
        "entry_point": "twice",
        "prompt": "def twice(f, x):\n    '''f(f(x))'''\n",
        "solution": "    return f(f(x))\n",
        "tests": [
            "assert twice(lambda x: x + 1, 1) == 3",
            "assert twice(lambda x: x * x, 3) == 81",
            "assert twice(lambda x: -x, 5) == 5",
            "assert twice(lambda x: x, 7) == 7",
        ],
    },
}


def test_reports_tell_how_programs_were_judged(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "p.jsonl").write_text(json.dumps(CALLS_BACK) + "\n")
    result = run_both(
        "--model=oracle",
        "--benchmark=jsonl=p.jsonl,mini",
        "--limit=2",
        "--junitxml=out.xml",
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["judge: 2 programs apart from their tests, 1 beside them"]
    )
    [suite] = ElementTree.parse(pytester.path / "out.xml").getroot()
    facts = {p.get("name"): p.get("value") for p in suite.findall("properties/*")}
    assert facts["selfinvoke.judged_apart"] == "2"
    assert facts["selfinvoke.judged_inline"] == "1"
    assert "limits" in str(facts["selfinvoke.isolation"])
    judges = {
        r["case"]["problem"]: r["execution"]["judge"] for r in records(pytester.path)
    }
    assert judges["back"] == "inline"


def test_a_timeout_below_the_programs_own_is_pointed_out(run: Run) -> None:
    result = run("--model=oracle", "--limit=1", "--timeout=7")
    result.stdout.fnmatch_lines(["selfinvoke: timeout=7 ends cases before*30 s*"])
    result = run("--model=oracle", "--limit=1", "--timeout=100")
    result.stdout.no_fnmatch_line("*ends cases before*")
