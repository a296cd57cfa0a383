from __future__ import annotations

from pytest_selfinvoke.metrics.significance import mcnemar_exact
from pytest_selfinvoke.reports.comparison import comparison_lines, differences
from pytest_selfinvoke.results.compare import Comparison, compare_runs
from pytest_selfinvoke.results.runs import Run, Seen


def seen(problem: int, solved: bool, attack: str = "clean", sample: int = 0) -> Seen:
    return Seen(
        id=f"b::m::p{problem:03d}::{attack}", model="m", benchmark="b",
        problem=f"p{problem:03d}", attack=attack, family=attack.partition(".")[0],
        attack_seed=None, sample=sample, solved=solved,
        kind="solved" if solved else "wrong_answer",
    )  # fmt: skip


def comparison(now: list[Seen], before: list[Seen]) -> Comparison:
    return compare_runs(
        Run(name="now", cases=tuple(now)), Run(name="then", cases=tuple(before))
    )


def with_losses(worse: int, better: int = 0, n: int = 40) -> Comparison:
    before = [seen(i, solved=not n - better <= i) for i in range(n)]
    return comparison([seen(i, solved=i >= worse) for i in range(n)], before)


def test_one_case_per_problem_is_mcnemars_test() -> None:
    [found] = differences(with_losses(8, 2))
    assert (found.paired.worse, found.paired.better, found.paired.n) == (8, 2, 40)
    assert found.paired.p == mcnemar_exact(8, 2)
    assert (round(found.before, 3), round(found.now, 3)) == (0.95, 0.8)
    assert found.change.value is not None
    assert abs(found.change.value + 0.15) < 1e-12
    assert found.change.low is not None
    assert found.change.high is not None
    assert found.change.low < -0.15 < found.change.high < 0.15


def test_a_loss_is_one_that_chance_does_not_explain() -> None:
    # 5 of 5 is p = 0.0625, 6 of 6 is 0.031.
    assert [differences(with_losses(n))[0].is_loss for n in (5, 6)] == [False, True]
    assert not differences(with_losses(0, 10))[0].is_loss


def test_samples_of_a_problem_are_one_pair() -> None:
    before = [seen(i, solved=True, sample=s) for i in range(12) for s in range(4)]
    now = [
        seen(i, solved=(i, s) != (0, 0), sample=s) for i in range(12) for s in range(4)
    ]
    [found] = differences(comparison(now, before))
    assert (found.paired.worse, found.paired.n) == (1, 12)
    assert found.change.value is not None
    assert abs(found.change.value + 1 / 48) < 1e-12


def test_families_have_rows_of_their_own() -> None:
    before = [
        seen(i, solved=True, attack=a) for i in range(20) for a in ("clean", "x.a")
    ]
    now = [
        seen(i, solved=a == "clean" or i > 9, attack=a)
        for i in range(20)
        for a in ("clean", "x.a")
    ]
    found = {one.family: one for one in differences(comparison(now, before))}
    assert list(found) == [None, "clean", "x"]
    assert (found["x"].paired.worse, found["clean"].paired.worse) == (10, 0)
    assert found[None].paired.worse == 10


def lines(compared: Comparison, *, verbose: bool = False) -> list[str]:
    return list(comparison_lines(compared, differences(compared), verbose=verbose))


def test_lines() -> None:
    text = lines(with_losses(12, 1))
    assert text[0] == "compared with then, solved in % of the same cases"
    assert text[1] == "m on b"
    assert text[3].split()[:5] == ["all", "cases", "40", "97.5", "70.0"]
    at = text.index("regressions: 12")
    assert text[at + 1] == "  b::m::p000::clean  solved -> wrong_answer"
    assert text[at + 11] == "  ... 2 more, with -v"
    assert "improvements: 1" in text
    assert all(len(line) <= 80 for line in text)
    assert (
        sum("solved -> wrong" in line for line in lines(with_losses(12), verbose=True))
        == 12
    )


def test_few_problems_get_no_interval() -> None:
    assert "(too few: 4)" in lines(with_losses(1, n=4))[3]


def test_what_is_not_compared_is_counted() -> None:
    found = comparison(
        [seen(0, solved=True), seen(1, solved=True)],
        [seen(1, solved=True), seen(2, solved=True)],
    )
    assert lines(found)[-1] == "not compared: 1 new, 1 gone"
    nothing = comparison([seen(0, solved=True)], [seen(1, solved=True)])
    assert "no case was judged in both runs on the same prompt" in lines(nothing)
