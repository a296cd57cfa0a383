"""What a session does with models, benchmarks, attacks and samples."""

from __future__ import annotations

import json

import pytest

from .conftest import FIRST, Run, listed_ids, manifest, records


def test_an_empty_folder_runs_the_embedded_benchmark(
    run_in_mode: Run, pytester: pytest.Pytester
) -> None:
    result = run_in_mode("--model=oracle", "--limit=4")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["oracle * mini * clean * 4 * 4 * 100.0 %*", "records: .selfinvoke*"]
    )
    assert {record["verdict"] for record in records(pytester.path)} == {"solved"}


def test_references_solve_all_of_it_and_the_stub_nothing(
    run: Run, pytester: pytest.Pytester
) -> None:
    result = run("--model=oracle", "--model=stub", "-n", "2", "--tb=no", "-rN")
    result.assert_outcomes(passed=48, failed=48)
    solvers = {
        r["case"]["model"] for r in records(pytester.path) if r["verdict"] == "solved"
    }
    assert solvers == {"oracle"}


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
    ids = sorted(record["case"]["id"] for record in records(pytester.path))
    assert len(set(ids)) == 16
    assert ids[0] == f"{FIRST}-sample0"
    result.stdout.fnmatch_lines(["stub * docstring.change_case * 4 * 0 *"])


def test_long_forms_mean_the_same(run: Run) -> None:
    options = (
        "model=oracle",
        "benchmark=mini",
        "attack=clean,docstring.change_case",
        "limit=random:3",
        "samples=2",
        "seed=5",
        "prompt-style=completion",
    )
    short = run(*(f"--{option}" for option in options), "--co", "-q")
    long = run(*(f"--selfinvoke-{option}" for option in options), "--co", "-q")
    assert len(listed_ids(long)) == 12
    assert listed_ids(short) == listed_ids(long)


def test_the_defaults(run: Run, pytester: pytest.Pytester) -> None:
    run("--model=oracle", FIRST)
    [plan] = manifest(pytester.path)["plans"]
    assert plan["variants"] == ["clean"]
    assert [benchmark["name"] for benchmark in plan["benchmarks"]] == ["mini"]
    assert (plan["samples"], plan["seed"], plan["prompt_style"]) == (1, 0, None)
    assert plan["sampling"]["temperature"] == 0
    assert plan["sandbox"] == "auto"


def test_a_random_limit_depends_on_the_seed_alone(run: Run) -> None:
    def chosen(seed: int) -> list[str]:
        options = ("--model=oracle", "--limit=random:5", f"--seed={seed}")
        return listed_ids(run(*options, "--co", "-q"))

    assert chosen(1) == chosen(1)
    assert len(chosen(1)) == 5
    assert chosen(1) != chosen(2)


def test_the_seed_decides_an_attack(run: Run, pytester: pytest.Pytester) -> None:
    def prompt(seed: int) -> str:
        folder = f"out{seed}"
        run(
            *("--model=oracle", "--attack=docstring.butter_fingers", "--limit=1"),
            *(f"--seed={seed}", f"--selfinvoke-results={folder}"),
        )
        [*_, file] = sorted(pytester.path.glob(f"{folder}/*/records.jsonl"))
        return str(json.loads(file.read_text())["prompt"])

    assert prompt(1) == prompt(1)
    assert prompt(1) != prompt(2)


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
    result.stdout.fnmatch_lines(["oracle * mine.never * 0 *", "*not applicable 2"])


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
    run_both: Run, pytester: pytest.Pytester
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
    result = run_both("--model=stub", "--benchmark=jsonl=p.jsonl")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*reference solution of bad fails its own tests*"])


def test_replay_answers_from_a_file(run: Run, pytester: pytest.Pytester) -> None:
    code = (
        "class Counter:\n    def __init__(self): self.value = 0\n"
        "    def click(self): self.value += 1\n"
        "def count_clicks(times): return max(0, times)\n"
        "def total_clicks(rounds): return sum(map(count_clicks, rounds))\n"
    )
    line = {"problem": "classes_01_click_counter", "completion": code}
    (pytester.path / "answers.jsonl").write_text(json.dumps(line) + "\n")
    result = run("--model=replay:answers.jsonl", "--limit=2")
    result.assert_outcomes(passed=1, errors=1)


def test_options_without_a_model_say_what_is_missing(run: Run) -> None:
    result = run("--attack=docstring")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["selfinvoke: no model and no tests: *--model=*"])
    run().stdout.no_fnmatch_line("selfinvoke: *")


def test_the_listing_names_everything(run: Run) -> None:
    result = run("--selfinvoke-list")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*cite ")
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
        "--benchmark=*",
        "--limit=*",
        "--selfinvoke-results=DIR",
        "selfinvoke_cpu_s*",
    ):
        result.stdout.fnmatch_lines([f"*{name}*"])
