"""A team's own tests: marks, fixtures and hooks."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from .conftest import Run, assert_clear, records

OWN = """
import pytest

@pytest.mark.selfinvoke(benchmark="mini", attack=["clean", "docstring.change_case"], limit=2)
def test_solves(selfinvoke_case, selfinvoke_model, selfinvoke_run):
    answer = selfinvoke_model.generate(selfinvoke_case.request)
    record = selfinvoke_run(selfinvoke_case, answer)
    assert record.solved, record.detail
"""

OWN_MODEL = """
import pytest

class Own:
    def generate(self, request):
        assert request.prompt.messages
        return "def f(): pass"

@pytest.fixture(scope="session")
def selfinvoke_model():
    return Own()
"""


def test_a_marked_test_runs_once_per_case(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run_both("test_own.py", "--model=oracle")
    result.assert_outcomes(passed=4)
    found = records(pytester.path)
    assert {record["verdict"] for record in found} == {"solved"}
    ids = sorted(record["case"]["id"] for record in found)
    assert len(set(ids)) == 4
    assert (
        ids[0]
        == "test_own.py::test_solves::mini::oracle::classes_01_click_counter::clean"
    )


def test_its_id_pastes_back(run_both: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    case = "mini-oracle-classes_01_click_counter-docstring.change_case-seed0"
    result = run_both(f"test_own.py::test_solves[{case}]", "--model=oracle")
    result.assert_outcomes(passed=1)


def test_options_win_over_the_mark(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    options = ("--attack=clean", "--limit=3", "--samples=2", "--benchmark=mini")
    result = run("test_own.py", "--model=oracle", *options, "-k", "test_solves")
    result.assert_outcomes(passed=6, deselected=6)


def test_a_failing_case_fails_the_test(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run("test_own.py", "--model=stub", "--junitxml=o.xml")
    result.assert_outcomes(failed=4)
    for case in ET.parse(pytester.path / "o.xml").getroot().iter("testcase"):
        verdicts = [
            p.get("value")
            for p in case.iter("property")
            if p.get("name") == "selfinvoke.verdict"
        ]
        assert verdicts == ["wrong_answer"]


def test_the_last_of_several_answers_is_the_record(
    run: Run, pytester: pytest.Pytester
) -> None:
    again = (
        "    record = selfinvoke_run(selfinvoke_case, 'def f(): pass')\n    assert not"
    )
    pytester.makepyfile(test_own=OWN.replace("    assert", again))
    result = run("test_own.py", "--model=oracle", "--limit=1", "--junitxml=o.xml")
    result.assert_outcomes(passed=2)
    verdicts = [record["verdict"] for record in records(pytester.path)]
    assert verdicts == ["missing_entry_point"] * 2
    text = (pytester.path / "o.xml").read_text()
    assert text.count('"selfinvoke.verdict"') == 2


def test_the_model_can_be_a_fixture_of_the_teams(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN)
    pytester.makeconftest(OWN_MODEL)
    result = run_both("test_own.py")
    result.assert_outcomes(failed=4)
    found = records(pytester.path)
    assert {record["verdict"] for record in found} == {"missing_entry_point"}
    assert {record["case"]["model"] for record in found} == {"fixture"}


def test_without_any_model_the_test_says_what_to_do(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN)
    result = run("test_own.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["give --model, or override the selfinvoke_model fixture"]
    )


ATTACKS = """
from pytest_selfinvoke import NotApplicableError

def never(problem, rng):
    raise NotApplicableError("nothing to change")

def pytest_selfinvoke_attacks(registry):
    registry.add("mine.never", never)
    registry.add("mine.broken", lambda problem, rng: {}["boom"])
"""


def test_what_cannot_be_asked_is_recorded_too(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(ATTACKS)
    attacks = '["mine.broken", "mine.never", "clean"]'
    text = OWN.replace('["clean", "docstring.change_case"]', attacks)
    pytester.makepyfile(test_own=text.replace("limit=2", "limit=1"))
    result = run_both("test_own.py", "--model=oracle", "-rs")
    result.assert_outcomes(passed=1, skipped=1, errors=1)
    result.stdout.fnmatch_lines(["SKIPPED*test_own.py:*: nothing to change"])
    assert_clear(result, "could not be judged: attack 'mine.broken' raised KeyError")
    found = {r["case"]["attack"]: r["status"] for r in records(pytester.path)}
    assert found == {"mine.broken": "error", "mine.never": "skipped", "clean": "passed"}


@pytest.mark.parametrize(
    ("mark", "word"),
    [
        ("'mini'", "takes keywords only: benchmark, attack, samples, limit"),
        ("bench='mini'", "unknown keyword 'bench': did you mean 'benchmark'?"),
        ("benchmark='minni'", "unknown benchmark 'minni'"),
        ("benchmark=['mini', 3]", "benchmark is a name or a list of names"),
        ("attack='cleen'", "unknown attack 'cleen': did you mean 'clean'?"),
        ("attack=5", "attack is a name or a list of names, not 5"),
        ("attack=[]", "attack is a name or a list of names"),
        ("limit=0", "limit 0: give a number"),
        ("samples=0", "samples must be at least 1"),
        ("samples='x'", "samples is a number, not 'x'"),
    ],
)
def test_a_wrong_mark_is_one_clear_line(
    run: Run, pytester: pytest.Pytester, mark: str, word: str
) -> None:
    right = 'benchmark="mini", attack=["clean", "docstring.change_case"], limit=2'
    pytester.makepyfile(test_own=OWN.replace(right, mark))
    result = run("test_own.py", "--model=oracle")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert_clear(result, f"test_solves: @pytest.mark.selfinvoke: {word}")
    assert "another exception" not in result.stdout.str()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            "def test_own(selfinvoke_case): pass",
            "test_own: selfinvoke_case needs @pytest.mark.selfinvoke",
        ),
        (
            "import pytest\n@pytest.mark.selfinvoke\ndef test_own(): pass",
            "needs the fixture selfinvoke_case",
        ),
        ("def test_own(selfinvoke_run): pass", "needs the fixture selfinvoke_case"),
    ],
    ids=["no mark", "no fixture", "no case"],
)
def test_mark_and_fixture_need_each_other(
    run: Run, pytester: pytest.Pytester, text: str, word: str
) -> None:
    pytester.makepyfile(test_own=text)
    result = run("test_own.py", "--model=oracle")
    assert result.ret != 0
    assert_clear(result, word)


def test_a_model_that_is_not_given_a_request(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own=OWN.replace("selfinvoke_case.request", "'hello'"))
    result = run("test_own.py", "--model=oracle")
    assert_clear(result, "takes a request, say selfinvoke_case.request, not str")


HOOKS = """
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


def test_a_model_registered_as_an_object_is_refused(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(HOOKS.replace('"house:load"', "print"))
    result = run("--model=house", "--benchmark=own")
    assert_clear(result, "model 'house': register it as \"module:attr\"")


def test_hooks_register_what_users_bring(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(HOOKS)
    pytester.makepyfile(house=HOUSE)
    result = run_both("--model=house", "--benchmark=own", "--attack=clean,style.shout")
    result.assert_outcomes(passed=2)
    assert "ONE more" in str([record["prompt"] for record in records(pytester.path)])
