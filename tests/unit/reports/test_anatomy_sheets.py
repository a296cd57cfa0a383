from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.core.anatomy import Anatomy, Attribution, Invocation, Score
from pytest_selfinvoke.core.anatomy import PartResult as Part
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.anatomy import AnatomyBuilder
from pytest_selfinvoke.reports.anatomy_sheets import Sheet, overview, sheets
from pytest_selfinvoke.reports.case import anatomy_facts
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.html.cases import CaseList
from pytest_selfinvoke.reports.markdown import markdown
from pytest_selfinvoke.reports.reading import Run

from .conftest import Make, MakeRun

RIGHT = Anatomy(
    base=Part(score=Score.RIGHT), invocation=Invocation(static=True, observed=True)
)
WRONG = Anatomy(
    base=Part(score=Score.WRONG, failure="timeout", detail="after 5 s"),
    attribution=Attribution.BASE,
    substituted={"base": "solved", "invoking": "wrong_answer"},
    invocation=Invocation(static=True, observed=False, inlined=True),
)


def records(make: Make) -> list[Record]:
    return [
        make("p1", "clean", True, anatomy=RIGHT.to_json()),
        make("p2", "clean", False, anatomy=WRONG.to_json()),
        make("p1", "a.x", False, anatomy=WRONG.to_json()),
    ]


def made(found: list[Record]) -> dict[str, Sheet]:
    builder = AnatomyBuilder()
    for record in found:
        builder.add(record)
    [one] = builder.dissected()
    return {sheet.headings[1]: sheet for sheet in sheets(one)}


def test_each_number_stands_under_its_heading(make: Make) -> None:
    found = made(records(make))
    rates = found["Base"]
    assert [row[0] for row in rates.rows] == ["clean", "a.x"]
    clean = dict(zip(rates.headings[1::2], rates.rows[0][1::2], strict=False))
    assert clean["Base"] == clean["Pro"] == "50.0 %"
    assert rates.rows[0][5:7] == ("0.0", "100.0 %")
    # Nothing to divide by: no base function was right.
    assert rates.rows[1][6:] == ("–", "–")
    confusion = found["Base right, solved"]
    assert confusion.rows == (
        ("clean", "1", "0", "0", "1", "0"),
        ("a.x", "0", "0", "0", "1", "0"),
    )
    assert found["Base function"].rows == (("clean", "1"), ("a.x", "1"))
    calls = found["Called"]
    assert calls.headings == (
        *("Attack", "Called", "Not called", "Written out again"),
        "Named, but not reached",
    )
    assert calls.rows == (("clean", "1", "1", "1", "1"), ("a.x", "0", "1", "1", "1"))
    assert found["AssertionError"].rows == (("clean", "1"), ("a.x", "1"))
    assert found["timeout"].rows == (("clean", "1"), ("a.x", "1"))


def test_a_base_function_without_tests_has_no_rates(make: Make) -> None:
    unknown = replace(RIGHT, base=Part(score=Score.UNKNOWN))
    found = made([make("p", "clean", True, anatomy=unknown.to_json())])
    assert "Base" not in found
    assert "Base right, solved" not in found


def test_models_stand_side_by_side_under_the_clean_prompt(make: Make) -> None:
    builder = AnatomyBuilder()
    for record in records(make):
        builder.add(record)
    assert overview(builder.dissected()) is None
    builder.add(make("p", "clean", True, model="n", anatomy=RIGHT.to_json()))
    found = overview(builder.dissected())
    assert found is not None
    assert found.headings[:2] == ("Model", "Base")
    assert [row[:2] for row in found.rows] == [
        ("m on b", "50.0 %"),
        ("n on b", "100.0 %"),
    ]


def test_the_facts_of_a_case(make: Make) -> None:
    [_, wrong, _] = records(make)
    assert anatomy_facts(wrong) == [
        ("Base function", "wrong (timeout: after 5 s)"),
        ("To blame", "the base function (solved with the reference's)"),
        ("Base function called", "no (written out again, named, but not reached)"),
        ("With the reference's base function", "solved"),
        ("With the reference's invoking function", "wrong answer"),
    ]
    assert anatomy_facts(make("p", "clean", True)) == []
    bare = replace(
        WRONG, attribution=Attribution.NO_CODE, missing=("base", "invoking")
    ).to_json()
    facts = dict(anatomy_facts(make("p", "clean", False, anatomy=bare)))
    assert facts["To blame"] == "there is no code"
    assert facts["Missing"] == "base function and invoking function"


def test_markdown_has_the_tables(make: Make, make_run: MakeRun) -> None:
    text = markdown(contents(Run(make_run(records(make)))))
    assert "<details><summary>Anatomy of m on b</summary>" in text
    assert "| clean | 1 | 0 | 0 | 1 | 0 |" in text
    assert "Anatomy" not in markdown(contents(Run(make_run([make("p", "c", True)]))))


def test_the_page_has_the_tables_and_the_facts(make: Make, make_run: MakeRun) -> None:
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module, reason="needs the extra html")
    from pytest_selfinvoke.reports.html.page import render

    cases, run = CaseList(), Run(make_run(records(make)))
    text = render(contents(run, cases.add), cases).decode()
    assert '<h2 id="anatomy">' in text
    assert "Base function and whole problem, in cases" in text
