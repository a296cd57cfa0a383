from __future__ import annotations

import random
from collections.abc import Iterable

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.views import HeatCell, ViewBuilder, Views

from .conftest import Make


def views(records: Iterable[Record], **nominal: str) -> Views:
    builder = ViewBuilder()
    for record in records:
        builder.add(record)
    return builder.views({f"a.{name}": of for name, of in nominal.items()})


def test_clean_and_attacked_are_matched_by_problem_and_sample(make: Make) -> None:
    found = views(
        [
            make("p1", "clean", True, sample=0),
            make("p1", "clean", False, sample=1),
            make("p1", "a.x", False, sample=0),
            make("p1", "a.x", True, sample=1),
            make("p2", "clean", True),
            make("p2", "a.x", True),
            make("p3", "clean", False),
            make("p3", "a.x", False),
        ]
    )
    assert found.effects == {
        "b::m::p1::a.x-seedNone-sample0": "broken",
        "b::m::p1::a.x-seedNone-sample1": "fixed",
    }


def test_what_was_not_judged_on_one_side_is_no_pair(make: Make) -> None:
    found = views(
        [
            make("p1", "clean", None),
            make("p1", "a.x", False),
            make("p2", "clean", True),
            make("p2", "a.x", None),
            make("p3", "a.x", True),
        ]
    )
    assert found.heat == ()
    assert found.survival == ()
    assert found.effects == {}


def test_an_attack_is_held_against_its_nominal_variant(make: Make) -> None:
    records = [
        make("p", "clean", False),
        make("p", "clean.half", True),
        make("p", "a.x", False),
        make("p", "a.y", True),
    ]
    found = views(records, x="clean.half")
    assert found.effects == {
        "b::m::p::a.x-seedNone-sample0": "broken",
        "b::m::p::a.y-seedNone-sample0": "fixed",
    }
    assert found.survival[0].attacks == ("a.x",)


def test_survival_takes_the_attack_that_breaks_most_first(make: Make) -> None:
    solved = {"a.weak": [1, 1, 1, 0], "b.strong": [0, 0, 1, 1], "c.none": [1, 1, 1, 1]}
    records = [make(f"p{i}", "clean", True) for i in range(4)]
    records.append(make("p4", "clean", False))
    records.append(make("p4", "b.strong", True))
    for attack, row in solved.items():
        records += [make(f"p{i}", attack, bool(s)) for i, s in enumerate(row)]
    found = views(records)
    [curve] = found.survival
    assert curve.attacks == ("b.strong", "a.weak", "c.none")
    assert curve.solved == (4, 2, 1, 1)


def test_one_seed_that_breaks_is_enough_to_fall(make: Make) -> None:
    found = views(
        [
            make("p", "clean", True),
            make("p", "a.x", True, seed=0),
            make("p", "a.x", False, seed=1),
        ]
    )
    assert found.survival[0].solved == (1, 0)
    assert found.heat[0].cells == {("p", "a.x"): HeatCell(1, 2)}


def test_the_heat_map_counts_over_models_what_was_solved_clean(make: Make) -> None:
    found = views(
        [
            make("p1", "clean", True, model="m1"),
            make("p1", "clean", True, model="m2"),
            make("p1", "a.x", False, model="m1"),
            make("p1", "a.x", True, model="m2"),
            make("p2", "clean", False, model="m1"),
            make("p2", "a.x", False, model="m1"),
            make("p1", "a.y", False, model="m1"),
        ]
    )
    [heat] = found.heat
    assert heat.problems == ("p1",)
    assert heat.row("p1") == [HeatCell(1, 2), HeatCell(1, 1)]
    assert heat.row("p2") == [None, None]


def test_a_second_clean_answer_is_a_control_and_no_attack(make: Make) -> None:
    found = views(
        [
            make("p", "clean", True),
            make("p", "clean.repeat", False),
            make("p", "a.x", True),
        ]
    )
    assert found.survival[0].attacks == ("a.x",)
    assert found.heat[0].attacks == ("a.x",)
    assert found.effects == {}


def test_the_later_of_two_records_of_a_case_counts(make: Make) -> None:
    found = views(
        [make("p", "clean", True), make("p", "a.x", False), make("p", "a.x", True)]
    )
    assert found.effects == {}


def test_nothing_depends_on_the_order_of_arrival(make: Make) -> None:
    rng = random.Random(1)
    records = [
        make(f"p{p}", attack, rng.random() < 0.6, model=model)
        for p in range(6)
        for attack in ("clean", "a.x", "a.y", "b.z")
        for model in ("m1", "m2")
    ]
    first = views(records)
    rng.shuffle(records)
    second = views(records)
    assert first == second


def test_no_records_no_views() -> None:
    assert views([]) == Views(survival=(), heat=(), effects={})
