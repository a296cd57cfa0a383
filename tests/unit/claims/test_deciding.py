from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_selfinvoke.claims.claim import Claim
from pytest_selfinvoke.claims.deciding import decide
from pytest_selfinvoke.claims.evidence import PublishedFigures, RunFigures
from pytest_selfinvoke.core.errors import UnknownNameError, UserError
from pytest_selfinvoke.metrics.claims import ClaimVerdict
from pytest_selfinvoke.results.published import Cell
from pytest_selfinvoke.results.runs import Run, Seen

SUPPORTED, REFUTED = ClaimVerdict.SUPPORTED, ClaimVerdict.REFUTED
UNDECIDED, NO_DATA = ClaimVerdict.UNDECIDED, ClaimVerdict.NO_DATA


def cell(model: str, benchmark: str, value: float, shots: str = "0") -> Cell:
    return Cell(model=model, params="-", tuning="base", benchmark=benchmark,
                shots=shots, value=value, source="here", line=2)  # fmt: skip


#: Seven pairs: tuning gains 10 points on plain, one to seven on pro.
CELLS = [
    *(cell(f"base{i}", b, 40) for i in range(1, 8) for b in ("plain", "pro")),
    *(cell(f"tuned{i}", "plain", 50) for i in range(1, 8)),
    *(cell(f"tuned{i}", "pro", 40 + i) for i in range(1, 8)),
    cell("base1", "pro", 45, shots="1"),
]
PUBLISHED = PublishedFigures(cells=CELLS, problems={"plain": 164, "pro": 164})
PAIRS = tuple((f"base{i}", f"tuned{i}") for i in range(1, 8))


def claim(kind: str, **more: Any) -> Claim:
    return Claim(**{"id": "c", "text": "t", "kind": kind, "of": {}, **more})


@pytest.mark.parametrize(("is_", "verdict"), [(50.0, SUPPORTED), (50.2, REFUTED)])
def test_a_published_figure_is_what_it_is(is_: float, verdict: ClaimVerdict) -> None:
    of = {"model": "tuned1", "benchmark": "plain"}
    found = decide(claim("value", of=of, low=is_ - 0.05, high=is_ + 0.05), PUBLISHED)
    assert found.verdict is verdict
    assert found.effect is not None
    assert found.effect.low is not None
    assert found.effect.low < 50 < (found.effect.high or 0)
    assert found.rows == ("line 2: tuned1, plain, 0-shot: 50",)


def test_a_difference_of_the_last_digit_is_none() -> None:
    of = {"model": "x", "benchmark": "plain"}
    cells = PublishedFigures(cells=[cell("x", "plain", 96.2)], problems={})
    found = decide(claim("value", of=of, low=96.25 - 0.05, high=96.25 + 0.05), cells)
    assert found.verdict is SUPPORTED


@pytest.mark.parametrize(
    ("one", "two", "problems", "verdict"),
    [
        (60.0, 40.0, 164, SUPPORTED),
        (40.0, 60.0, 164, REFUTED),
        (52.0, 48.0, 164, UNDECIDED),
        (60.0, 40.0, None, UNDECIDED),
    ],
)
def test_an_order_is_decided_by_the_difference(
    one: float, two: float, problems: int | None, verdict: ClaimVerdict
) -> None:
    cells = [cell("a", "plain", one), cell("b", "plain", two)]
    counts = {} if problems is None else {"plain": problems}
    evidence = PublishedFigures(cells=cells, problems=counts)
    asked = claim("order", of={"model": "a"}, than={"model": "b"}, low=0.0)
    assert decide(asked, evidence).verdict is verdict


def test_the_mean_over_pairs_and_what_is_left_out() -> None:
    of = {"benchmark": "pro", "shots": "0"}
    asked = claim("difference", of=of, pairs=PAIRS, low=0.0)
    found = decide(asked, PUBLISHED)
    assert found.verdict is SUPPORTED
    assert found.effect is not None
    assert (found.effect.value, found.effect.low, found.effect.high) == (4.0, 2.0, 6.0)
    # One pair without a figure is said, six remain.
    cells = [c for c in CELLS if (c.model, c.benchmark) != ("tuned3", "pro")]
    fewer = decide(asked, replace(PUBLISHED, cells=cells))
    assert fewer.effect is not None
    assert fewer.effect.n == 6
    assert fewer.rows[-1].startswith("left out: no published figure of benchmark pro")


