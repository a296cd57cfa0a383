from __future__ import annotations

from typing import Any

import pytest

from pytest_selfinvoke.metrics.factors import Comparison, Factors, design


def model(name: str, **fields: Any) -> Factors:
    """``model("dense-base")``: the name says the levels."""
    architecture, alignment, *_ = name.split("-")
    return Factors(
        **{"architecture": architecture, "alignment": alignment, **fields},
        model=name,
    )


def pairs(*models: Factors, kind: str = "alignment") -> list[tuple[str, ...]]:
    return [names(c) for c in design(models).comparisons if c.kind == kind]


def names(comparison: Comparison) -> tuple[str, ...]:
    return tuple(factors.model for _, factors in comparison.terms)


FOUR = [
    model(f"{architecture}-{alignment}", family="f")
    for architecture in ("dense", "moe")
    for alignment in ("base", "rlhf")
]


def test_two_by_two() -> None:
    found = design(FOUR)
    assert [(c.kind, names(c)) for c in found.comparisons] == [
        ("alignment", ("dense-rlhf", "dense-base")),
        ("alignment", ("moe-rlhf", "moe-base")),
        ("architecture", ("moe-base", "dense-base")),
        ("architecture", ("moe-rlhf", "dense-rlhf")),
        ("interaction", ("moe-rlhf", "moe-base", "dense-rlhf", "dense-base")),
    ]
    assert [sign for sign, _ in found.comparisons[-1].terms] == [1, -1, -1, 1]
    assert found.notes == ()


def test_the_declared_base_decides() -> None:
    bases = [model("dense-base-1", family="f"), model("dense-base-2", family="f")]
    tuned = model("dense-rlhf", family="f", base="dense-base-2")
    assert pairs(*bases, tuned) == [("dense-rlhf", "dense-base-2")]
    by_alias = [bases[0], model("dense-base-3", aliases=frozenset({"org/base"}))]
    other = model("dense-rlhf", base="org/base")
    assert pairs(*by_alias, other) == [("dense-rlhf", "dense-base-3")]


def test_a_base_is_found_over_others() -> None:
    middle = model("dense-sft", base="dense-base")
    assert pairs(
        model("dense-base"), middle, model("dense-rlhf", base="dense-sft")
    ) == [
        ("dense-sft", "dense-base"),
        ("dense-rlhf", "dense-base"),
        ("dense-rlhf", "dense-sft"),
    ]


def test_bases_in_a_circle_come_to_an_end() -> None:
    circle = [
        model("dense-base", base="dense-rlhf"),
        model("dense-rlhf", base="dense-base"),
    ]
    assert pairs(*circle) == [("dense-rlhf", "dense-base")]


def test_families_are_not_mixed() -> None:
    models = [
        model(f"{architecture}-{alignment}-{family}", family=family)
        for family in "fg"
        for architecture in ("dense", "moe")
        for alignment in ("base", "rlhf")
    ]
    found = pairs(*models, kind="interaction")
    assert found == [
        tuple(
            f"{cell}-{f}"
            for cell in ("moe-rlhf", "moe-base", "dense-rlhf", "dense-base")
        )
        for f in "fg"
    ]
    across = [m for m in models if m.model[-1] == ("f" if "dense" in m.model else "g")]
    [interaction] = [c for c in design(across).comparisons if c.kind == "interaction"]
    assert "families differ" in interaction.note


@pytest.mark.parametrize(
    ("models", "note"),
    [
        ([model("dense-base"), model("dense-rlhf", base="else")], "made from else"),
        (
            [model("dense-base-1"), model("dense-base-2"), model("dense-rlhf")],
            "any of dense-base-1, dense-base-2: declare its base",
        ),
        ([*FOUR[:3]], "no model is rlhf and moe"),
        (
            [*FOUR, Factors(model="m", alignment="sft")],
            "its architecture is unknown, declare one of dense, moe",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(models: list[Factors], note: str) -> None:
    assert note in "; ".join(design(models).notes)


def test_matched_parameters() -> None:
    dense, moe = FOUR[0], FOUR[2]
    sized = [
        model(dense.model, family="f", active_parameters=10, total_parameters=10),
        model(moe.model, family="f", active_parameters=14, total_parameters=40),
    ]
    [found] = design(sized).comparisons
    assert (found.active, found.total, found.matched) == (1.4, 4.0, ("active",))
    [unknown] = design([dense, moe]).comparisons
    assert (unknown.active, unknown.matched) == (None, ())
