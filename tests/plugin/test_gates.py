"""Gates decide the exit status, and are test items in every report."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from .conftest import Run, assert_clear

#: Of a model that solves all of 12 problems: 0.758 to 1.
PASSES, FAILS, UNDECIDED = "pass@1>=0.5", "pass@1<=0.5", "pass@1>=0.95"
QUIET = ("--tb=no", "-rN")


@pytest.mark.parametrize(
    ("gates", "code"),
    [
        ([PASSES], 0),
        ([FAILS], 1),
        ([UNDECIDED], 1),
        ([PASSES, FAILS], 1),
        ([PASSES, UNDECIDED, "--gate-undecided=pass"], 0),
        ([FAILS, UNDECIDED, "--gate-undecided=pass"], 1),
        ([UNDECIDED, "--gate-rule=point"], 0),
        ([UNDECIDED, "--gate-rule=lower"], 1),
        ([UNDECIDED, "--gate-rule=upper"], 0),
    ],
)
def test_exit_status(run: Run, gates: list[str], code: int) -> None:
    options = [g if g.startswith("--") else f"--gate={g}" for g in gates]
    assert run("--model=oracle", "--limit=12", *QUIET, *options).ret == code


def test_gates_alone_decide_in_every_mode(run_in_mode: Run) -> None:
    model = ("--model=stub", "--limit=24", *QUIET)
    assert run_in_mode(*model).ret == 1
    solved_nothing = run_in_mode(*model, "--gate=pass@1<=0.2")
    assert solved_nothing.ret == 0
    solved_nothing.assert_outcomes(failed=24, passed=1)
    undecided = run_in_mode(*model, "--gate=pass@1<=0.01")
    assert undecided.ret == 1
    undecided.stdout.fnmatch_lines(
        [
            "gates",
            "undecided  pass@1<=0.01  0.000 [[]0.000, 0.138[]] n=24",
            "    at this value about * more problems would decide",
            "records: *",
        ]
    )


def test_gates_are_items_in_the_terminal(run_both: Run) -> None:
    result = run_both(
        "--model=oracle", "--limit=12", "-v", f"--gate={PASSES}", f"--gate={FAILS}"
    )
    result.assert_outcomes(passed=13, failed=1)
    result.stdout.fnmatch_lines(
        [
            "selfinvoke gates::pass@1>=0.5 PASSED * 92%*",
            "selfinvoke gates::pass@1<=0.5 FAILED*100%*",
            "*_ gates pass@1<=0.5 _*",
            "failed at 1.000 *",
            "FAILED selfinvoke gates::pass@1<=0.5 - failed at 1.000 *",
        ]
    )


@pytest.mark.parametrize("quiet", ["-q", "-qq"])
def test_quiet(run_both: Run, quiet: str) -> None:
    result = run_both("--model=oracle", "--limit=3", quiet, f"--gate={FAILS}")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["...*", "F"])


def test_a_rule_is_said(run: Run) -> None:
    result = run("--model=oracle", "--limit=3", f"--gate={PASSES}", "--gate-rule=point")
    result.stdout.fnmatch_lines(["passed * (by its value)"])


def test_junit_has_gates_as_test_cases(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    gates = (
        f"--gate={PASSES}",
        "--gate=stub/pass@1>=0.9",
        "--gate=drop[docstring]<=.1",
    )
    run_both(
        *("--model=oracle", "--model=stub", "--limit=12", "--junitxml=out.xml"),
        *("--attack=clean,docstring.change_case", "--gate-undecided=pass", *gates),
    )
    [suite] = ET.parse(pytester.path / "out.xml").getroot()
    assert suite.get("tests") == str(4 * 12 + 5)
    found = {}
    for case in suite.iter("testcase"):
        if case.get("classname") == "selfinvoke gates":
            tags = [child.tag for child in case if child.tag != "properties"]
            found[case.get("name")] = tags or ["passed"]
            facts = {p.get("name"): p.get("value") for p in case.iter("property")}
            assert facts["selfinvoke.benchmark"] == "mini"
            assert facts["selfinvoke.rule"] == "interval"
            if case.get("name") == "oracle/mini:pass@1>=0.5":
                assert facts["selfinvoke.ruling"] == "passed"
                assert facts["selfinvoke.value"] == "1"
                assert facts["selfinvoke.low"] == "0.757506"
                assert facts["selfinvoke.threshold"] == "0.5"
    assert found == {
        "oracle/mini:pass@1>=0.5": ["passed"],
        "stub/mini:pass@1>=0.5": ["failure"],
        "stub/pass@1>=0.9": ["failure"],
        "oracle/mini:drop(docstring)<=.1": ["skipped"],
        "stub/mini:drop(docstring)<=.1": ["skipped"],
    }
    assert suite.get("skipped") == "2"


def test_a_gate_is_no_failure_of_last_time(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    run_both("--model=oracle", "--limit=2", f"--gate={FAILS}")
    cache = pytester.path / ".pytest_cache" / "v" / "cache" / "lastfailed"
    assert not cache.exists() or json.loads(cache.read_text()) == {}


BROKEN = """
def pytest_selfinvoke_attacks(registry):
    registry.add("mine.broken", lambda problem, rng: 1 / 0)
