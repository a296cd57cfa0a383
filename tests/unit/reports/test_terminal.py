from __future__ import annotations

import pytest

from pytest_selfinvoke.reports.summary import Cell
from pytest_selfinvoke.reports.terminal import shortened, table

LONG = "hf:an-organisation/a-model-with-a-name-that-goes-on-Instruct"
KINDS = {f"{name}Error": 7 for name in ("Type", "Value", "Index", "Attribute", "Name")}


def cell(model: str, failures: dict[str, int]) -> Cell:
    return Cell(
        model=model,
        benchmark="bigcodebench-lite-pro",
        attack="syntax.rename_variables_plausible",
        judged=164,
        solved=82,
        errors=0,
        skipped={},
        problems=164,
        pass_at_1=0.5,
        interval=None,
        failures=failures,
    )


@pytest.mark.parametrize("width", [70, 80, 100])
def test_the_table_fits(width: int) -> None:
    lines = table([cell(LONG, KINDS), cell("stub", {})], width)
    assert all(len(line) <= width for line in lines)
    # Both ends of a name tell models apart; numbers are never cut.
    assert lines[1].startswith("hf:a")
    assert lines[1].split()[0].endswith("ruct")
    assert lines[1].split()[2].endswith("ausible")
    assert lines[1].split()[3:6] == ["164", "82", "50.0"]
    assert (
        " ".join(lines[2:-1]).split()
        == ", ".join(f"{name} 7" for name in KINDS).split()
    )


def test_without_a_width_nothing_is_cut() -> None:
    lines = table([cell(LONG, KINDS)])
    assert LONG in lines[1]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("width", "text"), [(10, "abcdefghij"), (9, "abcd..hij"), (8, "abc..hij")]
)
def test_names_lose_their_middle(width: int, text: str) -> None:
    assert shortened("abcdefghij", width) == text
