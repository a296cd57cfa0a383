"""A team's own tests, hooks and suite files."""

from __future__ import annotations

import json

import pytest

from .conftest import Run, records

OWN = """
import pytest

@pytest.mark.selfinvoke(benchmark="mini", attack=["clean", "docstring.change_case"], limit=2)
def test_solves(selfinvoke_case, selfinvoke_model, selfinvoke_run):
    answer = selfinvoke_model.generate(selfinvoke_case.request)
    record = selfinvoke_run(selfinvoke_case, answer)
    assert record.solved, record.detail
"""

CONFTEST = """
import pytest

class Reference:
    def generate(self, request):
        assert request.prompt.messages
        return "def f(): pass"

@pytest.fixture(scope="session")
def selfinvoke_model():
    return Reference()
"""


def test_a_marked_test_runs_once_per_case(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run_both("test_own.py", "--model=oracle")
    result.assert_outcomes(passed=4)
    found = records(pytester.path)
    assert {record["verdict"] for record in found} == {"solved"}
    assert len(found) == 4


def test_a_failing_case_fails_the_test(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run("test_own.py", "--model=stub", "--junitxml=o.xml")
    result.assert_outcomes(failed=4)
    assert (
        'name="selfinvoke.verdict" value="wrong_answer"'
        in (pytester.path / "o.xml").read_text()
    )


def test_the_model_can_be_a_fixture_of_the_teams(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN)
    pytester.makeconftest(CONFTEST)
    result = run_both("test_own.py")
    result.assert_outcomes(failed=4)
    verdicts = {record["verdict"] for record in records(pytester.path)}
    assert verdicts == {"missing_entry_point"}


def test_without_any_model_the_test_says_what_to_do(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run("test_own.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*give --model, or override the selfinvoke_model fixture*"]
    )


@pytest.mark.parametrize(
    ("mark", "word"),
    [
        ("bench='mini'", "takes the keywords"),
        ("benchmark='minni'", "unknown benchmark"),
        ("attack='cleen'", "unknown attack"),
    ],
)
def test_a_wrong_mark_is_one_clear_line(
    run: Run, pytester: pytest.Pytester, mark: str, word: str
) -> None:
    pytester.makepyfile(
        test_own=OWN.replace(
            'benchmark="mini", attack=["clean", "docstring.change_case"], limit=2', mark
        )
    )
    result = run("test_own.py", "--model=oracle")
    assert result.ret != 0
    assert word in result.stdout.str()
    assert "INTERNALERROR" not in result.stdout.str()


HOOKS = """
import json
from pytest_selfinvoke import BenchmarkInfo, Part, Problem, map_prompts

class Own:
    info = BenchmarkInfo(name="own", version="1", licence="MIT", citation="", description="ours")

    def locate(self, location, *, download):
        return None

    def load(self, path):
        part = Part(entry_point="f", prompt="def f(x):\\n    '''One more.'''\\n",
                    solution="    return x + 1\\n", tests="assert f(1) == 2")
        return (Problem(id="p1", benchmark="own", target=part),)

def pytest_selfinvoke_benchmarks(registry):
    registry.add("own", Own())

def pytest_selfinvoke_attacks(registry):
    registry.add("style.shout", lambda problem, rng: map_prompts(problem, lambda code: code.replace("One", "ONE")))

def pytest_selfinvoke_models(registry):
    registry.add("house", "house:load")
"""

HOUSE = """
class House:
    def generate(self, requests):
        return ["def f(x):\\n    return x + 1" for _ in requests]

def load(spec):
    return House()
"""


def test_hooks_register_what_users_bring(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(HOOKS)
    pytester.makepyfile(house=HOUSE)
    result = run_both("--model=house", "--benchmark=own", "--attack=clean,style.shout")
    result.assert_outcomes(passed=2)
    assert "ONE more" in str([record["prompt"] for record in records(pytester.path)])


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


def test_a_suite_says_it_all(run_both: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "robust.selfinvoke.toml").write_text(SUITE)
    result = run_both("robust.selfinvoke.toml")
    result.assert_outcomes(passed=4, failed=4)
    [file] = pytester.path.glob(".selfinvoke/*/manifest.json")
    [plan] = json.loads(file.read_text())["plans"]
    assert plan["sampling"]["max_new_tokens"] == 99
    assert plan["limits"]["cpu_s"] == 3
    assert plan["models"][0]["declared"] == {"alignment": "sft"}
    ids = [str(record["case"]["id"]) for record in records(pytester.path)]  # type: ignore[index]
    assert (
        "robust.selfinvoke.toml::mini::right::classes_01_click_counter::clean-sample0"
        in ids
    )


def test_an_id_below_a_suite_pastes_back(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "robust.selfinvoke.toml").write_text(SUITE)
    name = (
        "robust.selfinvoke.toml::mini::right::classes_01_click_counter::clean-sample1"
    )
    run_both(name).assert_outcomes(passed=1)


def test_options_win_over_the_suite(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "robust.selfinvoke.toml").write_text(SUITE)
    result = run(
        "robust.selfinvoke.toml",
        "--model=oracle",
        "--samples=1",
        "--attack=clean",
        "--limit=3",
    )
    result.assert_outcomes(passed=3)


def test_suites_in_folders_are_found(run_both: Run, pytester: pytest.Pytester) -> None:
    for name in ("a", "b"):
        folder = pytester.path / "suites" / name
        folder.mkdir(parents=True)
        (folder / "s.selfinvoke.toml").write_text(
            "[suite]\nlimit = 2\n[[model]]\nspec = 'oracle'\n"
        )
    result = run_both("suites")
    result.assert_outcomes(passed=4)
    ids = [str(record["case"]["id"]) for record in records(pytester.path)]  # type: ignore[index]
    assert any(name.startswith("suites/a/s.selfinvoke.toml::mini::") for name in ids)
