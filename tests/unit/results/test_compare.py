from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.results.compare import Comparison, compare_runs
from pytest_selfinvoke.results.runs import Run, Seen


def seen(problem: str, solved: bool | None = True, **fields: str) -> Seen:
    attack = fields.pop("attack", "clean")
    one = Seen(
        id=f"b::m::{problem}::{attack}", model="m", benchmark="b", problem=problem,
        attack=attack, family=attack.partition(".")[0], attack_seed=None, sample=0,
        solved=solved, kind="solved" if solved else "wrong_answer",
        problem_hash=problem, prompt_hash=f"{problem} {attack}", template_hash="t",
    )  # fmt: skip
    return replace(one, **fields)  # type: ignore[arg-type]


def run(*cases: Seen, name: str = "now", **benchmarks: str) -> Run:
    return Run(name=name, cases=cases, benchmarks=benchmarks)


def compare(now: list[Seen], before: list[Seen]) -> Comparison:
    return compare_runs(run(*now), run(*before, name="then"))


def problems(comparison: Comparison, place: str) -> list[str]:
    found = getattr(comparison, place)
    return [getattr(one, "now", one).problem for one in found]


def test_every_case_is_in_one_list() -> None:
    found = compare(
        [
            seen("worse", solved=False),
            seen("better"),
            seen("same"),
            seen("other", problem_hash="x"),
            seen("reworded", template_hash="x", prompt_hash="x"),
            seen("redrawn", prompt_hash="x"),
            seen("lost", solved=None),
            seen("added"),
        ],
        [
            seen("worse"),
            seen("better", solved=False),
            seen("same"),
            seen("other"),
            seen("reworded"),
            seen("redrawn"),
            seen("lost"),
            seen("left"),
        ],
    )
    assert problems(found, "regressions") == ["worse"]
    assert problems(found, "improvements") == ["better"]
    assert problems(found, "same") == ["same"]
    assert {p.now.problem: p.reason for p in found.changed} == {
        "other": "problem",
        "reworded": "template",
        "redrawn": "prompt",
    }
    assert problems(found, "unjudged") == ["lost"]
    assert problems(found, "new") == ["added"]
    assert problems(found, "gone") == ["left"]
    assert len(found.paired) == 3


def test_of_two_records_of_a_case_the_judged_and_later_one_counts() -> None:
    again = [seen("p", solved=False), seen("p"), seen("p", solved=None)]
    assert problems(compare(again, [seen("p")]), "same") == ["p"]


def test_the_suite_file_is_no_part_of_a_case() -> None:
    found = compare([seen("p", id="s.toml::b::m::p::clean")], [seen("p")])
    assert problems(found, "same") == ["p"]


def test_variants_and_samples_are_cases_of_their_own() -> None:
    cases = [seen("p"), replace(seen("p"), sample=1), seen("p", attack="x.a")]
    cases.append(replace(seen("p", attack="x.a"), attack_seed=1))
    assert len(compare(cases, cases).same) == 4


def test_two_single_models_are_compared_with_each_other() -> None:
    found = compare([seen("p", model="tuned")], [seen("p")])
    assert problems(found, "same") == ["p"]
    assert found.notes == ("tuned is compared with m of the baseline",)


def test_models_are_matched_by_label() -> None:
    now = [seen("p", model="n", id="n"), seen("p")]
    found = compare(now, [seen("p"), seen("p", model="o")])
    assert [one.now.model for one in found.same] == ["m"]
    assert [one.model for one in found.new] == ["n"]
    assert [one.model for one in found.gone] == ["o"]


def test_no_model_in_common() -> None:
    with pytest.raises(UserError, match="then: a run of the models m, not of n, o"):
        compare([seen("p", model="n"), seen("p", model="o")], [seen("p")])


def test_another_benchmark_is_refused() -> None:
    with pytest.raises(UserError, match="then: a run of b, not of c"):
        compare([seen("p", benchmark="c")], [seen("p")])


def test_another_version_of_a_benchmark_is_refused() -> None:
    now, before = run(seen("p"), b="1" * 64), run(seen("p"), name="then", b="2" * 64)
    with pytest.raises(UserError, match=r"then: b .*hash 222222222222.*hash 1111111"):
        compare_runs(now, before)
    # One whose hash is not known is compared problem by problem.
    assert len(compare_runs(now, run(seen("p"), name="then")).same) == 1


def test_another_attack_of_one_name_is_refused() -> None:
    now = [seen(p, attack="x.a", prompt_hash="new" + p) for p in "pq"]
    before = [seen(p, attack="x.a") for p in "pq"]
    with pytest.raises(
        UserError, match=r"attack x\.a makes other prompts there \(hash"
    ):
        compare(now, before)
    # Where some prompts are the same it is one attack, and the others are listed.
    found = compare([now[0], before[1]], before)
    assert problems(found, "changed") == ["p"]
    # With another template nothing can be said of the attack.
    other = [replace(case, template_hash="u") for case in now]
    assert {pair.reason for pair in compare(other, before).changed} == {"template"}


def test_cases_without_a_prompt_are_not_judged() -> None:
    skipped = seen("p", solved=None, attack="x.a", prompt_hash="", template_hash="")
    assert problems(compare([skipped], [seen("p", attack="x.a")]), "unjudged") == ["p"]


def test_notes_of_the_readers_are_kept() -> None:
    now = Run(name="now", cases=(seen("p"),), notes=("a",))
    before = Run(name="then", cases=(seen("p"),), notes=("b",))
    assert compare_runs(now, before).notes == ("b", "a")
