"""What a session does with models, benchmarks, attacks and samples."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from .conftest import Run, records

FEW = ("--limit=4",)


def test_an_empty_folder_runs_the_embedded_benchmark(
    run_in_mode: Run, pytester: pytest.Pytester
) -> None:
    result = run_in_mode("--model=oracle", *FEW)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["oracle * mini * clean * 4 * 4 * 100.0 %*", "records: .selfinvoke*"]
    )
    assert {record["verdict"] for record in records(pytester.path)} == {"solved"}


def test_the_stub_solves_nothing(run_both: Run) -> None:
    result = run_both("--model=stub", *FEW)
    result.assert_outcomes(failed=4)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*not solved: wrong_answer*", "*failing test*", "*--- program*"]
    )


def test_models_attacks_and_samples_multiply(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    result = run_both(
        "--model=oracle",
        "--model=stub",
        "--attack=clean,docstring.change_case",
        "--samples=2",
        "--limit=2",
    )
    result.assert_outcomes(passed=8, failed=8)
    ids = sorted(str(record["case"]["id"]) for record in records(pytester.path))  # type: ignore[index]
    assert len(set(ids)) == 16
    assert ids[0] == "mini::oracle::classes_01_click_counter::clean-sample0"
    result.stdout.fnmatch_lines(["stub * docstring.change_case * 4 * 0 *"])


def test_long_forms_mean_the_same(run: Run) -> None:
    result = run(
        "--selfinvoke-model=oracle",
        "--selfinvoke-benchmark=mini",
        "--selfinvoke-limit=1",
    )
    result.assert_outcomes(passed=1)


def test_a_random_limit_depends_on_the_seed_alone(run: Run) -> None:
    def chosen(seed: int) -> list[str]:
        result = run(
            "--model=oracle", "--limit=random:5", f"--seed={seed}", "--co", "-q"
        )
        return [line for line in result.outlines if line.startswith("mini::")]

    assert chosen(1) == chosen(1)
    assert len(chosen(1)) == 5
    assert chosen(1) != chosen(2)


def test_records_and_manifest_say_what_was_run(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    run_both(
        "--model=stub", "--attack=docstring.butter_fingers", "--limit=1", "--seed=3"
    )
    [record] = records(pytester.path)
    case = record["case"]
    assert isinstance(case, dict)
    assert case["attack"] == "docstring.butter_fingers"
    assert (case["seed"], case["style"], case["family"]) == (3, "chat", "docstring")
    for field in ("prompt", "prompt_diff", "program", "template_hash", "problem_hash"):
        assert record[field], field
    [file] = pytester.path.glob(".selfinvoke/*/manifest.json")
    manifest = json.loads(file.read_text())
    assert manifest["finished"] is True
    assert manifest["isolation"]["tier"]
    assert manifest["plans"][0]["benchmarks"][0]["hash"]
    assert manifest["generation"]["stub"]["requests"] == 1


def test_junit_tells_model_failures_from_ours(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(house="def load(spec):\n    raise RuntimeError('no weights')")
    run_both(
        "--model=stub",
        "--model=house:load",
        "--attack=clean,docstring.drop_examples",
        "--limit=1",
        "--junitxml=out.xml",
    )
    cases = ET.parse(pytester.path / "out.xml").getroot().findall(".//testcase")
    stub = next(
        c
        for c in cases
        if c.get("classname", "").startswith("mini.stub") and c.get("name") == "clean"
    )
    assert stub.find("failure") is not None
    properties = {p.get("name"): p.get("value") for p in stub.iter("property")}
    assert properties["selfinvoke.verdict"] == "wrong_answer"
    assert properties["selfinvoke.model"] == "stub"
    house = next(c for c in cases if "house" in c.get("classname", ""))
    assert house.find("failure") is None
    error = house.find("error")
    assert error is not None
    assert "no weights" in str(error.get("message")) + str(error.text)


def test_an_attack_that_does_not_apply_is_skipped(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        from pytest_selfinvoke import NotApplicableError

        def never(problem, rng):
            raise NotApplicableError("nothing to change")

        def pytest_selfinvoke_attacks(registry):
            registry.add("mine.never", never)
        """
    )
    result = run("--model=oracle", "--attack=clean,mine.never", "--limit=2", "-rs")
    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*mini: nothing to change"])
    result.stdout.fnmatch_lines(["oracle * mine.never * 0 *"])


def test_a_broken_attack_is_an_error_that_names_it(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(
        """
        def pytest_selfinvoke_attacks(registry):
            registry.add("mine.broken", lambda problem, rng: 1 / 0)
        """
    )
    result = run_both("--model=oracle", "--attack=clean,mine.broken", "--limit=1")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*attack 'mine.broken' raised ZeroDivisionError*"])


def test_a_problem_whose_reference_fails_is_our_error(
    run: Run, pytester: pytest.Pytester
) -> None:
    problem = {
        "id": "bad",
        "target": {
            "entry_point": "f",
            "prompt": "def f(x):\n    '''One more.'''\n",
            "solution": "    return x\n",
            "tests": ["assert f(1) == 2"],
        },
    }
    (pytester.path / "p.jsonl").write_text(json.dumps(problem) + "\n")
    result = run("--model=stub", "--benchmark=jsonl=p.jsonl")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*reference solution of bad fails its own tests*"])


def test_a_run_without_records_leaves_no_folder(
    run: Run, pytester: pytest.Pytester
) -> None:
    run("--model=oracle", "-k", "nothing_matches")
    run("--model=oracle", "--co", "-q")
    assert not list(pytester.path.glob(".selfinvoke/*/"))


def test_results_go_where_they_are_told(run: Run, pytester: pytest.Pytester) -> None:
    run("--model=oracle", "--limit=1", "--selfinvoke-results=out")
    assert len(list(pytester.path.glob("out/*/records.jsonl"))) == 1


def test_replay_answers_from_a_file(run: Run, pytester: pytest.Pytester) -> None:
    code = (
        "class Counter:\n    def __init__(self): self.value = 0\n"
        "    def click(self): self.value += 1\n"
        "def count_clicks(times): return max(0, times)\n"
        "def total_clicks(rounds): return sum(map(count_clicks, rounds))\n"
    )
    line = {"problem": "classes_01_click_counter", "completion": code}
    file = pytester.path / "answers.jsonl"
    file.write_text(json.dumps(line) + "\n")
    result = run(f"--model=replay:{file}", "--limit=2", "-v")
    result.assert_outcomes(passed=1, errors=1)
    ids = [str(record["case"]["id"]) for record in records(pytester.path)]  # type: ignore[index]
    assert ids[0].startswith("mini::replay-answers.jsonl::")


def test_the_listing_names_everything(run: Run) -> None:
    result = run("--selfinvoke-list")
    assert result.ret == 0
    for name in (
        "mini 1:",
        "humaneval-pro",
        "docstring.butter_fingers:",
        "oracle:",
        "template:FILE",
    ):
        result.stdout.fnmatch_lines([f"*{name}*"])


def test_help_holds_the_options(run: Run) -> None:
    result = run("--help")
    for name in (
        "--model=SPEC",
        "--selfinvoke-benchmark=*",
        "--limit=*",
        "selfinvoke_cpu_s*",
    ):
        result.stdout.fnmatch_lines([f"*{name}*"])
