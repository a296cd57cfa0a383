"""-k, -m, --lf, -x, --dist and the like behave as everywhere in pytest."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_selfinvoke.plugin.arguments import take_ids
from pytest_selfinvoke.plugin.runtime import Registries

from .conftest import FIRST, Run, listed_ids, records

BOTH = ("--model=oracle", "--model=stub", "--limit=2")


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
def test_selecting(run: Run, arguments: tuple[str, ...], count: int) -> None:
    options = ("--model=oracle", "--limit=4", "--attack=clean,docstring.change_case")
    result = run(*options, *arguments, "--co", "-q")
    assert len(listed_ids(result)) == count
    assert result.parseoutcomes()["deselected"] == 8 - count


def test_selecting_with_workers(run: Run, pytester: pytest.Pytester) -> None:
    result = run(
        *("-n", "2", "--model=oracle", "--limit=4"),
        *("--attack=clean,docstring.change_case", "--deselect", FIRST),
        *("-m", "selfinvoke(attack='clean')", "-k", "not rectangle"),
    )
    result.assert_outcomes(passed=2)
    assert {r["case"]["attack"] for r in records(pytester.path)} == {"clean"}


def test_last_failed_runs_only_what_failed(run_both: Run) -> None:
    run_both(*BOTH).assert_outcomes(passed=2, failed=2)
    result = run_both(*BOTH, "--lf")
    assert result.parseoutcomes().get("failed") == 2
    assert "passed" not in result.parseoutcomes()


def test_failed_first(run: Run) -> None:
    run(*BOTH)
    result = run(*BOTH, "--ff", "-v")
    lines = [
        line for line in result.outlines if line.startswith("mini::") and "%]" in line
    ]
    assert ["FAILED" in line for line in lines] == [True, True, False, False]


def test_stepwise_goes_on_where_it_stopped(run: Run) -> None:
    run(*BOTH, "--sw").assert_outcomes(passed=2, failed=1)
    run(*BOTH, "--sw").assert_outcomes(failed=1, deselected=2)


@pytest.mark.parametrize("arguments", [("-x",), ("--maxfail=1",)])
def test_stopping_early(
    run: Run, pytester: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    result = run("--model=stub", "--limit=5", *arguments)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["4 of 5 selected cases did not run"])
    assert len(records(pytester.path)) == 1


def test_stopping_early_with_workers(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--model=stub", "-n", "2", "-x")
    failed = result.parseoutcomes()["failed"]
    assert 1 <= failed < 48
    assert len(records(pytester.path)) == failed


@pytest.mark.parametrize("dist", ["load", "loadscope", "worksteal"])
def test_every_way_to_distribute(
    run: Run, pytester: pytest.Pytester, dist: str
) -> None:
    options = ("--model=oracle", "--limit=4", "--samples=2")
    result = run(*options, "-n", "2", "--dist", dist, "-v")
    result.assert_outcomes(passed=8)
    assert len({r["case"]["id"] for r in records(pytester.path)}) == 8
    if dist == "loadscope":
        worker_of = {}
        for line in result.outlines:
            if line.startswith("[gw") and "PASSED" in line:
                problem = line.split()[-1].rpartition("::")[0]
                worker_of.setdefault(problem, set()).add(line[:5])
        assert len(worker_of) == 4
        assert all(len(workers) == 1 for workers in worker_of.values())


def test_the_usual_output(run: Run) -> None:
    loud = run("--model=oracle", "--limit=1", "-v")
    loud.stdout.fnmatch_lines([f"{FIRST} PASSED *"])
    loud.stdout.fnmatch_lines(["selfinvoke: oracle on mini (1 problem), 1 variant*"])
    quiet = run("--model=oracle", "--limit=2", "-q")
    quiet.stdout.fnmatch_lines(["..  *100%*", "2 passed in *"])
    quiet.stdout.no_fnmatch_line("*mini::*")


def test_the_usual_output_of_a_failure(run_both: Run) -> None:
    result = run_both("--model=stub", "--limit=1")
    name = FIRST.replace("oracle", "stub")
    result.stdout.fnmatch_lines(
        [
            f"*_ case {name} _*",
            "not solved: wrong_answer*",
            "--- failing test",
            "--- prompt",
            "--- completion*",
            "--- program",
            f"FAILED {name} - not solved: wrong_answer*",
        ]
    )


SHORT = """
def pytest_addoption(parser):
    parser.addoption("--model", default="theirs")
def pytest_report_header(config):
    return f"their model: {config.getoption('--model')}"
"""


def test_help_shows_each_option_once(run: Run) -> None:
    result = run("--help")
    lines = [line.split()[0] for line in result.outlines if line.startswith("  --")]
    assert len([line for line in lines if line.startswith("--model=")]) == 1
    assert not [line for line in lines if line.startswith("--selfinvoke-model")]
    assert [line for line in lines if line.startswith("--selfinvoke-html")]
    result.stdout.fnmatch_lines(["*each option is also --selfinvoke-NAME*"])


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


@pytest.mark.parametrize(
    ("argument", "id_"),
    [
        ("../../mini::stub::p::clean", "mini::stub::p::clean"),
        ("mini::stub", "mini::stub"),
        ("../mini::stub", None),
        ("../../test_it.py::test", None),
    ],
)
def test_an_id_printed_below_the_root_folder_pastes_back(
    tmp_path: Path, argument: str, id_: str | None
) -> None:
    below = tmp_path / "a" / "b"
    config: Any = SimpleNamespace(
        args=[argument],
        rootpath=tmp_path,
        invocation_params=SimpleNamespace(dir=below),
    )
    found = take_ids(config, Registries.builtin().benchmarks)
    assert found == ([] if id_ is None else [id_])
    assert config.args == ([argument] if id_ is None else [])
