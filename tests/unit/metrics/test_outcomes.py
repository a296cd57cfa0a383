from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import CLEAN, Case, Variant
from pytest_selfinvoke.metrics.outcomes import NOT_RUN, Outcomes

TYPO = Variant(attack="docstring.typo", seed=0)


def record(
    solved: bool | None,
    *,
    variant: Variant = CLEAN,
    problem: str = "p",
    sample: int = 0,
    model: str = "m",
) -> Record:
    case = Case(
        benchmark="b",
        problem=problem,
        model=model,
        variant=variant,
        style="chat",
        sample=sample,
        seed=0,
        name=variant.id,
    )
    if solved is None:
        return Record(case=case.to_json(), status=Status.SKIPPED, detail="inert")
    return Record(
        case=case.to_json(),
        status=Status.PASSED if solved else Status.FAILED,
        verdict=Verdict.SOLVED if solved else Verdict.WRONG_ANSWER,
    )


def test_records_become_a_table() -> None:
    found = Outcomes.from_records(
        [
            record(False, sample=1),
            record(True),
            record(True, variant=TYPO, sample=2),
            record(False, problem="q"),
        ]
    )
    assert found.solved == {
        CLEAN: {"p": (True, False), "q": (False,)},
        TYPO: {"p": (None, None, True)},
    }


def test_a_variant_that_does_not_apply_is_an_entry_without_a_sample() -> None:
    assert Outcomes.from_records([record(None)]).solved == {CLEAN: {"p": ()}}


def test_what_was_not_run_or_failed_is_no_entry() -> None:
    skipped = replace(record(None), detail=f"{NOT_RUN}: 3 variants of 3 are run")
    error = replace(record(None), status=Status.ERROR, detail="the server is down")
    assert Outcomes.from_records([skipped, error]).solved == {CLEAN: {}}


def test_the_last_judged_record_of_a_case_counts() -> None:
    found = Outcomes.from_records([record(False), record(True), record(None)])
    assert found.samples(CLEAN, "p") == (True,)


def test_models_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="several models"):
        Outcomes.from_records([record(True), record(True, model="other")])


def test_controls_and_nominal_variants_are_no_attacks() -> None:
    names = ["clean", "clean.repeat", "clean.half", "mine.nominal", "mine", "format.x"]
    found = Outcomes(
        solved={Variant(attack=name): {} for name in names},
        nominal={"mine": "mine.nominal", "format.x": "clean.half"},
    )
    assert found.attacks == ("mine", "format.x")
    assert found.families == ("mine", "format")


def test_one_nominal_variant_or_clean() -> None:
    found = Outcomes(solved={}, nominal={"syntax.a": "clean.half"})
    assert found.nominal_of(["syntax.a"]) == Variant(attack="clean.half")
    assert found.nominal_of(["syntax.a", "docstring.b"]) == CLEAN


def test_variants_come_by_attack_and_seed() -> None:
    names = [("b", 1), ("a", 10), ("a", 2), ("b", 0), ("c", 0)]
    table = Outcomes(solved={Variant(attack=a, seed=s): {} for a, s in names})
    found = [(v.attack, v.seed) for v in table.variants(["a", "b"])]
    assert found == [("a", 2), ("a", 10), ("b", 0), ("b", 1)]
