from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pytest_selfinvoke.__main__ import main
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import ModelInfo
from pytest_selfinvoke.metrics.factorial import study
from pytest_selfinvoke.metrics.factors import Factors, design
from pytest_selfinvoke.reports.contents import contents
from pytest_selfinvoke.reports.html.cases import CaseList
from pytest_selfinvoke.reports.html.page import render
from pytest_selfinvoke.reports.markdown import markdown
from pytest_selfinvoke.reports.reading import Run
from pytest_selfinvoke.reports.study import has_levels, infos_of, required_study
from pytest_selfinvoke.reports.study_text import blocks_of, study_lines, verdict
from pytest_selfinvoke.suite import Suite, load_suite

Make: TypeAlias = Callable[..., Record]
Declared: TypeAlias = Mapping[str, Mapping[str, Any]]
N = 12
#: Solved under attack of those twelve that all solve clean.
UNDER = {"dense-base": 10, "dense-rlhf": 9, "moe-base": 10, "moe-rlhf": 2}
DECLARED: Declared = {
    name: dict(zip(("architecture", "alignment"), name.split("-"), strict=True))
    for name in UNDER
}


def records(make: Make, under: Mapping[str, int] = UNDER) -> Iterator[Record]:
    for name, solved in under.items():
        for i in range(N):
            for attack, holds in (
                ("clean", True),
                ("clean.repeat", True),
                ("docstring.a", i < solved),
            ):
                yield make(
                    f"p{i:02d}",
                    attack,
                    holds,
                    model=name,
                    completion={"text": f"{name} {i} {attack}"},
                    prompt_hash=f"{i} {attack}",
                )


