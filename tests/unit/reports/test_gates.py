from __future__ import annotations

from collections.abc import Iterable

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case, Variant
from pytest_selfinvoke.metrics.gates import Gate, Rule, Ruling
from pytest_selfinvoke.metrics.outcomes import NOT_RUN
from pytest_selfinvoke.reports.gates import (
    Figures,
    Measured,
    lines,
    measure_all,
    nowhere,
)
from pytest_selfinvoke.reports.robustness import RobustnessBuilder
from pytest_selfinvoke.reports.summary import SummaryBuilder


def record(
    problem: int, attack: str, solved: bool | None, sample: int = 0, **fields: object
) -> Record:
    case = {
        "id": f"{problem}{attack}{sample}", "benchmark": "b", "model": "m",
        "problem": f"p{problem:03d}", "attack": attack, "attack_seed": None, "sample": sample,
    }  # fmt: skip
    case |= {k: str(v) for k, v in fields.items() if k in case}
    if solved is None:
        detail = str(fields.get("detail", ""))
        status = Status.SKIPPED if detail else Status.ERROR
        return Record(case=case, status=status, detail=detail)
    verdict = Verdict.SOLVED if solved else Verdict.WRONG_ANSWER
    return Record(case=case, status=Status.PASSED, verdict=verdict)


def figures(records: Iterable[Record], missing: tuple[Case, ...] = ()) -> Figures:
    summary, robustness = SummaryBuilder(), RobustnessBuilder()
    for one in records:
        summary.add(one)
        robustness.add(one)
    return Figures(
        summary=summary,
        cells=summary.cells(),
        robustness=robustness,
        nominal={},
        missing=missing,
    )


def measure(found: Figures, text: str, rule: Rule = Rule.INTERVAL) -> Measured:
    return found.measure(Gate.parse(text), rule, "m", "b")


#: 40 problems: 30 solved clean; x.a breaks 10 of them, y.b other 5; the control none.
RUN = [
    record(i, attack, i < 30 and i not in broken)
    for i in range(40)
    for attack, broken in (
        ("clean", ()),
        ("clean.repeat", ()),
        ("x.a", range(10)),
        ("y.b", range(10, 15)),
    )
]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("pass@1", 30 / 40),
        ("pass@1[x.a]", 20 / 40),
        ("robust_pass@1", 15 / 40),
        ("robust_pass@1[x]", 20 / 40),
        ("robust_pass@1[y.b]", 25 / 40),
        ("drop", 0.5),
        ("drop[y]", 5 / 30),
        ("relative_drop[y]", 5 / 30),
        ("net_drop[y]", 5 / 30),
        ("asr[x.a]", 10 / 30),
        ("flips[x]", 10 / 40),
        ("broken[x]", 10 / 40),
        ("repaired[x]", 0.0),
        ("flips[clean.repeat]", 0.0),
    ],
)
def test_every_metric_is_the_number_of_the_tables(metric: str, value: float) -> None:
    found = measure(figures(RUN), f"{metric}>=0")
    assert found.estimate.value == pytest.approx(value)
    assert found.estimate.low is not None
    assert found.lost == 0


def test_a_gate_passes_fails_or_is_undecided() -> None:
    found = figures(RUN)
    assert measure(found, "pass@1>=.5").ruling is Ruling.PASSED
    assert measure(found, "pass@1>=.95").ruling is Ruling.FAILED
    undecided = measure(found, "pass@1>=.7")
    assert undecided.ruling is Ruling.UNDECIDED
    assert "more problems would decide" in undecided.reason
    assert not undecided.blocked
    assert measure(found, "pass@1>=.7", Rule.POINT).ruling is Ruling.PASSED


def test_more_samples_are_named_where_they_would_help() -> None:
    records = [
        record(i, "clean", s < 1 + i % 3, sample=s) for i in range(40) for s in range(4)
    ]
    found = measure(figures(records), "pass@1>=.45")
    assert "more samples of each" in found.reason
    assert "samples" not in measure(figures(RUN), "pass@1>=.7").reason


def test_pass_at_k_with_more_than_one_sample() -> None:
    records = [
        record(i, "clean", s == 0, sample=s) for i in range(20) for s in range(2)
    ]
    found = figures(records)
    assert measure(found, "pass@1>=.4").estimate.value == 0.5
    assert measure(found, "pass@2>=.4").estimate.value == 1.0
    assert measure(found, "pass@3>=.4").blocked


