from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.reports.views import HeatCell, ViewBuilder, Views, hardest

from .conftest import Make


def views(records: Iterable[Record]) -> Views:
    builder = ViewBuilder()
    for record in records:
        builder.add(record)
    return builder.views()


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
    [drop] = found.attacks
    assert (drop.both, drop.broken, drop.fixed, drop.neither) == (1, 1, 1, 1)
    assert drop.problems == 3
    # Of p1 half is solved either way: the mean is over problems.
    assert drop.clean == drop.attacked == pytest.approx(0.5)
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
    assert found.attacks == ()
    assert found.heat == ()
    [row] = found.comparisons
    assert (row.clean, row.attacked) == (1.0, 0.5)
    assert (row.units, row.everywhere_rate) == (0, None)


def test_families_hold_all_their_attacks(make: Make) -> None:
    found = views(
        [
            make("p", "clean", True),
            make("p", "a.x", False),
            make("p", "a.y", True),
            make("p", "b.z", True),
        ]
    )
    assert [(d.name, d.drop) for d in found.families] == [("a", 0.5), ("b", 0.0)]
    assert [d.name for d in hardest(found.attacks, 5)] == ["a.x"]


def test_the_interval_of_a_drop_holds_it_and_knows_that_pairs_are_alike(
    make: Make,
) -> None:
    def drop(attacked: list[bool]) -> tuple[float, float, float]:
        clean = [True] * 30 + [False] * 20
        records = [make(f"p{i}", "clean", solved) for i, solved in enumerate(clean)]
        records += [make(f"p{i}", "a.x", solved) for i, solved in enumerate(attacked)]
        [found] = views(records).attacks
        return found.drop, found.interval.low, found.interval.high

    alike = drop([True] * 24 + [False] * 26)
    unlike = drop([False] * 26 + [True] * 24)
    assert alike[0] == unlike[0] == pytest.approx(0.12)
    assert 0 < alike[1] < 0.12 < alike[2] < 0.3
    assert unlike[1] < -0.1
    assert unlike[2] - unlike[1] > 2 * (alike[2] - alike[1])


def test_newcombes_published_interval_for_paired_proportions(make: Make) -> None:
    # Newcombe 1998, Statistics in Medicine 17:2635, table II: 36 both, 12 and 2 one
    # only, 0 neither: method 10 gives 0.0569 to 0.3404. Its continuity correction is
    # for positive correlations only.
    cells = [(True, True)] * 36 + [(True, False)] * 12 + [(False, True)] * 2
    records = []
    for i, (clean, attacked) in enumerate(cells):
        records.append(make(f"p{i}", "clean", clean))
        records.append(make(f"p{i}", "a.x", attacked))
    [drop] = views(records).attacks
    assert drop.drop == pytest.approx(0.2)
    assert drop.interval.low == pytest.approx(0.0569, abs=0.0005)
    assert drop.interval.high == pytest.approx(0.3404, abs=0.0005)


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
    [row] = found.comparisons
    assert (row.everywhere, row.units) == (1, 5)


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
    assert heat.breaking("p1") == 2


def test_a_second_clean_answer_is_a_control_and_no_attack(make: Make) -> None:
    found = views(
        [
            make("p", "clean", True),
            make("p", "clean.repeat", False),
            make("p", "a.x", True),
        ]
    )
    assert [d.name for d in found.families] == ["a", "clean"]
    assert hardest(found.attacks, 5) == []
    assert found.survival[0].attacks == ("a.x",)
    assert found.heat[0].attacks == ("a.x",)
    assert found.comparisons[0].everywhere == 1
    assert found.effects == {}


def test_the_later_of_two_records_of_a_case_counts(make: Make) -> None:
    found = views(
        [make("p", "clean", True), make("p", "a.x", False), make("p", "a.x", True)]
    )
    assert found.attacks[0].broken == 0


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
    assert views([]).comparisons == ()
