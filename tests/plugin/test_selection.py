"""Node ids, -k, -m, --lf and the like behave as everywhere in pytest."""

from __future__ import annotations

import pytest

from .conftest import Run

FIRST = "mini::oracle::classes_01_click_counter::clean"


def ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("mini::")]


def test_ids_are_listed_in_order_and_paste_back(run_both: Run, run: Run) -> None:
    listed = ids(run("--model=oracle", "--limit=3", "--co", "-q"))
    assert listed[0] == FIRST
    assert listed == sorted(listed)
    result = run_both("--model=oracle", listed[2])
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("argument", "count"),
    [
        ("mini", 48),
        ("mini::oracle", 48),
        ("mini::oracle::lists_01_even_sum", 1),
        (FIRST, 1),
    ],
)
def test_a_prefix_selects_what_is_below(run: Run, argument: str, count: int) -> None:
    listed = ids(run("--model=oracle", argument, "--co", "-q"))
    if "lists_01" in argument and not listed:
        pytest.skip("no such problem in this version of mini")
    assert len(listed) == count


@pytest.mark.parametrize(
    "argument", ["mini::nobody", FIRST + "-more", "mini::oracle::x"]
)
def test_an_unknown_id_is_one_clear_line(run_both: Run, argument: str) -> None:
    result = run_both("--model=oracle", argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: not found: {argument}*"])


def test_an_id_without_a_model_says_so(run: Run) -> None:
    result = run(FIRST)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: mini::*name the model too*"])


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("-k", "click_counter"), 2),
        (("-k", "change_case and not click"), 3),
        (("-m", "selfinvoke(family='docstring')"), 4),
        (("-m", "selfinvoke(attack='clean', problem='classes_01_click_counter')"), 1),
        (("--deselect", FIRST), 7),
        (("--deselect", "mini::oracle::classes_01_click_counter"), 6),
    ],
)
def test_selecting(run_both: Run, arguments: tuple[str, ...], count: int) -> None:
    result = run_both(
        "--model=oracle",
        "--limit=4",
        "--attack=clean,docstring.change_case",
        *arguments,
    )
    assert result.parseoutcomes().get("passed") == count
    assert "failed" not in result.parseoutcomes()


def test_last_failed_runs_only_what_failed(run_both: Run) -> None:
    models = ("--model=oracle", "--model=stub", "--limit=2")
    run_both(*models).assert_outcomes(passed=2, failed=2)
    result = run_both(*models, "--lf")
    assert result.parseoutcomes().get("failed") == 2
    assert "passed" not in result.parseoutcomes()


def test_failed_first(run: Run) -> None:
    models = ("--model=oracle", "--model=stub", "--limit=2", "-v")
    run(*models)
    result = run(*models, "--ff")
    lines = [
        line for line in result.outlines if line.startswith("mini::") and "%]" in line
    ]
    assert ["FAILED" in line for line in lines] == [True, True, False, False]


def test_stepwise_goes_on_where_it_stopped(run: Run) -> None:
    models = ("--model=stub", "--limit=3", "--sw")
    run(*models).assert_outcomes(failed=1)


@pytest.mark.parametrize("arguments", [("-x",), ("--maxfail=1",)])
def test_stopping_early(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("--model=stub", "--limit=5", *arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["4 of 5 selected cases did not run"])


def test_stopping_early_with_workers(run: Run) -> None:
    result = run("--model=stub", "-n", "2", "-x")
    assert 1 <= result.parseoutcomes()["failed"] < 48


@pytest.mark.parametrize("dist", ["load", "loadscope", "worksteal"])
def test_every_way_to_distribute(run: Run, dist: str) -> None:
    result = run("--model=oracle", "--limit=6", "-n", "2", "--dist", dist)
    result.assert_outcomes(passed=6)


def test_paths_mean_the_teams_own_tests(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    run("test_own.py", "--model=oracle").assert_outcomes(passed=1)
    both = run("test_own.py", "--model=oracle", "--benchmark=mini", "--limit=2")
    both.assert_outcomes(passed=3)
    run("--model=oracle", "--limit=2").assert_outcomes(passed=2)


def test_testpaths_mean_them_too(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"own/test_own": "def test_own(): pass"})
    pytester.makeini("[pytest]\ntestpaths = own")
    run("--model=oracle").assert_outcomes(passed=1)


def test_without_a_model_nothing_changes(run: Run, pytester: pytest.Pytester) -> None:
    result = run()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "selfinvoke:" not in result.stdout.str()
    assert not (pytester.path / ".selfinvoke").exists()


def test_twenty_thousand_cases_collect_alike(run: Run) -> None:
    arguments = (
        "--model=oracle",
        "--attack=docstring.change_case",
        "-o",
        "selfinvoke_attack_seeds=420",
        "--co",
        "-q",
    )
    first, second = run(*arguments).outlines, run(*arguments).outlines
    assert len(ids(run(*arguments))) == 48 * 420
    assert first[:-1] == second[:-1]


SHORT = """
def pytest_addoption(parser):
    parser.addoption("--model", default="theirs")
def pytest_report_header(config):
    return f"their model: {config.getoption('--model')}"
"""


@pytest.mark.parametrize("where", ["conftest", "plugin"])
def test_a_short_form_that_is_taken_stays_with_its_owner(
    run: Run, pytester: pytest.Pytester, where: str
) -> None:
    if where == "conftest":
        pytester.makeconftest(SHORT)
        extra: tuple[str, ...] = ()
    else:
        pytester.makepyfile(theirs=SHORT)
        extra = ("-p", "theirs")
    result = run(*extra, "--model=xyz", "--selfinvoke-model=oracle", "--limit=1")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["their model: xyz"])
    result.stdout.fnmatch_lines(["selfinvoke: another plugin owns --model;*"])
