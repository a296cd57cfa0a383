from __future__ import annotations

import json

from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.markdown import escape, markdown
from pytest_selfinvoke.reports.reading import Run

from .conftest import Make, MakeRun


def test_the_report_holds_what_a_reader_acts_on(make: Make, make_run: MakeRun) -> None:
    records = [make(f"p{i:02}", "clean", True) for i in range(12)]
    records += [make(f"p{i:02}", "a.x", i > 8) for i in range(12)]
    text = markdown(contents(Run(make_run(records))))
    lines = text.splitlines()
    assert lines[0] == "## m on b"
    assert "run run, cases 24, seed 3" in lines
    assert any(
        line.startswith("| m | b | 100.0 % (") and "| 75.0 % (" in line
        for line in lines
    )
    assert any(line.startswith("| a.x | m on b | 75.0 % | ") for line in lines)
    assert "most attacks" not in text, "one attack says nothing about attacks"
    assert any("| 12 | 3 | 25.0 % |" in line for line in lines)
    assert any(line.endswith("| wrong\\_answer 9 |") for line in lines)


def test_without_attacks_there_is_only_the_table(make: Make, make_run: MakeRun) -> None:
    text = markdown(contents(Run(make_run([make("p", "clean", None)]))))
    assert "hurt" not in text
    assert "| clean pass@1 |" not in text
    assert "| m | b | clean | 0 | 0 | – | – | not judged 1 |" in text
    assert "\n\n\n" not in text


def test_a_run_without_records_is_a_report_too(make_run: MakeRun) -> None:
    assert markdown(contents(Run(make_run([])))).startswith("## A run without cases")


def test_names_cannot_become_markup(make: Make, make_run: MakeRun) -> None:
    evil = "x|y<img src=x onerror=alert(1)>`[a](b)\n# h"
    record = make("p", "clean", False, model=evil, execution={"exception": evil})
    text = markdown(contents(Run(make_run([record]))))
    assert "<img" not in text.replace("\\<img", "")
    assert "\n# h" not in text
    rows = [line for line in text.splitlines() if line.startswith("| x\\|y")]
    assert [row.replace("\\|", "").count("|") for row in rows] == [7, 9]
    assert escape("half \ud800 a pair") == "half ? a pair"


def test_a_long_table_is_cut_with_a_word_about_it(
    make: Make, make_run: MakeRun
) -> None:
    records = [make("p", f"a.x{i}", True) for i in range(203)]
    text = markdown(contents(Run(make_run(records))))
    assert "3 more rows are left out." in text


def test_gates_stand_first(make: Make, make_run: MakeRun) -> None:
    folder = make_run([make("p", "clean", True)])
    file = folder / "manifest.json"
    gate = {
        "gate": "pass@1>=0.60",
        "model": "m",
        "benchmark": "b",
        "reason": "why",
        "ruling": "undecided",
        "value": 0.5,
        "low": 0.4,
        "high": 0.7,
        "n": 20,
    }
    file.write_text(json.dumps({**json.loads(file.read_text()), "gates": [gate]}))
    lines = markdown(contents(Run(folder))).splitlines()
    row = (
        "| pass\\@1\\>=0.60 | m on b | **undecided** | 50.0 % (40.0 to 70.0 %) | why |"
    )
    assert (
        row in lines[: lines.index("| m | b | 100.0 % (20.7 to 100.0 %) | – | – | – |")]
    )
