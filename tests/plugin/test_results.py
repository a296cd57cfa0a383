"""Records, manifest and JUnit XML say what happened, and survive a full disk."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from .conftest import Run, assert_clear, manifest, records

FOUR_OUTCOMES = """
import json
from pytest_selfinvoke import NotApplicableError

def never(problem, rng):
    raise NotApplicableError("nothing to change")

def pytest_selfinvoke_attacks(registry):
    registry.add("mine.never", never)
    registry.add("mine.broken", lambda problem, rng: 1 / 0)

class Seen:
    def pytest_runtest_logreport(self, report):
        if report.when == "call" or not report.passed:
            status = report.outcome
            if report.when == "setup" and report.failed:
                status = "error"
            with open("seen.jsonl", "a") as stream:
                print(json.dumps([report.nodeid, status]), file=stream)

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Seen())
"""


@pytest.fixture
def four_outcomes(run_both: Run, pytester: pytest.Pytester) -> pytest.RunResult:
    """A session with solved, failed, not judged and skipped cases."""
    pytester.makeconftest(FOUR_OUTCOMES)
    return run_both(
        "--model=oracle",
        "--model=stub",
        "--attack=clean,mine.never,mine.broken",
        "--limit=2",
        "--junitxml=out.xml",
    )


def test_records_and_junit_equal_the_reports(
    four_outcomes: pytest.RunResult, pytester: pytest.Pytester
) -> None:
    four_outcomes.assert_outcomes(passed=2, failed=2, skipped=4, errors=4)
    lines = (pytester.path / "seen.jsonl").read_text().splitlines()
    found = records(pytester.path)
    recorded = [[r["case"]["id"], r["status"]] for r in found]
    assert recorded == [json.loads(line) for line in lines]
    assert {(r["status"], r["verdict"]) for r in found} == {
        ("passed", "solved"),
        ("failed", "wrong_answer"),
        ("skipped", None),
        ("error", None),
    }

    tags = {"failure": "failed", "error": "error", "skipped": "skipped"}
    for case in ET.parse(pytester.path / "out.xml").getroot().iter("testcase"):
        properties = {p.get("name"): p.get("value") for p in case.iter("property")}
        status = [tags[child.tag] for child in case if child.tag in tags] or ["passed"]
        [record] = [
            r
            for r in found
            if r["case"]["model"] == properties["selfinvoke.model"]
            and r["case"]["problem"] == properties["selfinvoke.problem"]
            and r["case"]["attack"] == properties["selfinvoke.attack"]
        ]
        assert status == [record["status"]]
        assert properties["selfinvoke.benchmark"] == "mini"
        assert properties["selfinvoke.family"] == record["case"]["family"]
        assert properties["selfinvoke.sample"] == "0"
        assert properties["selfinvoke.seed"] == "0"
        assert properties.get("selfinvoke.verdict") == record["verdict"]
        if record["verdict"]:
            assert float(properties["selfinvoke.generation_s"] or "") >= 0
            assert float(properties["selfinvoke.judging_s"] or "") > 0


def test_the_summary_counts_what_was_judged(four_outcomes: pytest.RunResult) -> None:
    lines = four_outcomes.stdout
    lines.fnmatch_lines(["oracle * clean * 2 * 2 * 100.0 %*"])
    lines.fnmatch_lines(["oracle * mine.never * 0 * 0 * -*", "    not applicable 2"])
    lines.fnmatch_lines(["oracle * mine.broken * 0 * 0 * -*", "    not judged 2"])
    lines.fnmatch_lines(["stub * clean * 2 * 0 * 0.0 %*", "    wrong_answer 2"])
    lines.fnmatch_lines(["records: .selfinvoke*", "junit: *out.xml"])


def test_a_record_says_how_it_came_about(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    run_both(
        "--model=stub", "--attack=docstring.butter_fingers", "--limit=1", "--seed=3"
    )
    [record] = records(pytester.path)
    case = record["case"]
    assert case["attack"] == "docstring.butter_fingers"
    assert (case["seed"], case["style"], case["family"]) == (3, "chat", "docstring")
    for field in ("prompt", "prompt_diff", "program", "template_hash", "problem_hash"):
        assert record[field], field


def test_the_manifest_says_what_was_run(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    run_both("--model=stub", "--limit=1", "--seed=3")
    data = manifest(pytester.path)
    assert data["finished"] is True
    assert data["versions"]["pytest"] == pytest.__version__
    assert {"--model=stub", "--limit=1", "--seed=3"} <= set(data["arguments"])
    assert data["isolation"]["tier"]
    assert data["host"]["system"]
    assert data["generation"]["stub"]["requests"] == 1
    assert data["generation"]["stub"]["info"]["engine"]
    [plan] = data["plans"]
    assert (plan["origin"], plan["seed"]) == ("", 3)
    [benchmark] = plan["benchmarks"]
    assert len(benchmark["hash"]) == 64
    assert (benchmark["problems"], benchmark["used"]) == (48, 1)
    assert benchmark["licence"]


def test_a_run_without_records_leaves_no_folder(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    run_both("--model=oracle", "-k", "nothing_matches")
    pytester.makepyfile(test_own="def test_own(): pass")
    run_both("test_own.py", "--model=oracle").assert_outcomes(passed=1)
    assert not list(pytester.path.glob(".selfinvoke/*/"))


def test_each_run_has_a_folder_of_its_own(run: Run, pytester: pytest.Pytester) -> None:
    for _ in range(2):
        run("--model=oracle", "--limit=1")
    files = list(pytester.path.glob(".selfinvoke/*/records.jsonl"))
    assert [len(file.read_text().splitlines()) for file in files] == [1, 1]


def test_results_go_where_they_are_told(run: Run, pytester: pytest.Pytester) -> None:
    run("--model=oracle", "--limit=1", "--selfinvoke-results=out")
    assert len(list(pytester.path.glob("out/*/records.jsonl"))) == 1
    assert not (pytester.path / ".selfinvoke").exists()


def test_results_that_cannot_be_written(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "file").write_text("")
    result = run_both("--model=oracle", "--limit=1", "--selfinvoke-results=file")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "cannot write results", "--selfinvoke-results")


FULL = """
import os
write = os.write
def full(handle, data, count=[0]):
    if b'"schema"' in data:
        count[0] += 1
        if count[0] > 2:
            # As on a real disk: what fits is written first.
            write(handle, data[:100])
            raise OSError(28, "No space left on device")
    return write(handle, data)
os.write = full
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_a_full_disk_stops_the_session_and_keeps_the_records(
    run_apart: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytester.makeconftest(FULL)
    result = run_apart("--model=oracle", "--limit=24", *workers)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert_clear(result, "records.jsonl", "No space left on device", "are kept")
    assert result.parseoutcomes()["passed"] < 24
    found = records(pytester.path)
    assert [record["verdict"] for record in found] == ["solved", "solved"]
