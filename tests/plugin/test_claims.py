"""Claims are items: supported passes, refuted fails, all else is skipped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from .conftest import Run, assert_clear

PUBLISHED = """model,params,tuning,benchmark,shots,pass@1,source
small,1B,base,HumanEval,0,50.5,a table
large,9B,base,HumanEval,0,80.5,a table
"""
CLAIMS = """
[problems]
HumanEval = 164
[[claim]]
id = "small"
text = "small solves 50.5 %"
kind = "value"
of = { model = "small" }
is = 50.5
[[claim]]
id = "large"
text = "large solves 81 %"
source = "a talk"
kind = "value"
of = { model = "large" }
is = 81
[[claim]]
id = "order"
text = "large solves more"
kind = "order"
of = { model = "large" }
above = { model = "small" }
[[claim]]
id = "said"
text = "it was made by hand"
kind = "statement"
"""


@pytest.fixture
def claims(pytester: pytest.Pytester) -> Path:
    (pytester.path / "table.csv").write_text(PUBLISHED)
    path = pytester.path / "a.claims.toml"
    path.write_text(CLAIMS)
    return path


def test_each_claim_is_an_item(run_both: Run, claims: Path) -> None:
    result = run_both("--published=table.csv", "--junitxml=out.xml", "-rs", str(claims))
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*claim a.claims.toml::large*",
            "large solves 81 %",
            "said in a talk",
            "refuted: 80.5 [[]73.8, 85.8], 164 problems; claimed is 81 within 0.05",
            "  line 3: large, HumanEval, 0-shot: 80.5",
            "SKIPPED [[]1] said: no data: no figure and no case can show it",
        ]
    )
    cases = ET.parse(claims.parent / "out.xml").getroot().iter("testcase")
    facts = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in cases
    }
    assert facts["order"] == {
        "selfinvoke.claim": "large solves more",
        "selfinvoke.claim_verdict": "supported",
        "selfinvoke.rows": "line 3: large, HumanEval, 0-shot: 80.5; "
        "line 2: small, HumanEval, 0-shot: 50.5",
        "selfinvoke.effect": "30",
        "selfinvoke.low": "19.88",
        "selfinvoke.high": "39.27",
        "selfinvoke.n": "164 problems",
    }


def test_a_run_is_evidence(run: Run, pytester: pytest.Pytester) -> None:
    run("--model=oracle", "--model=stub", "--limit=12", "--selfinvoke-results=out")
    [folder] = pytester.path.glob("out/*")
    (pytester.path / "b.claims.toml").write_text(
        f'runs = ["out/{folder.name}"]\n'
        '[[claim]]\nid = "a"\ntext = "oracle solves more"\nkind = "order"\n'
        'from = "runs"\nof = {model = "oracle"}\nabove = {model = "stub"}\n'
    )
    result = run("b.claims.toml")
    result.assert_outcomes(passed=1)


def test_any_toml_file_of_claims_that_is_named(
    run: Run, pytester: pytest.Pytester, claims: Path
) -> None:
    claims.rename(pytester.path / "other.toml")
    (pytester.path / "pytest.toml").write_text("[pytest]")
    result = run("--published=table.csv", "other.toml::small")
    result.assert_outcomes(passed=1)
    assert run(".").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('model = "small" }\nis', 'model = "smal" }\nis', "did you mean 'small'"),
        ('kind = "value"', 'kind = "values"', "did you mean 'value'"),
    ],
)
def test_mistakes_are_errors(
    run: Run, claims: Path, old: str, new: str, words: str
) -> None:
    claims.write_text(CLAIMS.replace(old, new, 1))
    result = run("--published=table.csv", str(claims))
    assert result.ret != 0
    assert result.parseoutcomes()["errors"] == 1
    assert_clear(result, words)


def test_a_broken_table_is_an_error(
    run: Run, pytester: pytest.Pytester, claims: Path
) -> None:
    (pytester.path / "table.csv").write_text(PUBLISHED.replace("50.5", "500"))
    result = run("--published=table.csv", str(claims))
    assert_clear(result, "table.csv:2: field 'pass@1'", "from 0 to 100")


def test_own_scores_stand_beside_published_ones(
    run_both: Run, pytester: pytest.Pytester
) -> None:
    table = PUBLISHED.replace("large", "stub").replace("HumanEval", "Mini")
    (pytester.path / "table.csv").write_text(table)
    result = run_both(
        "--model=stub", "--published=table.csv", "--selfinvoke-markdown=out.md",
        "--tb=no", "-rN",
    )  # fmt: skip
    result.stdout.fnmatch_lines(
        [
            "own pass@1 beside published, in percent",
            "  stub on mini: 0.0 (0.0 to 7.4), 0-shot 80.5: lower",
        ]
    )
    text = (pytester.path / "out.md").read_text()
    assert "| stub | mini | 0 | 0.0 % | 0.0 to 7.4 | 80.5 | lower |" in text


def test_published_results_that_cannot_be_read_stop_the_run(run: Run) -> None:
    result = run("--model=stub", "--published=none.csv")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert_clear(result, "none.csv: no such file of published results")