def test_nothing_measured_is_never_a_pass() -> None:
    found = measure(figures(RUN), "drop[z]<=.9", Rule.POINT)
    assert (found.ruling, found.blocked) == (Ruling.UNDECIDED, True)
    assert "nothing was measured" in found.reason
    other = nowhere(Gate.parse("other:pass@1>=.1"), Rule.POINT)
    assert (other.ruling, other.blocked) == (Ruling.UNDECIDED, True)


def test_a_share_of_nothing_is_undecided() -> None:
    records = [record(i, a, False) for i in range(20) for a in ("clean", "x.a")]
    found = measure(figures(records), "drop<=.5")
    assert (found.ruling, found.blocked) == (Ruling.UNDECIDED, False)
    assert "not defined" in found.reason


def test_few_problems_are_too_few() -> None:
    records = [record(i, a, True) for i in range(5) for a in ("clean", "x.a")]
    assert "needs 10 problems" in measure(figures(records), "drop<=.5").reason


def test_cases_that_did_not_run_block_the_gates_that_are_about_them() -> None:
    case = Case(
        benchmark="b", problem="p", model="m", variant=Variant(attack="y.b"),
        style="", sample=0, seed=0, name="y.b",
    )  # fmt: skip
    found = figures(RUN, missing=(case,))
    assert measure(found, "pass@1>=.5").ruling is Ruling.PASSED
    assert measure(found, "robust_pass@1[x]>=.1").ruling is Ruling.PASSED
    for text in ("robust_pass@1>=.1", "robust_pass@1[y]>=.1"):
        blocked = measure(found, text)
        assert blocked.blocked
        assert blocked.reason == "1 selected cases did not run"
    assert found.pairs() == (("m", "b"),)


def test_errors_count_where_a_gate_is_about_them() -> None:
    found = figures([*RUN, record(99, "x.a", None), record(98, "clean", None)])
    assert measure(found, "pass@1>=.5").lost == 1
    assert measure(found, "drop[x]<=.9").lost == 2
    assert measure(found, "drop[y]<=.9").lost == 1


def test_a_budget_leaves_only_the_worst_case_and_only_if_it_is_settled() -> None:
    settled = [record(i, "clean", True) for i in range(20)]
    settled += [record(i, "x.a", False) for i in range(20)]
    settled += [record(i, "x.b", None, detail=NOT_RUN) for i in range(20)]
    found = figures(settled)
    assert measure(found, "robust_pass@1<=.5").ruling is Ruling.PASSED
    assert "budget" in measure(found, "robust_pass@1[x.a]<=.5").reason
    assert "budget" in measure(found, "flips<=.5").reason
    open_ = [
        record(i, "x.a", i > 0) if one.case["attack"] == "x.a" else one
        for i, one in zip([*range(20)] * 3, settled, strict=True)
    ]
    blocked = measure(figures(open_), "robust_pass@1>=.1")
    assert blocked.blocked
    assert "left 19 problems open" in blocked.reason


def test_names_hold_model_and_benchmark_where_there_are_several() -> None:
    second = [record(i, "clean", True, model="n") for i in range(20)]
    found = figures([*RUN, *second])
    gate, only = Gate.parse("pass@1>=.5"), Gate.parse("n/pass@1>=.5")
    wanted = [(gate, Rule.INTERVAL, m, "b") for m in "mn"]
    wanted += [(only, Rule.INTERVAL, "n", "b")] * 2
    names = [one.name for one in measure_all(found, wanted)]
    assert names == ["m/b:pass@1>=.5", "n/b:pass@1>=.5", "n/pass@1>=.5"]


def test_lines() -> None:
    found = figures([*RUN, record(98, "clean", None)])
    wanted = [
        (Gate.parse("pass@1>=.5"), Rule.INTERVAL, "m", "b"),
        (Gate.parse("pass@1>=.7"), Rule.INTERVAL, "m", "b"),
        (Gate.parse("drop>=.9"), Rule.POINT, "m", "b"),
    ]
    text = list(lines(measure_all(found, wanted)))
    assert text[0].startswith("passed     pass@1>=.5  0.750 [0.")
    assert text[1].strip() == "1 of its cases could not be judged"
    assert text[2].startswith("undecided  pass@1>=.7  0.750 [")
    assert text[5].endswith("(by its value)")