"""


def test_what_is_lost_to_a_gate_fails_the_run(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(BROKEN)
    attacks = "--attack=clean,docstring.change_case,mine.broken"
    options = ("--model=oracle", "--limit=12", attacks, *QUIET)
    lost = run_both(*options, "--gate=robust_pass@1>=0.1")
    assert lost.ret == 1
    lost.stdout.fnmatch_lines(
        ["passed *", "exit status 1: 12 cases could not be judged"]
    )
    # In no denominator that decides.
    for gate in ("pass@1>=0.1", "robust_pass@1[docstring]>=0.1"):
        other = run_both(*options, f"--gate={gate}")
        assert other.ret == 0
        other.stdout.fnmatch_lines(
            ["12 cases that no gate is about could not be judged"]
        )


def test_errors_of_a_model_without_a_gate_fail_the_run(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        silent="""
        from pytest_selfinvoke.models.base import Failure

        class Silent:
            max_batch = 1
            def __init__(self, spec): pass
            def generate(self, requests):
                return [Failure(reason="no answer") for _ in requests]
        """
    )
    result = run(
        *("--model=oracle", "--model=silent:Silent", "--limit=12", *QUIET),
        f"--gate=oracle/{PASSES}",
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(["exit status 1: 12 cases could not be judged"])


def test_a_run_that_was_cut_short_passes_no_gate(run_both: Run) -> None:
    options = ("--model=stub", "--limit=30", "--gate=pass@1<=0.99", *QUIET)
    result = run_both(*options, "-x", "--gate-undecided=pass")
    assert result.ret in (1, 2)
    if result.ret == 1:
        result.stdout.fnmatch_lines(["undecided *", "    * selected cases did not run"])


def test_cases_that_failed_last_time_are_no_sample(run_both: Run) -> None:
    run_both("--model=oracle", "--model=stub", "--limit=4", *QUIET)
    options = ("--model=oracle", "--model=stub", "--limit=4", *QUIET)
    again = run_both(*options, "--lf", "--gate=pass@1<=0.9")
    again.assert_outcomes(failed=4)
    assert again.ret == 1
    again.stdout.fnmatch_lines(["gates and baseline: left out, for --lf *"])


def test_what_is_no_case_fails_as_ever(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_own="""
        import pytest

        def test_fails():
            assert False

        @pytest.mark.selfinvoke(benchmark="mini", limit=12)
        def test_own(selfinvoke_case, selfinvoke_model, selfinvoke_run):
            completion = selfinvoke_model.generate(selfinvoke_case.request)
            assert selfinvoke_run(selfinvoke_case, completion).solved
        """
    )
    options = ("test_own.py", "--model=oracle", f"--gate={PASSES}", *QUIET)
    result = run_both(*options)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["passed     pass@1>=0.5 *"])
    assert run_both(*options, "--deselect=test_own.py::test_fails").ret == 0


def test_a_gate_about_nothing_that_ran(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    result = run_both("test_own.py", "--model=oracle", f"--gate={PASSES}")
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    # In the ini file it is for runs that have cases.
    pytester.makefile(".toml", pytest=f"[pytest]\nselfinvoke_gates = ['{PASSES}']")
    assert run_both("test_own.py", "--model=oracle").ret == 0


SUITE = """
[suite]
limit = 12
gates = ["pass@1>=0.5", "right/mini:pass@1>=0.9"]
gate_rule = "point"

[[model]]
name = "right"
spec = "oracle"

[[model]]
spec = "stub"
"""


def test_gates_of_a_suite_file(run_both: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "s.selfinvoke.toml").write_text(SUITE)
    result = run_both("s.selfinvoke.toml", *QUIET)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "passed     right/mini:pass@1>=0.5 *",
            "passed     right/mini:pass@1>=0.9 *(by its value)",
            "failed     stub/mini:pass@1>=0.5 *",
        ]
    )
    # The command line wins.
    assert run_both("s.selfinvoke.toml", *QUIET, "--gate=right/pass@1>=.5").ret == 0


def test_the_ini_file(run_both: Run, pytester: pytest.Pytester) -> None:
    pytester.makefile(
        ".toml",
        pytest="""
        [pytest]
        selfinvoke_gates = ["pass@1>=0.95"]
        selfinvoke_gate_undecided = "pass"
        """,
    )
    result = run_both("--model=oracle", "--limit=12")
    assert result.ret == 0
    result.assert_outcomes(passed=12, skipped=1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gate=pas@1>=.5"], ["unknown metric", "did you mean 'pass@k'"]),
        (["--gate=mimi:pass@1>=.5"], ["did you mean 'mini'"]),
        (["--gate=oracel/pass@1>=.5"], ["did you mean 'oracle'"]),
        (["--gate=drop<=.5"], ["needs an attack"]),
        (["--gate=drop[docstrin]<=.5", "--attack=docstring"], ["did you mean 'docstring"]),
        (["--gate=pass@5>=.5"], ["needs --samples=5"]),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_before_anything_runs(
    run_both: Run, options: list[str], words: list[str]
) -> None:
    result = run_both("--model=oracle", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "gate '", *words)
    assert "passed" not in result.stdout.str()


def test_mistakes_in_a_suite_file(run: Run, pytester: pytest.Pytester) -> None:
    path = pytester.path / "s.selfinvoke.toml"
    for gates, words in (
        ('["pas@1>=.5"]', ("s.selfinvoke.toml", "unknown metric")),
        ('["mimi:pass@1>=.5"]', ("did you mean 'mini'",)),
        ('"pass@1>=.5"', ("s.selfinvoke.toml", "suite.gates", "expected list")),
    ):
        path.write_text(f"[suite]\ngates = {gates}\n[[model]]\nspec = 'oracle'\n")
        result = run("s.selfinvoke.toml")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert_clear(result, *words)
    path.write_text("[suite]\ngate_rule = 'pont'\n[[model]]\nspec = 'oracle'\n")
    assert_clear(run("s.selfinvoke.toml"), "unknown gate rule", "did you mean 'point'")


def test_the_benchmark_of_a_gate_on_own_tests_is_checked(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    result = run("test_own.py", "--model=oracle", "--gate=mimi:pass@1>=.5")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "unknown benchmark 'mimi'", "did you mean 'mini'")
