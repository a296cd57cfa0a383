from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.metrics.routing import evenness
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.html.plots import panels
from pytest_selfinvoke.reports.html.routing import routing_plots
from pytest_selfinvoke.reports.markdown import markdown
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.routing import (
    LayerDrift,
    RoutingBuilder,
    RoutingSummary,
)
from pytest_selfinvoke.reports.routing_table import auc, millibits, routing_table
from pytest_selfinvoke.results.routing import RouteWriter

from .conftest import Make, MakeRun

EMPTY = RoutingSummary(
    model="m",
    benchmark="b",
    experts=4,
    prompts=0,
    tokens=0,
    duration_s=0.0,
    size_bytes=0,
    layers=(),
    attacks=(),
    drifting=(),
    predicts={},
    skipped=0,
)

#: The first token of an answer.
ANSWER = 77
#: Tokens, and the expert of each in the layers 0 and 2.
Prompts = Mapping[str, tuple[Sequence[int], Sequence[int], Sequence[int]]]


def summarise(
    run: Path, prompts: Prompts, records: Iterable[Record], **nominal: str
) -> RoutingSummary:
    with RouteWriter(run, "m") as writer:
        for prompt_hash, (tokens, first, second) in prompts.items():
            writer.add(
                prompt_hash,
                Routes(
                    tokens=array("I", tokens),
                    layers=(0, 2),
                    experts=4,
                    top_k=1,
                    chosen=array("H", [*first, *second]),
                    weights=bytes(4 * len(tokens)),
                    prompt_tokens=tokens.index(ANSWER)
                    if ANSWER in tokens
                    else len(tokens),
                    duration_s=0.25,
                ),
            )
    builder = RoutingBuilder()
    for record in records:
        builder.add(record)
    [found] = builder.summaries(run, {"clean": "clean", **nominal})
    return found


def test_drift_is_taken_between_a_variant_and_its_clean_prompt(
    tmp_path: Path, make: Make
) -> None:
    found = summarise(
        tmp_path,
        {
            "c": ([1, 2, 3, 4, ANSWER, 8], [0, 0, 1, 1, 3, 2], [0, 1, 2, 3, 1, 1]),
            # Another answer is no drift.
            "x": ([1, 9, 3, 4, ANSWER], [0, 0, 2, 2, 0], [0, 1, 2, 3, 2]),
        },
        [
            make("p", "clean", True, prompt_hash="c"),
            make("p", "a.x", False, prompt_hash="x"),
            # The same prompt again is no drift, and what has no verdict says nothing.
            make("p", "clean.repeat", False, prompt_hash="c"),
            make("p", "a.y", None, prompt_hash="x"),
        ],
    )
    first, last = found.layers
    assert (first.layer, last.layer) == (0, 2)
    assert first.load == (0.5, 0.5, 0, 0)
    assert (first.answer_load, last.answer_load) == ((0, 0, 0.5, 0.5), (0, 1, 0, 0))
    assert first.evenness == pytest.approx(0.5)
    assert last.evenness == pytest.approx(1)
    # Half of the choices moved from one expert to another.
    assert first.divergence == pytest.approx(0.5)
    assert (first.overlap, last.divergence, last.overlap) == (0, 0, 1)
    [attack] = found.attacks
    assert (attack.attack, attack.variants, attack.aligned) == ("a.x", 1, 2)
    assert attack.divergence == pytest.approx(0.25)
    assert attack.overlap == pytest.approx(0.5)
    moved = {(e.layer, e.expert, e.clean, e.attacked) for e in found.drifting[:2]}
    assert moved == {(0, 1, 0.5, 0.0), (0, 2, 0.0, 0.5)}
    assert (found.prompts, found.tokens, found.duration_s) == (2, 11, 0.5)
    assert found.skipped == 0


def test_a_text_whose_embeddings_moved_is_aligned_as_a_whole(
    tmp_path: Path, make: Make
) -> None:
    found = summarise(
        tmp_path,
        {
            "c": ([1, 2, 3, 4], [0, 0, 1, 1], [0, 1, 2, 3]),
            "x": ([1, 2, 3, 4], [0, 2, 1, 2], [0, 1, 2, 3]),
        },
        [
            make("p", "clean", True, prompt_hash="c"),
            make("p", "gradient.x", False, prompt_hash="x"),
        ],
    )
    [attack] = found.attacks
    assert (attack.aligned, attack.overlap) == (4, pytest.approx(0.75))


def test_a_prompt_that_was_not_read_is_counted(tmp_path: Path, make: Make) -> None:
    found = summarise(
        tmp_path,
        {"c": ([1], [0], [0])},
        [
            make("p", "clean", True, prompt_hash="c"),
            make("p", "a.x", False, prompt_hash="gone"),
        ],
    )
    assert (found.skipped, found.attacks) == (1, ())


def test_an_attack_is_held_against_its_nominal_variant(
    tmp_path: Path, make: Make
) -> None:
    found = summarise(
        tmp_path,
        {
            "c": ([1, 2], [0, 0], [0, 0]),
            "h": ([1, 3], [1, 1], [1, 1]),
            "x": ([1, 4], [1, 1], [1, 1]),
        },
        [
            make("p", "clean", True, prompt_hash="c"),
            make("p", "clean.half", True, prompt_hash="h", seed=3),
            make("p", "a.x", False, prompt_hash="x", seed=3),
        ],
        **{"a.x": "clean.half"},
    )
    # And what others are held against is no attack itself.
    assert {a.attack: a.divergence for a in found.attacks} == {"a.x": 0.0}


