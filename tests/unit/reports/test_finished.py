from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.core.record import Record

from .conftest import Make


def run_of(folder: Path, records: list[Record], **manifest: object) -> str:
    """A finished run; ``manifest`` adds to its manifest, or changes it."""
    folder.mkdir()
    lines = "".join(record.to_line() + "\n" for record in records)
    (folder / "records.jsonl").write_text(lines)
    data = {"schema": 1, "finished": True, "plans": [], **manifest}
    (folder / "manifest.json").write_text(json.dumps(data))
    return str(folder)


def solved(make: Make, numbers: range, model: str = "m") -> list[Record]:
    return [make(f"p{i:02}", "clean", True, model=model) for i in numbers]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["pass@1>=0.6"], 0, "passed     pass@1>=0.6"),
        (["pass@1<=0.6"], 1, "failed     pass@1<=0.6"),
        (["pass@1>=0.6", "--gate", "pass@1<=0.6"], 1, "failed"),
        (["pass@1>=0.95"], 1, "more problems would decide"),
        (["pass@1>=0.95", "--gate-undecided=pass"], 0, "undecided"),
        (["pass@1>=0.95", "--gate-rule=point"], 0, "(by its value)"),
    ],
)
def test_the_exit_code_is_that_of_the_gates(
    make: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    said: str,
) -> None:
    folder = run_of(tmp_path / "r", solved(make, range(20)))
    assert main(["gate", folder, "--gate", *words]) == status
    assert said in capsys.readouterr().out


def test_shards_are_one_run_and_a_case_counts_once(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = run_of(tmp_path / "1", solved(make, range(12)))
    two = run_of(tmp_path / "2", solved(make, range(10, 20)))
    assert main(["gate", one, two, "--gate", "pass@1>=0.6"]) == 0
    assert "n=20" in capsys.readouterr().out
    three = run_of(tmp_path / "3", [make("p01", "clean", False)])
    assert main(["gate", one, three, "--gate", "pass@1>=0.6"]) == 4
    assert "is wrong_answer here and solved in" in capsys.readouterr().err


def test_another_benchmark_of_the_same_name_is_refused(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [
        run_of(
            tmp_path / digest,
            solved(make, range(3), model=digest),
            plans=[{"benchmarks": [{"name": "b", "hash": digest}]}],
        )
        for digest in ("x", "y")
    ]
    assert main(["gate", *folders, "--gate", "pass@1>=0.6"]) == 4
    assert "another b than in the runs before it" in capsys.readouterr().err


@pytest.mark.parametrize("manifest", [{"finished": False}, {"not_run": 1}])
def test_a_run_that_was_cut_off_decides_nothing(
    make: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    manifest: dict[str, object],
) -> None:
    folder = run_of(tmp_path / "r", solved(make, range(20)), **manifest)
    words = ["--gate", "pass@1>=0.6", "--gate-undecided=pass"]
    assert main(["gate", folder, *words]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("undecided")
    assert "cut off" in captured.out
    assert "cases may be missing" in captured.err


def test_what_could_not_be_judged_fails_where_it_would_count(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = solved(make, range(20))
    lost = run_of(tmp_path / "1", [*records, make("q", "clean", None)])
    assert main(["gate", lost, "--gate", "pass@1>=0.6"]) == 1
    assert "exit status 1: 1 cases could not be judged" in capsys.readouterr().out
    elsewhere = run_of(tmp_path / "2", [*records, make("q", "a.x", None)])
    assert main(["gate", elsewhere, "--gate", "pass@1>=0.6"]) == 0
    assert "that no gate is about" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--gate", "pas@1>=0.6"], "did you mean 'pass@k'"),
        (["--gate", "c:pass@1>=0.6"], "unknown benchmark 'c'"),
        (["--gate", "pass@1>=0.6", "--gate-rule=pont"], "did you mean 'point'"),
    ],
)
def test_mistakes_are_one_line(
    make: Make,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    folder = run_of(tmp_path / "r", solved(make, range(3)))
    assert main(["gate", folder, *words]) == 4
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_comparison_fails_only_if_asked_to(make: Make, tmp_path: Path) -> None:
    good = run_of(tmp_path / "good", solved(make, range(8)))
    bad = run_of(tmp_path / "bad", [make(f"p{i:02}", "clean", False) for i in range(8)])
    assert main(["compare", bad, good]) == 0
    assert main(["compare", bad, good, "--fail-on-regression"]) == 1
    assert main(["compare", good, bad, "--fail-on-regression"]) == 0
    # On other problems there is nothing that could be compared, or be said to hold.
    other = run_of(tmp_path / "other", solved(make, range(20, 28)))
    assert main(["compare", other, good, "--fail-on-regression"]) == 1
