"""Collecting builds ids, and nothing else: no model, no sandbox, no texts."""

from __future__ import annotations

import pytest

from .conftest import FIRST, Run, listed_ids, records

MANY = (
    "--model=oracle",
    "--attack=docstring.change_case",
    "-o",
    "selfinvoke_attack_seeds=420",
)


def test_ids_are_listed_in_order_and_paste_back(
    run_both: Run, run: Run, pytester: pytest.Pytester
) -> None:
    options = ("--model=oracle", "--attack=clean,docstring.change_case")
    listed = listed_ids(run(*options, "--limit=3", "--co", "-q"))
    assert listed[0] == FIRST
    assert len(listed) == 6
    assert listed == sorted(listed)
    run_both(*options, listed[3]).assert_outcomes(passed=1)
    assert [r["case"]["id"] for r in records(pytester.path)] == [listed[3]]


def test_several_ids_paste_back(run: Run, pytester: pytest.Pytester) -> None:
    listed = listed_ids(run("--model=oracle", "--co", "-q"))
    chosen = [listed[30], listed[4]]
    run("--model=oracle", *chosen).assert_outcomes(passed=2)
    assert sorted(r["case"]["id"] for r in records(pytester.path)) == sorted(chosen)


@pytest.mark.parametrize(
    ("argument", "count"),
    [
        ("mini", 96),
        ("mini::stub", 48),
        ("mini::oracle::classes_01_click_counter", 1),
        (FIRST, 1),
    ],
)
def test_a_prefix_selects_what_is_below(run: Run, argument: str, count: int) -> None:
    models = ("--model=oracle", "--model=stub")
    listed = listed_ids(run(*models, argument, "--co", "-q"))
    assert len(listed) == count
    assert all(name.startswith(argument) for name in listed)


@pytest.mark.parametrize(
    ("argument", "option"),
    [
        ("mini::nobody", "--model"),
        (FIRST + "-more", "--attack,"),
        (FIRST + "::more", "--attack,"),
        ("mini::oracle::x", "--limit"),
        ("mini::", "--model"),
    ],
)
def test_an_unknown_id_is_one_clear_line(
    run_both: Run, argument: str, option: str
) -> None:
    result = run_both("--model=oracle", argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: not found: {argument} *there are, {option}*"])


def test_an_id_without_a_model_says_so(run_both: Run) -> None:
    result = run_both(FIRST)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mini::*name the model too*"])


def test_ids_hold_no_folder_of_this_machine(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    answers = pytester.path / "answers.jsonl"
    answers.write_text('{"problem": "p", "completion": "def f(x): return x + 1"}\n')
    problems = pytester.path / "problems.jsonl"
    problems.write_text(
        '{"id": "p", "target": {"entry_point": "f", "solution": "  return x + 1",'
        ' "prompt": "def f(x):\\n  \\"\\"\\"One more.\\"\\"\\"\\n", "tests": ["assert f(1) == 2"]}}\n'
    )
    result = run_both(f"--model=replay:{answers}", f"--benchmark=jsonl={problems}")
    result.assert_outcomes(passed=1)
    [record] = records(pytester.path)
    assert record["case"]["id"] == "jsonl::replay-answers.jsonl::p::clean"
    assert str(pytester.path) not in str(record)


NO_WORK = (
    "generation.lifecycle.GenerationServer.open",
    "sandbox.forkserver.ForkServer.start",
    "attacks.base.apply",
)


def test_collecting_starts_nothing(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("this is work")

    for name in NO_WORK:
        monkeypatch.setattr(f"pytest_selfinvoke.{name}", refused)
    options = ("--model=oracle", "--attack=docstring.change_case", "--limit=2")
    result = run(*options, "--co", "-q")
    assert result.ret == 0
    assert len(listed_ids(result)) == 2
    assert not (pytester.path / ".selfinvoke").exists()
    # It is what a run cannot do without.
    assert "this is work" in run(*options).stdout.str()


def test_twenty_thousand_cases_collect_alike(
    run_apart: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []
    for salt in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", salt)
        listed.append(listed_ids(run_apart(*MANY, "--co", "-q")))
    assert len(listed[0]) == len(set(listed[0])) == 48 * 420
    assert listed[0] == listed[1]


def test_two_workers_agree_on_twenty_thousand_cases(
    run: Run, pytester: pytest.Pytester
) -> None:
    # xdist compares what the workers selected, in order, before it runs anything.
    result = run(*MANY, "-n", "2", "-k", "click_counter and seed41")
    result.assert_outcomes(passed=11)
    assert len(records(pytester.path)) == 11


def test_paths_mean_the_teams_own_tests(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    own = run("test_own.py", "--model=oracle")
    own.assert_outcomes(passed=1)
    own.stdout.fnmatch_lines(["selfinvoke: oracle"])
    both = run("test_own.py", "--model=oracle", "--benchmark=mini", "--limit=2")
    both.assert_outcomes(passed=3)
    run("--model=oracle", "--limit=2").assert_outcomes(passed=2)


def test_testpaths_mean_them_too(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"own/test_own": "def test_own(): pass"})
    pytester.makeini("[pytest]\ntestpaths = own")
    run("--model=oracle").assert_outcomes(passed=1)
    both = run("--model=oracle", "--benchmark=mini", "--limit=2")
    assert both.parseoutcomes()["passed"] >= 2


def test_a_folder_with_the_name_of_a_benchmark_is_a_folder(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(**{"mini/test_own": "def test_own(): pass"})
    run("mini", "--model=oracle").assert_outcomes(passed=1)


def test_without_a_model_nothing_changes(run: Run, pytester: pytest.Pytester) -> None:
    result = run()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "selfinvoke:" not in result.stdout.str()
    assert not (pytester.path / ".selfinvoke").exists()


def test_samples_that_will_be_alike_are_said(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(mine="class Model:\n    def generate(self, requests): ...\n")
    shared = ("--limit=1", "--samples=3", "--co")
    warning = "selfinvoke: at temperature 0 the samples of a prompt are alike: *"
    run("--model=mine:Model", *shared).stdout.fnmatch_lines([warning])
    drawn = run("--model=mine:Model", *shared, "-o", "selfinvoke_temperature=0.5")
    drawn.stdout.no_fnmatch_line(warning)
    run("--model=oracle", *shared).stdout.no_fnmatch_line(warning)
