"""How much of a solved program the tests reach."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from .conftest import Run, records


def test_it_is_counted_recorded_and_shown(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    result = run_both(
        "--model=oracle", "--model=stub", "--limit=3", "--selfinvoke-coverage",
        "--tb=no", "-rN", "--junitxml=out.xml", "--selfinvoke-markdown=out.md",
    )  # fmt: skip
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["*tests reach *% of lines*"])
    found = [r["coverage"] for r in records(pytester.path)]
    assert all(one["lines"] >= one["lines_reached"] > 0 for one in found)
    facts = {
        p.get("name") for p in ET.parse(pytester.path / "out.xml").iter("property")
    }
    assert {"selfinvoke.lines_reached", "selfinvoke.branches_reached"} <= facts
    assert "tests reach" in (pytester.path / "out.md").read_text()


def test_without_the_option_there_is_nothing(
    run: Run, pytester: pytest.Pytester
) -> None:
    result = run("--model=oracle", "--limit=1")
    assert "tests reach" not in result.stdout.str()
    assert records(pytester.path)[0]["coverage"] is None
