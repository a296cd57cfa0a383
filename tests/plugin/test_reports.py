"""Reports asked for by options: written at the end, refused at the start."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
import sys
from typing import Any

import pytest

from .conftest import Run, assert_clear, manifest, records, run_folder

ATTACKED = ("--model=oracle", "--model=stub", "--attack=clean,docstring.change_case")


@pytest.fixture(autouse=True)
def no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def test_all_reports_are_of_the_same_run(
    run_both: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = pytester.path / "step.md"
    step.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step))
    result = run_both(
        *ATTACKED,
        "--limit=2",
        "--selfinvoke-markdown=out/r.md",
        "--selfinvoke-csv=r.csv",
    )
    result.stdout.fnmatch_lines(
        ["records: *", "markdown: out/r.md", "step summary: step.md", "csv: *r.csv"]
    )
    text = (pytester.path / "out" / "r.md").read_text()
    assert text.startswith("## 2 models on mini\n")
    assert step.read_text() == f"before\n{text}"
    with (pytester.path / "r.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = records(pytester.path)
    assert [row["id"] for row in rows] == [r["case"]["id"] for r in found]
    assert [row["status"] for row in rows] == [r["status"] for r in found]


def test_what_became_of_gates_stands_in_the_report(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    run_both(
        *("--model=stub", "--limit=12", "--gate=pass@1<=0.5"),
        "--selfinvoke-markdown=r.md",
    )
    text = (pytester.path / "r.md").read_text()
    assert "| pass\\@1\\<=0.5 | stub on mini | **passed** | 0.0 % (0.0 to " in text


def test_reports_know_what_an_attack_is_compared_with(
    run: Run, pytester: pytest.Pytester
) -> None:
    run("--model=oracle", "--limit=2", "--attack=clean,syntax.rename_variables_naive")
    found = manifest(pytester.path)["nominal"]
    assert found["syntax.rename_variables_naive"] == "clean.half"
    assert found["clean.half"] == "clean"


# For the whole session: pytester forgets what was imported after it began, and numpy,
# which these bring, cannot be imported twice.
@pytest.fixture(scope="session")
def html_extra() -> None:
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module, reason="needs the extra html")


@pytest.fixture(scope="session")
def parquet() -> Any:
    return pytest.importorskip("pyarrow.parquet", reason="needs the extra hub")


@pytest.mark.usefixtures("html_extra")
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "n2"])
def test_the_page_is_written_and_written_again(
    run_apart: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    result = run_apart(*ATTACKED, "--limit=2", "--selfinvoke-html=r.html", *workers)
    result.stdout.fnmatch_lines(["html: *r.html"])
    page = (pytester.path / "r.html").read_bytes()
    assert b"2 models on mini" in page
    again = subprocess.run(
        [
            *(sys.executable, "-m", "pytest_selfinvoke", "report"),
            *(str(run_folder(pytester.path)), "--html=again.html"),
        ],
        check=True,
        capture_output=True,
        text=True,
        cwd=pytester.path,
    )
    assert again.stdout == "html: again.html\n"
    assert (pytester.path / "again.html").read_bytes() == page


def test_a_table_may_be_parquet(
    parquet: Any, run_apart: Run, pytester: pytest.Pytester
) -> None:
    run_apart("--model=oracle", "--limit=2", "--selfinvoke-csv=r.parquet")
    table = parquet.read_table(pytester.path / "r.parquet")
    assert table.column("solved").to_pylist() == [True, True]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (
            "--selfinvoke-markdown=file/r.md",
            ("cannot write the markdown report", "file"),
        ),
        ("--selfinvoke-csv=.", ("cannot write the csv report", "Is a directory")),
    ],
)
def test_a_file_that_cannot_be_written_is_found_before_any_model(
    run_both: Run, pytester: pytest.Pytester, option: str, words: tuple[str, ...]
) -> None:
    (pytester.path / "file").write_text("")
    result = run_both("--model=oracle", "--limit=1", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, *words)
    # The run's folder, where the models' log goes, is made before they are started.
    assert not (pytester.path / ".selfinvoke").exists()


def test_a_missing_extra_is_found_before_any_model(
    run: Run, pytester: pytest.Pytester
) -> None:
    hide = """
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "matplotlib" else find(name, *a)

def pytest_unconfigure():
    importlib.util.find_spec = find
"""
    pytester.makeconftest(hide)
    if importlib.util.find_spec("jinja2") is None:
        pytest.skip("jinja2 would be missed first")
    result = run("--model=oracle", "--limit=1", "--selfinvoke-html=r.html")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "matplotlib", "pip install 'pytest-selfinvoke[html]'")


def test_collecting_only_checks_and_writes_nothing(
    run: Run, pytester: pytest.Pytester
) -> None:
    result = run("--model=oracle", "--limit=1", "--co", "-q", "--selfinvoke-csv=.")
    assert result.ret == pytest.ExitCode.OK


def test_a_report_that_fails_at_the_end_keeps_the_run(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
import shutil

def pytest_runtest_logreport(report):
    shutil.rmtree("out", ignore_errors=True)
    open("out", "w").close()
""")
    result = run_both(
        "--model=oracle",
        "--limit=2",
        "--selfinvoke-markdown=out/r.md",
        "--selfinvoke-csv=r.csv",
    )
    result.assert_outcomes(passed=2)
    assert_clear(result, "error: cannot write", "r.md")
    assert_clear(result, "the records are kept", "pytest_selfinvoke report")
    assert len(records(pytester.path)) == 2
    assert (pytester.path / "r.csv").exists()


def test_an_interrupted_run_has_its_reports(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest("""
import pytest
seen = []

def pytest_runtest_logreport(report):
    seen.append(report.when)
    if seen.count("call") == 2 and report.when == "teardown":
        pytest.exit("enough", returncode=2)
""")
    result = run("--model=oracle", "--limit=5", "--selfinvoke-csv=r.csv")
    assert result.ret == 2
    assert len((pytester.path / "r.csv").read_text().split("mini::oracle")) == 3


# --- JUnit XML --------------------------------------------------------------------
