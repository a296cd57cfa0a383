"""Suite files: what they say, how they are found, and mistakes in them."""

from __future__ import annotations

import pytest

from .conftest import Run, assert_clear, manifest, records

SUITE = """
[suite]
attacks = ["clean", "docstring.change_case"]
samples = 2
limit = 1
seed = 7

[[model]]
name = "right"
spec = "oracle"
alignment = "sft"

[[model]]
spec = "stub"

[[benchmark]]
name = "mini"

[sampling]
max_new_tokens = 99

[limits]
cpu_s = 3
"""
FILE = "robust.selfinvoke.toml"
BELOW = f"{FILE}::mini::right::classes_01_click_counter::clean-sample"


def write(pytester: pytest.Pytester, text: str, name: str = FILE) -> None:
    path = pytester.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_suite_says_it_all(run_both: Run, pytester: pytest.Pytester) -> None:
    write(pytester, SUITE)
    result = run_both(FILE)
    result.assert_outcomes(passed=4, failed=4)
    [plan] = manifest(pytester.path)["plans"]
    assert plan["sampling"]["max_new_tokens"] == 99
    assert plan["limits"]["cpu_s"] == 3
    assert plan["models"][0]["declared"] == {"alignment": "sft"}
    ids = [record["case"]["id"] for record in records(pytester.path)]
    assert f"{BELOW}0" in ids
    assert {record["case"]["seed"] for record in records(pytester.path)} == {7}


def test_an_id_below_a_suite_pastes_back(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    write(pytester, SUITE)
    run_both(f"{BELOW}1").assert_outcomes(passed=1)
    assert [r["case"]["id"] for r in records(pytester.path)] == [f"{BELOW}1"]


def test_options_win_over_the_suite_and_the_suite_over_ini_values(
    run: Run, pytester: pytest.Pytester
) -> None:
    write(pytester, SUITE)
    pytester.makeini(
        "[pytest]\nselfinvoke_max_new_tokens = 11\nselfinvoke_temperature = 0.5\n"
    )
    result = run(FILE, "--model=stub", "--samples=1", "--attack=clean", "--limit=3")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["selfinvoke: stub on mini (3 problems), 1 variant*"])
    [plan] = manifest(pytester.path)["plans"]
    assert plan["sampling"]["max_new_tokens"] == 99
    assert plan["sampling"]["temperature"] == 0.5
    assert plan["seed"] == 7


def test_suites_in_folders_are_found(run_both: Run, pytester: pytest.Pytester) -> None:
    for name in ("a", "b"):
        write(
            pytester,
            "[suite]\nlimit = 2\n[[model]]\nspec = 'oracle'\n",
            f"suites/{name}/s.selfinvoke.toml",
        )
    result = run_both("suites")
    result.assert_outcomes(passed=4)
    ids = sorted(record["case"]["id"] for record in records(pytester.path))
    assert ids[0].startswith("suites/a/s.selfinvoke.toml::mini::oracle::")
    assert ids[3].startswith("suites/b/s.selfinvoke.toml::mini::oracle::")
    data = manifest(pytester.path)
    assert [plan["origin"] for plan in data["plans"]] == [
        "suites/a/s.selfinvoke.toml",
        "suites/b/s.selfinvoke.toml",
    ]
    assert data["isolation"]["tier"]
    result.stdout.fnmatch_lines(["note: oracle on mini is in 2 suites, *"])


def test_a_suite_and_own_tests_in_one_session(
    run: Run, pytester: pytest.Pytester
) -> None:
    write(pytester, SUITE, "both/robust.selfinvoke.toml")
    pytester.makepyfile(**{"both/test_own": "def test_own(): pass"})
    run("both").assert_outcomes(passed=5, failed=4)


def test_problems_are_read_from_beside_the_suite(
    run: Run, pytester: pytest.Pytester
) -> None:
    problem = (
        '{"id": "p", "target": {"entry_point": "f", "solution": "  return x + 1",'
        ' "prompt": "def f(x):\\n  \\"\\"\\"One more.\\"\\"\\"\\n", "tests": ["assert f(1) == 2"]}}\n'
    )
    write(pytester, problem, "deep/p.jsonl")
    write(
        pytester,
        "[[model]]\nspec='oracle'\n[[benchmark]]\nname='jsonl'\npath='p.jsonl'\n",
        "deep/s.selfinvoke.toml",
    )
    run("deep/s.selfinvoke.toml").assert_outcomes(passed=1)
    [record] = records(pytester.path)
    assert record["case"]["id"] == "deep/s.selfinvoke.toml::jsonl::oracle::p::clean"


BROKEN = [
    ("[suite]\nsample = 2", [FILE, "suite.sample", "suite.samples"]),
    ("[suite]\nsamples = 'two'", ["suite.samples", "expected int"]),
    ("[suite]\nsamples = 0", [FILE, "samples must be at least 1"]),
    ("[suite", [FILE, "not TOML"]),
    ("[[model]]\nname = 'x'", ["model[1].spec", "is missing"]),
    ("[[model]]\nspec = 'orakle'", [FILE, "unknown model"]),
    ("[[benchmark]]\nname = 'mini'", [FILE, "no [[model]]"]),
    ("[[model]]\nspec = 'oracle'\n[limits]\ncpu_s = 'x'", [FILE, "limits.cpu_s"]),
    (
        "[[model]]\nspec = 'oracle'\n[[benchmark]]\nname = 'minni'",
        [FILE, "unknown benchmark"],
    ),
]


@pytest.mark.parametrize(("suite", "words"), BROKEN)
def test_a_broken_suite_file(
    run_both: Run, run: Run, pytester: pytest.Pytester, suite: str, words: list[str]
) -> None:
    write(pytester, suite)
    result = run_both(FILE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, *words)
    # Where it is found in a folder, pytest reports what it cannot collect.
    found = run()
    assert found.ret == pytest.ExitCode.INTERRUPTED
    assert_clear(found, *words)


def test_a_broken_suite_in_a_folder_with_workers(
    run: Run, pytester: pytest.Pytester
) -> None:
    write(pytester, "[suite]\nsample = 2")
    write(pytester, SUITE, "whole/robust.selfinvoke.toml")
    result = run("-n", "2")
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert_clear(result, FILE, "suite.samples")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[model]]\nname='right'\nspec='stub'\n", ["two models", "'right'"]),
        ("[[model]]\nspec='replay:nope.jsonl'\n", ["nope.jsonl"]),
        ("[suite]\nsandbox='none'\n[[model]]\nspec='stub'\n", ["sandbox 'none'"]),
    ],
    ids=["label", "model", "sandbox"],
)
def test_what_only_shows_when_a_folder_is_collected(
    run_both: Run, pytester: pytest.Pytester, text: str, words: list[str]
) -> None:
    write(pytester, SUITE, "suites/a.selfinvoke.toml")
    write(pytester, text, "suites/b.selfinvoke.toml")
    result = run_both("suites")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, *words)
    assert not list(pytester.path.glob(".selfinvoke/*/"))
