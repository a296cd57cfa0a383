"""Shards of one run, on any number of machines, become one run and one store."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.results.store import read_records

from .conftest import Run, assert_clear


def run_path(name: str) -> str:
    [manifest] = Path(name).glob("*/manifest.json")
    return str(manifest.parent)


def test_two_shards_are_one_run(
    pytester: pytest.Pytester, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    model = "--model=short:Short"
    pytester.makepyfile(
        short="""
        class Short:
            max_batch = 4
            def __init__(self, spec): pass
            def generate(self, requests): return ["no code" for _ in requests]
        """
    )
    attack = "--attack=clean,docstring.butter_fingers"
    for number in (1, 2):
        mine = [f"--selfinvoke-{what}=s{number}{what}" for what in ("results", "store")]
        run(model, "--limit=7", attack, f"--shard={number}/2", *mine)
    run(model, "--limit=7", attack, "--selfinvoke-results=whole")
    capsys.readouterr()
    folders = [run_path("s1results"), run_path("s2results")]
    assert main(["runs", "merge", *folders, "-o", "merged"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "merged: 14 records"
    assert printed[1].split()[:4] == ["short-Short", "mini", "clean", "7"]

    def verdicts(path: str) -> dict[str, object]:
        return {record.id: record.verdict for record in read_records(Path(path))}

    assert verdicts("merged") == verdicts(run_path("whole"))
    assert main(["store", "merge", "s1store", "s2store", "-o", "both"]) == 0
    assert capsys.readouterr().out == "both: 14 completions\n"
    whole = ("--selfinvoke-store=both", "--selfinvoke-cache=read-only")
    result = run(model, "--limit=7", attack, *whole)
    assert "completions: 0 generated, 14 from the store both" in result.outlines
    capsys.readouterr()
    assert main(["store", "info", "both"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["both: 14 completions, whole", "      14 short:Short (custom)"]
    assert main(["store", "show", "both", "--case", "click"]) == 0
    assert capsys.readouterr().out.count('"text":"no code"') == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["store", "info", "gone"], "gone"),
        (["store", "merge", "gone", "-o", "new"], "gone"),
        (["runs", "merge", "gone", "-o", "new"], "gone: no run directory"),
    ],
)
def test_mistakes_are_one_line(
    pytester: pytest.Pytester,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words) == 4
    printed = capsys.readouterr().err
    assert printed.startswith("error: ")
    assert printed.count("\n") == 1
    assert message in printed


@pytest.mark.parametrize("shard", ["0/2", "3/2", "x"])
def test_a_shard_that_does_not_exist(run: Run, shard: str) -> None:
    result = run("--model=oracle", f"--shard={shard}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, f"shard '{shard}'", "write I/N")


def test_a_teams_own_tests_are_sharded_too(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile(
        test_own="""
        import pytest
        @pytest.mark.selfinvoke(benchmark="mini", limit=5)
        def test_it(selfinvoke_case): pass
        """
    )
    counts = [
        run("test_own.py", f"--shard={n}/2").parseoutcomes()["passed"] for n in (1, 2)
    ]
    assert counts == [3, 2]
