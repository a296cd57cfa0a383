from __future__ import annotations

import re

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.highlights import (
    Kind,
    failure_kinds,
    highlights,
    weakest_problems,
    worst_attacks,
)
from pytest_selfinvoke.reports.html.cases import CaseList
from pytest_selfinvoke.reports.html.page import render
from pytest_selfinvoke.reports.markdown import markdown
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.robustness import Assessed, RobustnessBuilder
from pytest_selfinvoke.reports.summary import Cell, summarise

from .conftest import Make, MakeRun

LETTERS = "abcdefg"


def record(problem: int, attack: str, solved: bool, model: str = "m") -> Record:
    case = {
        "id": f"{model}{problem}{attack}", "benchmark": "bench", "model": model,
        "problem": f"p{problem:02d}", "attack": attack, "sample": 0,
        "attack_seed": None if attack == "clean" else 0,
    }  # fmt: skip
    return Record(
        case=case,
        status=Status.PASSED if solved else Status.FAILED,
        verdict=Verdict.SOLVED
        if solved
        else Verdict.TIMEOUT
        if attack == "x.a"
        else Verdict.WRONG_ANSWER,
    )


def run(model: str = "m") -> list[Record]:
    """Attack number n breaks the first n of 19 problems; the 20th is never solved."""
    found = [record(i, "clean", i < 19, model) for i in range(20)]
    for n, letter in enumerate(LETTERS):
        found += [record(i, f"x.{letter}", n <= i < 19, model) for i in range(20)]
    return found


def computed(records: list[Record]) -> tuple[tuple[Cell, ...], tuple[Assessed, ...]]:
    builder = RobustnessBuilder()
    for one in records:
        builder.add(one)
    return summarise(records), builder.assessed({})


def test_the_worst_attacks_come_first_and_harmless_ones_not_at_all() -> None:
    _, assessed = computed(run())
    assert [hurt.attack.name for hurt in worst_attacks(assessed)] == [
        f"x.{letter}" for letter in "gfedcb"
    ]


def test_problems_by_the_number_of_attacks_that_break_them() -> None:
    _, assessed = computed(run())
    found = weakest_problems(assessed)
    assert [fragile.problem for _, fragile in found] == [f"p{i:02d}" for i in range(6)]
    _, first = found[0]
    assert first.broken_by == tuple(f"x.{letter}" for letter in "bcdefg")
    assert first.attacks == 7


def test_every_report_has_the_same_weakest_problems(
    make: Make, make_run: MakeRun
) -> None:
    for module in ("jinja2", "matplotlib"):
        pytest.importorskip(module, reason="needs the extra html")
    records = [
        make(problem, attack, attack == "clean" or problem > broken, model=model)
        for model, broken in (("m1", "p2"), ("m2", "p1"))
        for problem in ("p1", "p2", "p3")
        for attack in ("clean", "a.x", "a.y", "a.z")
        # One attack was not tried on one problem: it is in no denominator there.
        if (model, problem, attack) != ("m1", "p2", "a.z")
    ]
    cases = CaseList()
    found = contents(Run(make_run(records)), cases.add)
    wanted = [("p1", "m1", "3 of 3"), ("p1", "m2", "3 of 3"), ("p2", "m1", "2 of 2")]

    lines = highlights(found.cells, found.assessed)
    start = next(i for i, line in enumerate(lines) if "broken by most" in line)
    assert [re.split(r"  +", line) for line in lines[start + 1 : start + 4]] == [
        [problem, share, f"{model} on b"] for problem, model, share in wanted
    ]
    rows = [
        f"| {problem} | {model} on b | {share} |" for problem, model, share in wanted
    ]
    assert "\n".join(rows) in markdown(found)
    page = render(found, cases).decode()
    section = page[page.index('id="fragile"') :].partition("</section>")[0]
    cells = re.findall(r">(p\d)</a></th><td[^>]*>([^<]*)</td><td>(m\d) on b<", section)
    assert cells == [(problem, share, model) for problem, model, share in wanted]
    assert "model=m1&amp;benchmark=b&amp;verdict=broken" in section


def test_failures_of_the_clean_prompt_and_of_others() -> None:
    cells, _ = computed(run())
    assert failure_kinds(cells) == [
        Kind(model="m", name="wrong_answer", clean=1, attacked=6 + 1 + 2 + 3 + 4 + 5 + 6),
        Kind(model="m", name="timeout", clean=0, attacked=1),
    ]  # fmt: skip


def test_the_lines() -> None:
    cells, assessed = computed(run())
    assert [line.split() for line in highlights(cells, assessed, count=2)] == [
        [],
        ["attacks", "that", "hurt", "most", "drop", "in", "%", "[95", "%", "interval]"],
        ["x.g", "31.6", "[10.5,", "52.9]", "m", "on", "bench"],
        ["x.f", "26.3", "[6.2,", "50.0]", "m", "on", "bench"],
        [],
        ["problems", "broken", "by", "most", "attacks", "attacks"],
        ["p00", "6", "of", "7", "m", "on", "bench"],
        ["p01", "5", "of", "7", "m", "on", "bench"],
        [],
        ["kinds", "of", "failure", "cases"],
        ["wrong_answer", "1", "clean,", "27", "attacked", "m"],
        ["timeout", "0", "clean,", "1", "attacked", "m"],
    ]
    more = highlights(cells, assessed, count=None)
    assert len(more) == 3 * 2 + 6 + 6 + 2


def test_long_names_are_cut_to_the_width() -> None:
    records = run("gguf:a-model-of-which-the-name-is-longer-than-it-should-be")
    cells, assessed = computed(records)
    lines = highlights(cells, assessed, width=60)
    assert all(len(line) <= 60 for line in lines)
    assert any("gguf:a" in line and ".." in line for line in lines)
    assert any("p00" in line for line in lines)


def test_what_the_tables_show_is_not_repeated() -> None:
    clean = [record(i, "clean", i < 5) for i in range(20)]
    assert highlights(*computed(clean)) == []
    harmless = [record(i, "x.a", i < 5) for i in range(20)]
    lines = highlights(*computed(clean + harmless))
    assert [line.split()[0] for line in lines if line] == [
        "kinds", "wrong_answer", "timeout",
    ]  # fmt: skip