def run_of(
    folder: Path,
    found: Iterator[Record],
    declared: Declared = DECLARED,
    *,
    infos: Mapping[str, ModelInfo] | None = None,
    benchmark: str = "hash",
) -> Run:
    """A run directory whose suite declares this."""
    folder.mkdir()
    lines = "".join(f"{record.to_line()}\n" for record in found)
    (folder / "records.jsonl").write_text(lines)
    manifest = {
        "finished": True,
        "plans": [
            {
                "models": [
                    {"label": name, "spec": f"toys:{name}", "declared": facts}
                    for name, facts in declared.items()
                ],
                "benchmarks": [{"name": "b", "hash": benchmark}],
            }
        ],
        "generation": {
            name: {"info": info.to_json()} for name, info in (infos or {}).items()
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return Run(folder)


def text(run: Run) -> str:
    return "\n".join(study_lines(blocks_of(run)))


def test_the_report_of_a_run(make: Make, tmp_path: Path) -> None:
    said = " ".join(text(run_of(tmp_path / "run", records(make))).split())
    assert "rlhf against base, moe minus dense" in said
    assert "decided: net drop 58.3 points larger" in said
    assert "moe-rlhf moe rlhf chat 100.0 16.7 0.0 +83.3" in said
    assert "problems -/+ 8/0, McNemar p=0.008" in said
    assert "parameters moe/dense not known" in said


def test_sentences_of_undecided_contrasts(make: Make, tmp_path: Path) -> None:
    under = {**UNDER, "moe-rlhf": 9}
    [found] = required_study([run_of(tmp_path / "run", records(make, under))]).studies
    [contrast] = found.of("interaction")
    assert verdict(contrast).endswith("no problem tells the models apart")
    dense, _ = found.of("alignment")
    needed = dense.drop.problems_for(0.03)
    assert verdict(dense) == (
        f"undecided: interval 0.0 to +33.3 points; {needed} problems would decide"
        " 3 points"
    )
    assert verdict(dense, 90).endswith("would have shown in 4 of 5 such studies")


def test_few_problems_that_differ(make: Make, tmp_path: Path) -> None:
    under = {**UNDER, "dense-rlhf": 5}
    [found] = required_study([run_of(tmp_path / "run", records(make, under))]).studies
    dense, _ = found.of("alignment")
    assert verdict(dense).endswith("only 5 problems differ, 6 are needed")


def test_markdown_and_html_have_it_too(make: Make, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", records(make))
    found = contents(run)
    shown = markdown(found)
    assert "### Effects on the drop on b" in shown
    assert "- rlhf against base, moe minus dense" in shown
    pytest.importorskip("matplotlib")
    page = render(found, CaseList()).decode()
    assert "<li>rlhf against base, moe minus dense" in page


def test_without_two_levels_there_is_no_study(make: Make, tmp_path: Path) -> None:
    one = {"dense-base": 10, "other": 8}
    declared = {"dense-base": DECLARED["dense-base"], "other": {}}
    run = run_of(tmp_path / "run", records(make, one), declared)
    assert contents(run).study == ()
    with pytest.raises(UserError, match=r"other \(alignment unknown, architecture"):
        required_study([run])


def test_detected_facts_come_before_declared_ones() -> None:
    info = ModelInfo(name="m", engine="hf", architecture="moe", experts=8)
    manifest = {
        "plans": [
            {
                "models": [
                    {"label": "a", "spec": "hf:a", "declared": {"alignment": "sft"}},
                    {"label": "b", "spec": "stub", "declared": {}},
                ]
            }
        ],
        "generation": {"a": {"info": info.to_json()}},
    }
    infos = infos_of(manifest)
    assert (infos["a"].architecture, infos["a"].alignment) == ("moe", "sft")
    assert infos["b"] == ModelInfo(name="stub", engine="stub")
    assert not has_levels(infos.values())


def test_a_declaration_that_contradicts_is_said_in_place_of_the_study(
    make: Make, tmp_path: Path
) -> None:
    infos = {"dense-base": ModelInfo(name="x", engine="hf", architecture="moe")}
    run = run_of(tmp_path / "run", records(make), infos=infos)
    said = " ".join(text(run).split())
    assert "No study x: architecture is declared as 'dense', but its checkpoint" in said


def test_shards_that_were_merged(make: Make, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", records(make))
    file = run.path / "manifest.json"
    manifest = json.loads(file.read_text())
    plans = manifest["plans"]
    merged = {"finished": True, "plans": plans, "merged": [manifest, manifest]}
    before = text(run)
    file.write_text(json.dumps(merged))
    assert text(Run(run.path)) == before


def test_runs_are_put_together(make: Make, tmp_path: Path) -> None:
    runs = [
        run_of(
            tmp_path / name,
            records(make, {name: solved}),
            {name: DECLARED[name]},
        )
        for name, solved in UNDER.items()
    ]
    [found] = required_study(runs).studies
    [contrast] = found.of("interaction")
    assert contrast.drop.estimate.value == pytest.approx(7 / 12)


def test_runs_that_do_not_go_together(make: Make, tmp_path: Path) -> None:
    one = run_of(tmp_path / "one", records(make))
    other = run_of(tmp_path / "other", records(make), benchmark="changed")
    with pytest.raises(UserError, match="b has other problems in other than in one"):
        required_study([one, other])
    infos = {"dense-base": ModelInfo(name="x", engine="hf", revision="1")}
    changed = run_of(tmp_path / "changed", records(make), infos=infos)
    with pytest.raises(UserError, match="dense-base is another one in changed"):
        required_study([one, changed])


def test_one_model_under_two_names(make: Make, tmp_path: Path) -> None:
    copied = {
        **DECLARED,
        "dense-sft": {"architecture": "dense", "alignment": "sft"},
    }
    again = [
        make(
            record.case["problem"],
            record.case["attack"],
            record.solved,
            model="dense-sft",
            completion=record.completion,
        )
        for record in records(make, {"dense-rlhf": 9})
    ]
    run = run_of(tmp_path / "run", iter([*records(make), *again]), copied)
    notes = required_study([run]).notes
    assert notes == (
        "dense-rlhf is left out: as dense-sft it has another level: rlhf and sft",
        "dense-sft is left out: it is dense-rlhf under another name (the same"
        " completions in all 36 cases)",
    )
    assert "Models left out" in text(run)


def test_one_checkpoint_under_two_names(make: Make, tmp_path: Path) -> None:
    infos = {
        name: ModelInfo(name=name, engine="hf", revision="sha256:12", **DECLARED[name])
        for name in ("moe-base", "moe-rlhf")
    }
    run = run_of(tmp_path / "run", records(make), infos=infos)
    found = required_study([run])
    assert "the same weights, sha256:12" in " ".join(found.notes)
    assert not found.studies[0].of("interaction")


def test_the_order_of_records_does_not_matter(make: Make, tmp_path: Path) -> None:
    one = run_of(tmp_path / "one", records(make))
    other = run_of(tmp_path / "other", reversed(list(records(make))))
    assert text(one) == text(other)


def test_the_command(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = run_of(tmp_path / "run", records(make))
    assert main(["study", str(run.path)]) == 0
    shown = capsys.readouterr().out
    assert "Effects on the drop on b" in shown
    file = tmp_path / "study.md"
    words = ["study", str(run.path), "--markdown", str(file), "--points", "50"]
    assert main(words) == 0
    assert capsys.readouterr().out == f"markdown: {file}\n"
    assert "- rlhf against base, moe minus dense" in file.read_text()
    assert main(["study", str(tmp_path / "nowhere")]) == 4
    assert "nowhere: no run directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("toys", {"alignment": 2, "architecture": 2, "interaction": 1}),
        # Three stages make three pairs of two levels; two dense sizes.
        ("olmo", {"alignment": 9, "architecture": 6, "interaction": 6}),
        ("qwen", {"alignment": 4, "architecture": 6, "interaction": 3}),
        ("deepseek", {"alignment": 1}),
    ],
)
def test_the_suites_of_the_example(name: str, expected: dict[str, int]) -> None:
    file = Path(__file__).parents[3] / "examples/study" / f"{name}.selfinvoke.toml"
    models = [
        Factors(model=spec.label, **dict(spec.declared))  # type: ignore[arg-type]
        for spec in load_suite(file, Suite()).models
    ]
    found = design(models)
    assert Counter(c.kind for c in found.comparisons) == expected
    assert not any(c.note for c in found.comparisons)
    views = {v for c in found.comparisons for v in c.matched}
    assert views == ({"active", "total"} if name in ("olmo", "qwen") else views)


def test_an_empty_study_is_a_study() -> None:
    found = study("b", [])
    assert (found.levels, found.contrasts, found.notes) == ((), (), ())