def planted(make: Make, *, telling: bool) -> tuple[Prompts, list[Record]]:
    """20 problems of 6 variants; with ``telling`` those that drift more fail."""
    rng = random.Random(5)
    prompts = {}
    records = []
    for problem in range(20):
        prompts[f"c{problem}"] = ([1] * 10, [0] * 10, [0] * 10)
        records.append(make(f"p{problem:02}", "clean", True, prompt_hash=f"c{problem}"))
        for seed in range(6):
            moved = rng.randrange(1, 9)
            chosen = [0] * (10 - moved) + [1] * moved
            prompts[f"x{problem}.{seed}"] = ([2] + [1] * 9, chosen, chosen)
            fails = moved > 4 if telling else rng.random() < 0.5
            name = f"x{problem}.{seed}"
            records.append(
                make(f"p{problem:02}", "a.x", not fails, prompt_hash=name, seed=seed)
            )
    return prompts, records


def test_drift_that_tells_failure_is_found(tmp_path: Path, make: Make) -> None:
    found = summarise(tmp_path, *planted(make, telling=True))
    for estimate in found.predicts.values():
        assert estimate.value == 1
        assert (estimate.low or 0) > 0.5
    assert auc(found.predicts["divergence"]).endswith("problems: yes")


def test_drift_that_tells_nothing_is_undecided(tmp_path: Path, make: Make) -> None:
    prompts, records = planted(make, telling=False)
    found = summarise(tmp_path, prompts, records)
    estimate = found.predicts["divergence"]
    assert (estimate.low or 1) < 0.5 < (estimate.high or 0)
    assert auc(estimate).endswith("undecided")
    random.Random(1).shuffle(records)
    assert summarise(tmp_path, prompts, records) == found


def test_problems_that_are_not_solved_clean_tell_nothing(
    tmp_path: Path, make: Make
) -> None:
    prompts, records = planted(make, telling=True)
    records = [
        make(
            r.case["problem"],
            r.case["attack"],
            r.solved and r.case["attack"] != "clean",
            seed=r.case["attack_seed"],
            prompt_hash=r.prompt_hash,
        )
        for r in records
    ]
    found = summarise(tmp_path, prompts, records)
    assert found.predicts["divergence"].value is None
    assert auc(found.predicts["divergence"]) == "no problem with both outcomes"


def test_lines_fit_a_terminal(tmp_path: Path, make: Make) -> None:
    lines = list(routing_table(summarise(tmp_path, *planted(make, telling=True))))
    assert lines[0].startswith("routing of m on b: 140 prompts, 1,400 tokens, 35.0 s,")
    assert max(map(len, lines)) <= 80
    assert any("a.x" in line and "120" in line for line in lines)


def test_a_run_without_attacks_says_what_to_ask_for(tmp_path: Path, make: Make) -> None:
    prompts = {"c": ([1, 1], [0, 1], [2, 3])}
    found = summarise(tmp_path, prompts, [make("p", "clean", True, prompt_hash="c")])
    lines = list(routing_table(found))
    assert "--attack=clean,quick" in lines[1]
    assert "0.50 to 0.50" in lines[2]


def test_plots_and_markdown_show_the_same_numbers(
    make: Make, make_run: MakeRun
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra html")
    prompts, records = planted(make, telling=True)
    run = make_run(records)
    summarise(run, prompts, records)
    found = contents(Run(run))
    [one] = found.routing
    plots = list(routing_plots("b0", "b", found.routing, {"m": 0}))
    assert [plot.id for plot in plots] == ["b0-drift-layers", "b0-load0"]
    for plot in plots:
        ElementTree.fromstring(plot.drawing)
        assert {len(row) for row in plot.rows} == {len(plot.headings)}
    shown = millibits(one.layers[0].divergence)
    assert plots[0].rows[0][:3] == ("m", "0", shown)
    assert auc(one.predicts["divergence"]) in plots[0].caption
    # All clean prompts use one expert of four.
    assert plots[1].rows[0] == (
        "0",
        "0.00",
        "0 (100.0 %), 1 (0.0 %), 2 (0.0 %), 3 (0.0 %)",
    )
    assert [panel.right[-1].id for panel in panels(found)] == ["b0-load0"]
    text = markdown(found)
    assert f"| a.x | 120 | {millibits(one.attacks[0].divergence)} |" in text
    assert auc(one.predicts["change"]) in text


def test_a_large_model_shows_the_layers_that_are_least_even() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra html")
    even, odd = (1 / 1024,) * 1024, (1.0, *[0.0] * 1023)
    layers = [
        LayerDrift(
            layer=i,
            load=load,
            answer_load=(),
            evenness=evenness(load),
            divergence=None,
            overlap=None,
        )
        for i, load in enumerate((even, odd, even, odd))
    ]
    large = replace(EMPTY, experts=1024, layers=tuple(layers))
    [plot] = routing_plots("b0", "b", [large], {"m": 0})
    assert "2 layers with evener loads are not shown" in plot.caption
    assert len(plot.rows) == 4
