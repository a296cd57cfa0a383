from __future__ import annotations

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.metrics.outcomes import NOT_RUN
from pytest_selfinvoke.reports.robustness import RobustnessBuilder, robustness_table


def record(
    problem: int, attack: str, seed: int | None, solved: bool | None, detail: str = ""
) -> Record:
    case = {
        "id": f"{problem}{attack}{seed}", "benchmark": "b", "model": "m",
        "problem": f"p{problem:03d}", "attack": attack, "attack_seed": seed, "sample": 0,
    }  # fmt: skip
    if solved is None:
        return Record(case=case, status=Status.SKIPPED, detail=detail)
    return Record(
        case=case,
        status=Status.PASSED if solved else Status.FAILED,
        verdict=Verdict.SOLVED if solved else Verdict.WRONG_ANSWER,
        prompt="a long text",
    )


def build(records: list[Record]) -> RobustnessBuilder:
    builder = RobustnessBuilder()
    for one in records:
        builder.add(one)
    return builder


def test_without_an_attack_there_is_no_table() -> None:
    records = [record(i, "clean", None, True) for i in range(20)]
    assert build(records).assessed({}) == ()
    records += [record(i, "clean.repeat", 0, True) for i in range(20)]
    assert build(records).assessed({}) == ()


def test_drop_flips_and_control() -> None:
    records = []
    for i in range(20):
        records.append(record(i, "clean", None, i < 10))
        records.append(record(i, "clean.repeat", 0, i < 9))
        # breaks five of the ten, and repairs one
        records.append(record(i, "docstring.a", 0, i < 5 or i == 15))
    [found] = build(records).assessed({})
    [attack] = found.assessment.attacks
    assert (attack.rp.value, attack.rd.value) == (0.3, 0.4)
    assert (attack.broken.value, attack.repaired.value) == (0.25, 0.05)
    assert attack.control is not None
    assert attack.control.value is not None
    assert round(attack.control.value, 6) == 0.1
    lines = list(robustness_table(found))
    assert lines[0] == "robustness of m on b, in %"
    assert lines[2].split()[:3] == ["docstring.a", "30.0", "40.0"]
    assert "25/5" in lines[2]
    assert lines[3].split()[:2] == ["clean.repeat", "45.0"]
    assert all(len(line) <= 80 for line in lines)


def test_few_problems_get_no_interval() -> None:
    records = [
        record(i, a, s, True)
        for i in range(3)
        for a, s in (("clean", None), ("x.y", 0))
    ]
    [found] = build(records).assessed({})
    assert "0.0 (too few: 3)" in list(robustness_table(found))[2]


def test_families_and_any_attack_have_rows() -> None:
    records = []
    for i in range(12):
        records.append(record(i, "clean", None, True))
        for number, attack in enumerate(("x.a", "x.b", "y.c")):
            records.append(record(i, attack, 0, i % 3 != number))
    lines = list(robustness_table(build(records).assessed({})[0]))
    names = [line[:33].strip() for line in lines[2:]]
    assert names == ["x.a", "x.b", "x: any of them", "y.c", "any attack"]
    assert lines[-1].split()[2] == "0.0"


def test_an_attack_is_compared_with_its_own_nominal() -> None:
    records = []
    for i in range(10):
        records.append(record(i, "clean", None, True))
        records.append(record(i, "clean.half", None, i < 5))
        records.append(record(i, "syntax.a", 0, i < 5))
    [found] = build(records).assessed({"syntax.a": "clean.half"})
    [attack] = found.assessment.attacks
    assert attack.rd.value == 0.0


def test_a_budget_gives_bounds() -> None:
    records = [record(i, "clean", None, True) for i in range(10)]
    for i in range(10):
        records.append(record(i, "x.a", 0, i < 6))
        left = f"{NOT_RUN} is spent"
        records.append(record(i, "x.b", 0, None, left))
    [found] = build(records).assessed({})
    assert found.bounds is not None
    assert (found.bounds.low, found.bounds.high, found.bounds.open) == (0.0, 0.6, 6)
    assert "between 0.0 and 60.0 %" in list(robustness_table(found))[-1]
