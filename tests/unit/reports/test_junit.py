from __future__ import annotations

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.reports.junit import metric_properties, model_properties
from pytest_selfinvoke.reports.robustness import RobustnessBuilder
from pytest_selfinvoke.reports.summary import summarise


def test_what_is_not_known_of_a_model_has_no_property() -> None:
    info = ModelInfo(name="m", engine="hf", architecture="moe", experts=64, top_k=8)
    assert model_properties({"a": info.to_json()}) == {
        "selfinvoke.engine[a]": "hf",
        "selfinvoke.architecture[a]": "moe",
        "selfinvoke.experts[a]": "64",
        "selfinvoke.top_k[a]": "8",
    }


def test_numbers_are_those_of_the_tables_and_unknown_ones_are_left_out() -> None:
    records = []
    for problem in range(10):
        for attack, solved in {
            "clean": True, "x.a": problem < 8, "x.b": problem >= 2, "y.c": None,
        }.items():  # fmt: skip
            case = {
                "id": f"{problem}{attack}", "model": "m", "benchmark": "b",
                "problem": str(problem), "attack": attack, "sample": 0,
                "attack_seed": None if attack == "clean" else 0,
            }  # fmt: skip
            verdict = Verdict.SOLVED if solved else Verdict.TIMEOUT
            records.append(
                Record(case=case, status=Status.SKIPPED, detail="inert variant")
                if solved is None
                else Record(case=case, status=Status.PASSED, verdict=verdict)
            )
    builder = RobustnessBuilder()
    for record in records:
        builder.add(record)
    found = metric_properties(summarise(records), builder.assessed({}))
    assert {k.removeprefix("selfinvoke."): v for k, v in found.items()} == {
        "pass@1[m,b,clean]": "1.0000",
        "pass@1[m,b,x.a]": "0.8000",
        "pass@1[m,b,x.b]": "0.8000",
        "robust_pass@1[m,b,x.a]": "0.8000",
        "drop[m,b,x.a]": "0.2000",
        "robust_pass@1[m,b,x.b]": "0.8000",
        "drop[m,b,x.b]": "0.2000",
        "robust_pass@1[m,b,x]": "0.6000",
        "drop[m,b,x]": "0.4000",
        "robust_pass@1[m,b,worst]": "0.6000",
        "drop[m,b,worst]": "0.4000",
    }
