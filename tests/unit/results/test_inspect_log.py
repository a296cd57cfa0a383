from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import MissingExtraError, UserError
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.results.inspect_log import write_log


def record(problem: str, *, attack: str = "clean", **values: Any) -> Record:
    case = {
        "benchmark": "humaneval",
        "problem": problem,
        "model": "coder",
        "attack": attack,
        "family": attack.partition(".")[0],
        "attack_seed": None if attack == "clean" else 3,
        "style": "chat",
        "sample": values.pop("sample", 0),
        "seed": 0,
        "id": f"humaneval::coder::{problem}::{attack}",
    }
    found = Record(
        case=case,
        status=Status.PASSED,
        verdict=Verdict.SOLVED,
        prompt="[user]\nwrite \ud800",
        completion={"text": "answer", "finish_reason": "stop"},
        program="program",
        execution={"cpu_s": 0.1},
    )
    return replace(found, **values)


RECORDS = [
    record("HumanEval_000"),
    record("HumanEval_000", sample=1, verdict=Verdict.WRONG_ANSWER, detail="assert f"),
    record(
        "HumanEval_000",
        attack="docstring.typos",
        verdict=Verdict.NO_CODE,
        program=None,
        completion={"text": "I can", "finish_reason": "length"},
    ),
    record(
        "HumanEval_001", status=Status.ERROR, verdict=None, completion=None, detail="x"
    ),
    record("HumanEval_002", status=Status.SKIPPED, verdict=None, completion=None),
]


@pytest.fixture
def log(tmp_path: Path) -> Any:
    inspect_log = pytest.importorskip(
        "inspect_ai.log", reason="needs pip install 'pytest-selfinvoke[inspect]'"
    )
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"versions": {"pytest": "9.2.0"}}')
    assert write_log(RECORDS, manifest, tmp_path / "new" / "run.eval") == 4
    return inspect_log.read_eval_log(str(tmp_path / "new" / "run.eval"))


def test_inspect_reads_what_was_run(log: Any) -> None:
    assert (log.eval.task, log.eval.model, log.status) == (
        "humaneval",
        "coder",
        "success",
    )
    assert log.eval.packages == {"pytest": "9.2.0"}
    assert log.eval.config.epochs == 2
    assert log.eval.dataset.sample_ids == [
        "HumanEval_000::clean",
        "HumanEval_000::docstring.typos-seed3",
        "HumanEval_001::clean",
    ]
    assert log.eval.eval_id


def test_inspect_reads_samples_with_their_scores(log: Any) -> None:
    # Inspect reads them epoch by epoch.
    one, three, four, two = log.samples
    assert (one.id, one.epoch, two.epoch) == ("HumanEval_000::clean", 1, 2)
    assert one.scores["selfinvoke"].value == "C"
    assert one.scores["selfinvoke"].answer == "program"
    assert one.output.completion == "answer"
    assert one.input == "[user]\nwrite ?"
    assert one.metadata["task"] == "HumanEval/0"
    assert two.scores["selfinvoke"].value == "I"
    assert two.scores["selfinvoke"].explanation == "wrong_answer: assert f"
    assert two.scores["selfinvoke"].metadata["execution"] == {"cpu_s": 0.1}
    assert three.output.stop_reason == "max_tokens"
    assert three.metadata["attack"] == "docstring.typos"
    assert (four.scores, four.error.message) == (None, "x")


def test_inspect_reads_a_share_for_each_attack(log: Any) -> None:
    [score] = log.results.scores
    shares = {name: metric.value for name, metric in score.metrics.items()}
    assert shares == {"clean": 0.5, "docstring.typos": 0.0}
    assert (score.scored_samples, score.unscored_samples) == (3, 1)
    assert (log.results.total_samples, log.results.completed_samples) == (4, 3)


def test_the_file_must_be_new_and_one_that_inspect_reads(tmp_path: Path) -> None:
    pytest.importorskip(
        "inspect_ai.log", reason="needs pip install 'pytest-selfinvoke[inspect]'"
    )
    with pytest.raises(UserError, match=r"files that end in .eval or .json"):
        write_log(RECORDS, tmp_path / "none", tmp_path / "run.log")
    with pytest.raises(UserError, match="every case was skipped"):
        write_log(RECORDS[-1:], tmp_path / "none", tmp_path / "run.eval")
    (tmp_path / "run.eval").write_text("mine")
    with pytest.raises(UserError, match="exists: name a new file"):
        write_log(RECORDS, tmp_path / "none", tmp_path / "run.eval")


def test_without_inspect_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai.log", None)
    with pytest.raises(MissingExtraError, match=r"pytest-selfinvoke\[inspect\]"):
        write_log(RECORDS, tmp_path / "none", tmp_path / "run.eval")
