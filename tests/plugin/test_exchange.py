"""Generations come from other harnesses and go to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.__main__ import main

from .conftest import Run, assert_clear, records, run_folder

IDS = ("classes_01_click_counter", "classes_02_rectangle_area")
CLICKS = """\
def count_clicks(times):
    return max(0, times)

def total_clicks(rounds):
    return sum(map(count_clicks, rounds))
"""


def exported(pytester: pytest.Pytester, *arguments: str) -> list[dict[str, Any]]:
    file = pytester.path / "samples.jsonl"
    assert main(["export", ".selfinvoke", "--evalplus", str(file), *arguments]) == 0
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_what_is_exported_is_judged_as_before(
    run_both: Run, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    attack = "--attack=clean,docstring.drop_examples"
    run_both("--model=oracle", "--limit=2", attack, "--samples=2")
    programs = {r["case"]["id"]: r["program"] for r in records(pytester.path)}
    lines = exported(pytester)
    assert [line["task_id"] for line in lines] == [IDS[0], IDS[0], IDS[1], IDS[1]]
    assert lines[0]["solution"] == programs[f"mini::oracle::{IDS[0]}::clean-sample0"]
    assert f"4 samples from {run_folder(Path('.'))}" in capsys.readouterr().out

    result = run_both(
        "--model=replay:samples.jsonl",
        "--limit=2",
        "--samples=2",
        attack,
        "--selfinvoke-results=again",
    )
    result.assert_outcomes(passed=4, errors=4)
    assert_clear(
        result,
        "replay-samples.jsonl: no completion for 4 of 8 cases, the first: "
        f"{IDS[0]}::docstring.drop_examples",
    )


def test_an_attacks_variants_are_exported_and_read_back(
    run: Run, pytester: pytest.Pytester
) -> None:
    attack = "docstring.drop_examples"
    run("--model=oracle", "--limit=2", f"--attack=clean,{attack}")
    assert len(exported(pytester, "--attack", attack)) == 2
    result = run(
        f"--model=replay:samples.jsonl@attack={attack}",
        "--limit=2",
        f"--attack={attack}",
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("option", ["", "@format=bigcode"])
def test_lists_with_an_order_of_tasks(
    run: Run, pytester: pytest.Pytester, option: str
) -> None:
    (pytester.path / "list.json").write_text(json.dumps([[""], [CLICKS]]))
    (pytester.path / "order").write_text(f"{IDS[1]}\n{IDS[0]}\n")
    option = f"{option},tasks=order" if option else "@tasks=order"
    result = run(f"--model=replay:list.json{option}", "--limit=2")
    result.assert_outcomes(passed=1, failed=1)
    assert "replay-list.json" in result.stdout.str()


def test_continuations_are_put_behind_the_prompt(
    run: Run, pytester: pytest.Pytester
) -> None:
    body = CLICKS.partition("\n")[2]
    line = {"task_id": IDS[0], "completion": body}
    (pytester.path / "c.jsonl").write_text(json.dumps(line))
    run("--model=replay:c.jsonl", "--limit=1").assert_outcomes(passed=1)
    [record] = records(pytester.path)
    assert record["case"]["style"] == "completion"
    assert record["extraction"] == "continuation"


def references(data: Path, form: str) -> tuple[Path, str, str]:
    """Reference solutions of a published benchmark, in a form of another harness."""
    if form == "codeeval-pro":
        source = data / "codeeval-pro" / "humaneval_pro.json"
        parts = ("raw_solution", "new_problem", "new_solution")
        lines = [
            {"task_id": row["id"], "completion": ["".join(row[p] for p in parts)]}
            for row in json.loads(source.read_text())
        ]
        return source, "humaneval-pro", "\n".join(map(json.dumps, lines))
    source = data / "recode" / "HumanEval.jsonl"
    rows = [json.loads(line) for line in source.read_text().splitlines()]
    if form == "bigcode":
        lists = [[row["prompt"] + row["canonical_solution"]] for row in rows]
        return source, "humaneval", json.dumps(lists)
    lines = [
        {"task_id": row["task_id"], "completion": row["canonical_solution"]}
        for row in rows
    ]
    return source, "humaneval", "\n".join(map(json.dumps, lines))


@pytest.mark.parametrize("form", ["evalplus", "codeeval-pro", "bigcode"])
def test_references_of_published_benchmarks_are_solved(
    data: Path, run: Run, pytester: pytest.Pytester, form: str
) -> None:
    source, benchmark, text = references(data, form)
    (pytester.path / "generations").write_text(text)
    result = run(
        "--model=replay:generations",
        f"--benchmark={benchmark}={source}",
        "--limit=random:12",
    )
    result.assert_outcomes(passed=12)


def test_tasks_of_another_benchmark_are_one_line(
    run: Run, pytester: pytest.Pytester
) -> None:
    line = {"task_id": "HumanEval/3", "solution": ""}
    (pytester.path / "s.jsonl").write_text(json.dumps(line))
    result = run("--model=replay:s.jsonl")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(
        result,
        "s.jsonl: 1 of 1 tasks are in no benchmark of this run, the first: "
        "'HumanEval/3'; expected mini: classes_01_click_counter to ",
    )


def test_tasks_that_a_run_leaves_out_are_no_mistake(
    run: Run, pytester: pytest.Pytester
) -> None:
    lines = [json.dumps({"task_id": name, "solution": CLICKS}) for name in IDS]
    (pytester.path / "s.jsonl").write_text("\n".join(lines))
    result = run("--model=replay:s.jsonl", "--limit=1", "--shard=1/2")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*no completion*")


def test_options_in_a_suite_file(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "s.jsonl").write_text(
        json.dumps({"task_id": IDS[0], "solution": CLICKS})
    )
    (pytester.path / "x.selfinvoke.toml").write_text(
        "[suite]\nlimit = 1\nattacks = ['docstring.drop_examples']\n"
        "[[model]]\nspec = 'replay:s.jsonl'\n"
        "options = { format = 'evalplus', attack = 'docstring.drop_examples' }\n"
    )
    run("x.selfinvoke.toml").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name what to write: --evalplus FILE or --inspect FILE"),
        (
            ["--evalplus", "x.jsonl", "--attack", "other", "--model", "stub"],
            "has no attack 'other'; it has clean",
        ),
        (["--evalplus", "x.jsonl"], "several models: choose with --model one of"),
        (["--evalplus", "conftest.py", "--model", "stub"], "conftest.py exists"),
    ],
)
def test_exports_that_cannot_be(
    run: Run,
    pytester: pytest.Pytester,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    pytester.makeconftest("")
    run("--model=oracle", "--model=stub", "--limit=1")
    capsys.readouterr()
    assert main(["export", ".selfinvoke", *arguments]) == 4
    assert words in capsys.readouterr().err


def test_no_run_to_export(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "gone", "--evalplus", "x.jsonl"]) == 4
    assert "gone: no run directory, and none in it" in capsys.readouterr().err
