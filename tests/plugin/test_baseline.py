"""A run is compared with an earlier one, and a significant loss may decide."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pytest_selfinvoke.__main__ import main

from .conftest import Run, assert_clear

#: Answers with the reference solution, but of the problems in WRONG.
MODEL = """
from pytest_selfinvoke.benchmarks import BUILTIN
from pytest_selfinvoke.core.imports import resolve

WRONG = {wrong}

class Model:
    max_batch = 8

    def __init__(self, spec):
        problems = resolve(BUILTIN["mini"]).load(None)
        self.answers = {{problem.id: problem.reference for problem in problems}}

    def generate(self, requests):
        ids = [request.case["problem"] for request in requests]
        return ["" if id in WRONG else self.answers[id] for id in ids]
"""

NAMES = [
    f"classes_0{n}_{name}"
    for n, name in enumerate(
        ["click_counter", "rectangle_area", "bank_account", "stack_commands", "shop_orders", "cache_hits"], 1
    )
]  # fmt: skip
QUIET = ("--tb=no", "-rN", "--limit=12", "--model=planted:Model")


def model(pytester: pytest.Pytester, *wrong: str) -> None:
    pytester.makepyfile(planted=MODEL.format(wrong=list(wrong)))


@pytest.fixture
def baseline(run_apart: Run, pytester: pytest.Pytester) -> str:
    """A run in which the model solved everything but the last of the problems."""
    model(pytester, NAMES[5])
    run_apart(*QUIET, "--selfinvoke-results=old")
    [folder] = pytester.path.glob("old/*/")
    return f"old/{folder.name}"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_a_planted_regression_is_found(
    run_apart: Run, pytester: pytest.Pytester, baseline: str, workers: tuple[str, ...]
) -> None:
    model(pytester, NAMES[2])
    options = (*QUIET, *workers, f"--baseline={baseline}")
    result = run_apart(*options)
    # Single cases decide, as ever: one was not solved.
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "compared with *, solved in % of the same cases",
            "planted-Model on mini",
            "  all cases * 12 * 91.7 * 91.7 * 1/1 1.000",
            "regressions: 1",
            "  mini::planted-Model::classes_03_bank_account::clean  solved -> *",
            "improvements: 1",
            "  mini::planted-Model::classes_06_cache_hits::clean  * -> solved",
            "records: *",
        ]
    )
    # One loss is not significant.
    result = run_apart(*options, "--fail-on-regression", "--junitxml=out.xml")
    assert result.ret == 0
    result.assert_outcomes(passed=12, failed=1)
    [case] = [
        case
        for case in ET.parse(pytester.path / "out.xml").getroot().iter("testcase")
        if case.get("classname") == "selfinvoke baseline"
    ]
    assert case.get("name") == "planted-Model/mini"


def test_a_significant_loss_decides(
    run_apart: Run, pytester: pytest.Pytester, baseline: str
) -> None:
    lost = [
        *NAMES[:5],
        *("dates_01_days_in_year", "dates_02_weekday_count", "dates_03_longest_gap"),
    ]
    model(pytester, *lost, NAMES[5])
    options = (*QUIET, f"--baseline={baseline}", "--fail-on-regression")
    result = run_apart(*options, "--junitxml=out.xml")
    assert result.ret == 1
    result.assert_outcomes(passed=3, failed=10)
    failures = [
        failure.get("message", "")
        for case in ET.parse(pytester.path / "out.xml").getroot().iter("testcase")
        if case.get("classname") == "selfinvoke baseline"
        for failure in case.iter("failure")
    ]
    assert len(failures) == 1
    assert "8 of 12 problems worse, 0 better, p=0.008" in failures[0]
    assert run_apart(*options, "--gate=pass@1<=0.9", "--lf").ret == 1


def test_all_regressions_are_listed_with_v(run: Run, pytester: pytest.Pytester) -> None:
    run("--model=oracle", "--limit=12", "--selfinvoke-results=old")
    [folder] = pytester.path.glob("old/*/")
    options = ("--model=stub", "--limit=12", f"--baseline={folder}", "--tb=no", "-rN")
    short, long = run(*options), run(*options, "-v")
    assert short.stdout.str().count("solved -> wrong_answer") == 10
    short.stdout.fnmatch_lines(["note: stub is compared with oracle of the baseline"])
    short.stdout.fnmatch_lines(["  ... 2 more, with -v"])
    assert long.stdout.str().count("solved -> wrong_answer") == 12


def test_the_command_prints_the_same(
    run: Run, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    for results, limit in (("old", 12), ("new", 11)):
        run("--model=oracle", f"--limit={limit}", f"--selfinvoke-results={results}")
    [old] = pytester.path.glob("old/*/")
    [new] = pytester.path.glob("new/*/")
    capsys.readouterr()
    assert main(["compare", str(new), str(old)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"compared with {old.name}, solved in % of the same cases"
    assert printed[-1] == "not compared: 1 gone"
    result = run("--model=oracle", "--limit=11", "--baseline=old")
    assert "\n".join(printed) in result.stdout.str()
    capsys.readouterr()
    assert main(["compare", str(new), "old"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == printed
    assert shown.err == f"old: the newest run in it is {old.name}\n"
    assert main(["compare", str(new), "nowhere"]) == 4
    assert "nowhere: no run directory" in capsys.readouterr().err


@pytest.fixture
def old(run: Run, pytester: pytest.Pytester) -> Path:
    run("--model=oracle", "--limit=3", "--selfinvoke-results=old")
    [folder] = pytester.path.glob("old/*/")
    return folder


def edit(file: Path, **values: object) -> None:
    data = json.loads(file.read_text().splitlines()[0])
    file.write_text(json.dumps({**data, **values}) + "\n")


def test_a_baseline_that_cannot_be_used_is_one_line(
    run_both: Run, pytester: pytest.Pytester, old: Path
) -> None:
    def refused(*words: str) -> None:
        result = run_both("--model=oracle", "--limit=3", f"--baseline={old}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert_clear(result, *words)
        assert "passed" not in result.stdout.str()

    manifest = json.loads((old / "manifest.json").read_text())
    edit(old / "records.jsonl", schema=99)
    refused("records.jsonl:1", "newer version")
    (old / "records.jsonl").write_text("")
    refused(old.name, "holds no records")
    (old / "records.jsonl").unlink()
    refused(old.name, "no run directory")
    assert manifest["plans"]


def test_a_baseline_of_another_benchmark_is_refused(
    run: Run, pytester: pytest.Pytester, old: Path
) -> None:
    file = old / "manifest.json"
    text = file.read_text()
    [benchmark] = json.loads(text)["plans"][0]["benchmarks"]
    file.write_text(text.replace(benchmark["hash"], "0" * 64))
    result = run("--model=oracle", "--limit=3", f"--baseline={old}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "mini has other problems", "0" * 12, benchmark["hash"][:12])

    file.write_text(text)
    records = (old / "records.jsonl").read_text()
    (old / "records.jsonl").write_text(records.replace('"mini"', '"mbpp"'))
    result = run("--model=oracle", "--limit=3", f"--baseline={old}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "a run of mbpp, not of mini")


def test_what_is_seen_only_at_the_end_fails_with_one_line(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    attack = "--attack=clean,docstring.butter_fingers"
    run_both("--model=oracle", "--limit=3", attack, "--selfinvoke-results=old")
    [folder] = pytester.path.glob("old/*/")
    options = ("--model=oracle", "--limit=3", attack, "--seed=7")
    for decides in ((), ("--fail-on-regression",)):
        result = run_both(*options, f"--baseline={folder}", *decides)
        assert result.ret == 1
        result.assert_outcomes(passed=6, failed=1)
        assert_clear(
            result, "error:", "docstring.butter_fingers makes other prompts there"
        )


def test_a_cut_off_record_is_left_out(
    run: Run, pytester: pytest.Pytester, old: Path
) -> None:
    text = (old / "records.jsonl").read_text()
    (old / "records.jsonl").write_text(text[:-50])
    result = run("--model=oracle", "--limit=3", f"--baseline={old}")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["note: *records.jsonl:*: the last record is cut off*"])
    result.stdout.fnmatch_lines(["not compared: 1 new"])


def test_fail_on_regression_needs_a_baseline(run: Run) -> None:
    result = run("--model=oracle", "--fail-on-regression")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "--fail-on-regression needs --baseline=RUN_DIR")


def test_nothing_in_common_is_no_success(
    run: Run, pytester: pytest.Pytester, old: Path
) -> None:
    options = ("--model=oracle", "--limit=4", f"--baseline={old}", "-k", "stack")
    assert run(*options).ret == 0
    result = run(*options, "--fail-on-regression")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["no case was judged in both runs on the same prompt"])