def test_an_interaction_is_a_difference_of_differences() -> None:
    pro, plain = {"benchmark": "pro", "shots": "0"}, {"benchmark": "plain"}
    asked = claim("interaction", of=pro, against=plain, pairs=PAIRS, high=0.0)
    found = decide(asked, PUBLISHED)
    assert found.verdict is SUPPORTED
    assert found.effect is not None
    assert found.effect.value == -6.0
    assert decide(replace(asked, low=0.0, high=99.0), PUBLISHED).verdict is REFUTED
    few = decide(replace(asked, pairs=PAIRS[:5]), PUBLISHED)
    assert few.verdict is UNDECIDED
    assert "no interval; 5 pairs" in few.reason


def test_what_nothing_can_show() -> None:
    assert decide(claim("statement"), PUBLISHED).verdict is NO_DATA
    found = decide(claim("value", of={"model": "base1"}), None)
    assert found.verdict is NO_DATA
    assert "--published=FILE" in found.reason
    gone = decide(claim("value", of={"model": "tuned1", "shots": "1"}), PUBLISHED)
    assert gone.reason == "no published figure of model tuned1, shots 1"


@pytest.mark.parametrize(
    ("of", "error", "words"),
    [
        ({"model": "tunde1"}, UnknownNameError, "did you mean 'tuned1'"),
        ({"modell": "tuned1"}, UnknownNameError, "did you mean 'model'"),
        ({"model": "base1", "benchmark": "pro"}, UserError, "name shots too"),
    ],
)
def test_unknown_and_ambiguous_rows(
    of: dict[str, str], error: type[UserError], words: str
) -> None:
    with pytest.raises(error, match=words):
        decide(claim("value", of=of), PUBLISHED)


def run(rates: dict[tuple[str, str], list[bool]]) -> RunFigures:
    """(model, attack) -> solved, one problem each."""
    cases = [
        Seen(id=f"{model}{attack}{i}", model=model, benchmark="mini", problem=f"p{i}",
             attack=attack, family="docstring", attack_seed=None, sample=0,
             solved=solved, kind="")
        for (model, attack), outcomes in rates.items()
        for i, solved in enumerate(outcomes)
    ]  # fmt: skip
    return RunFigures([Run(name="r1", cases=tuple(cases))])


YES, NO = [True] * 40, [False] * 40


def test_cases_are_paired_by_problem() -> None:
    evidence = run({("a", "clean"): YES, ("a", "x"): NO, ("b", "clean"): YES, ("b", "x"): YES})  # fmt: skip
    whole = claim("value", of={"model": "a"}, low=95.0, high=100.0)
    found = decide(whole, evidence)
    assert found.effect is not None
    assert (found.effect.value, found.effect.n) == (100.0, 40)
    order = claim("order", of={"model": "b", "attack": "x"}, than={"model": "a", "attack": "x"}, low=0.0)  # fmt: skip
    assert decide(order, evidence).verdict is SUPPORTED
    asked = claim("interaction", of={"attack": "x"}, against={"attack": "clean"}, pairs=(("a", "b"),), low=0.0)  # fmt: skip
    found = decide(asked, evidence)
    assert found.verdict is SUPPORTED
    assert found.effect is not None
    assert (found.effect.value, found.effect.n, found.effect.unit) == (100.0, 40, "problems")  # fmt: skip


def test_a_run_without_a_judged_case_or_with_several_models() -> None:
    evidence = run({("a", "clean"): YES, ("b", "x"): YES})
    assert decide(claim("value", of={"model": "b"}), evidence).verdict is NO_DATA
    several = run({("a", "clean"): YES, ("b", "clean"): NO})
    with pytest.raises(UserError, match="several models: name one of a, b"):
        decide(claim("value", of={"benchmark": "mini"}), several)
