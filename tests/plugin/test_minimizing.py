"""``--selfinvoke-minimize`` writes scripts that show what broke a case."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Run, assert_clear, records, run_folder

#: Right on the first problem of the embedded benchmark, but for two words.
MODEL = """
    import os, signal

    RIGHT = '''
    def count_clicks(times):
        return max(0, times)

    def total_clicks(rounds):
        return sum(map(count_clicks, rounds))
    '''

    class Wary:
        asked = 0
        def __init__(self, spec): pass
        def generate(self, requests):
            return [self.answer(request.prompt.shown()) for request in requests]
        def answer(self, prompt):
            Wary.asked += 1
            if "# bad" in prompt:
                return RIGHT.replace("sum(", "len(list(").replace("rounds))", "rounds)))")
            return RIGHT
"""
ATTACKS = """
    from dataclasses import replace
    from pytest_selfinvoke import map_prompts

    def pytest_selfinvoke_attacks(registry):
        registry.add("mine.lines", lambda problem, rng: map_prompts(
            problem, lambda code: code + "# good\\n# bad\\n# indifferent\\n"))
        registry.add("mine.harmless", lambda problem, rng: map_prompts(
            problem, lambda code: code + "# good\\n"))
"""
BROKEN = "mini::wary-Wary::classes_01_click_counter::mine.lines"
ASKED = ("--model=wary:Wary", "--limit=1", "--attack=clean,mine.lines,mine.harmless")


@pytest.fixture(autouse=True)
def model(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(wary=MODEL)
    pytester.makeconftest(ATTACKS)


def scripts(folder: Path) -> list[Path]:
    return sorted(run_folder(folder).glob("reproducers/*"))


def test_the_line_that_broke_a_case_is_left(
    run_in_mode: Run, pytester: pytest.Pytester
) -> None:
    result = run_in_mode(*ASKED, "--selfinvoke-minimize")
    result.assert_outcomes(passed=2, failed=1)
    [script] = scripts(pytester.path)
    shown = script.relative_to(pytester.path)
    result.stdout.fnmatch_lines(
        [
            f"minimizing 1 of 1: {BROKEN}*",
            "* selfinvoke *",
            f"minimized: {BROKEN}*",
            "    1 of 6 changes (probes: *)",
            f"    {shown}",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-I", str(script)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "reproduced: the tests fail (exit status 1)",
    )
    added = [x for x in done.stdout.splitlines()[2:] if x.startswith("+")]
    assert added == ["+# bad"]
    # Probes are no cases.
    assert len(records(pytester.path)) == 3


def test_the_number_of_probes_is_bounded(run: Run, pytester: pytest.Pytester) -> None:
    result = run(*ASKED, "--selfinvoke-minimize=1", "-q")
    result.stdout.fnmatch_lines(
        ["    * of 6 changes (probes: 1, not all of them tried)"]
    )
    result.stdout.no_fnmatch_line("minimizing 1*")
    assert len(scripts(pytester.path)) == 1


def test_the_number_of_cases_is_bounded(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nselfinvoke_minimize_cases = 2\n")
    seeds = ("--attack=clean,mine.lines", "--attack-seeds=3")
    pytester.makeconftest(
        ATTACKS.replace("problem, rng:", "problem, rng: rng.random() and")
    )
    result = run("--model=wary:Wary", "--limit=1", *seeds, "--selfinvoke-minimize")
    result.assert_outcomes(passed=1, failed=3)
    assert [script.name[-8:] for script in scripts(pytester.path)] == [
        "seed0.py",
        "seed1.py",
    ]


@pytest.mark.parametrize("attack", ["clean,mine.harmless", "mine.lines"])
def test_nothing_to_minimize(run: Run, pytester: pytest.Pytester, attack: str) -> None:
    result = run(
        "--model=wary:Wary",
        "--model=stub",
        "--limit=1",
        f"--attack={attack}",
        "--selfinvoke-minimize",
    )
    assert_clear(result, "nothing to minimize: no case was solved as it is")
    assert scripts(pytester.path) == []


def test_without_the_option_nothing_happens(
    run: Run, pytester: pytest.Pytester
) -> None:
    result = run(*ASKED)
    result.stdout.no_fnmatch_line("*minimiz*")
    assert scripts(pytester.path) == []


def test_a_file_of_completions_cannot_be_probed(
    run: Run, pytester: pytest.Pytester
) -> None:
    line = '{{"problem": "classes_01_click_counter", "attack": "{}", "completion": "{}"}}\n'
    right = "def count_clicks(t):\\n    return max(0, t)\\ndef total_clicks(r):\\n    return sum(map(count_clicks, r))"
    texts = {"clean": right, "mine.lines": "x"}
    file = pytester.path / "r.jsonl"
    file.write_text("".join(line.format(*pair) for pair in texts.items()))
    result = run(
        "--model=replay:r.jsonl",
        "--limit=1",
        "--attack=clean,mine.lines",
        "--selfinvoke-minimize",
    )
    result.assert_outcomes(passed=1, failed=1)
    assert_clear(result, "nothing to minimize")


def test_ctrl_c_keeps_what_is_there(run_apart: Run, pytester: pytest.Pytester) -> None:
    conftest = (
        ATTACKS
        + """
    import pytest_selfinvoke.plugin.minimizing as minimizing

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    minimizing.reproduce = interrupted
"""
    )
    pytester.makeconftest(conftest)
    result = run_apart(*ASKED, "--selfinvoke-minimize")
    result.assert_outcomes(passed=2, failed=1)
    assert_clear(result, "minimizing was interrupted; what is written is kept")
    assert len(records(pytester.path)) == 3


def test_a_model_that_fails_leaves_the_case_as_it_is(
    run: Run, pytester: pytest.Pytester
) -> None:
    failing = MODEL.replace(
        "Wary.asked += 1",
        "Wary.asked += 1\n            if Wary.asked > 3: raise ValueError('gone')",
    )
    pytester.makepyfile(wary=failing)
    result = run(*ASKED, "--selfinvoke-minimize")
    result.assert_outcomes(passed=2, failed=1)
    assert_clear(result, "left as it is:", "gone")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--selfinvoke-minimize=0"], "must be at least 1, not 0"),
        (["--selfinvoke-minimize=x"], "invalid int value: 'x'"),
    ],
)
def test_bad_values(run: Run, arguments: list[str], words: str) -> None:
    result = run(*ASKED, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, words)
