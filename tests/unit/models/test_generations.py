from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import ModelSpec
from pytest_selfinvoke.models.generations import ReplayOptions, read_recording
from pytest_selfinvoke.models.replay import ReplayKind


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


SAMPLES = lines(
    {"task_id": "HumanEval/0", "solution": "one", "_identifier": "ignored"},
    {"task_id": "HumanEval/1", "completion": "other"},
    {"task_id": "HumanEval/0", "solution": "two"},
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "samples.jsonl"


def found(file: Path, problem: str, *, sample: int = 0, **columns: Any) -> str | None:
    case = {"problem": problem, "sample": sample, "attack": "clean", "benchmark": "b"}
    options = columns.pop("options", None)
    completion = read_recording(file, options).find({**case, **columns})
    return None if completion is None else completion.text


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_samples_of_evalplus(file: Path, pack: Any) -> None:
    file.write_bytes(pack(SAMPLES))
    assert found(file, "HumanEval_000") == "one"
    assert found(file, "HumanEval_000", sample=1) == "two"
    assert found(file, "HumanEval_001") == "other"
    assert found(file, "HumanEval_001", sample=1) is None
    assert found(file, "HumanEval_000", attack="docstring.typos") is None


def test_results_of_codeeval_pro(file: Path) -> None:
    file.write_bytes(
        lines(
            {"task_id": 0, "completion": ["a", "b"]},
            {"task_id": 1, "completion": ["c"]},
        )
    )
    assert found(file, "HumanEvalPro_000", sample=1) == "b"
    assert found(file, "MbppPro_001") == "c"


def test_lists_of_bigcode(file: Path) -> None:
    file.write_text("\n" + json.dumps([["a", "b"], ["c"]], indent=1))
    assert found(file, "HumanEval_000", sample=1) == "b"
    assert found(file, "Mbpp_0012") == "c"
    options = ReplayOptions(start=20)
    assert found(file, "HumanEval_020", options=options) == "a"
    assert found(file, "HumanEval_000", options=options) is None


def test_an_order_of_tasks(file: Path, tmp_path: Path) -> None:
    file.write_text(json.dumps([["a"], ["b"]]))
    order = tmp_path / "order.txt"
    order.write_text("left_out\nlists_02\nlists_01\n")
    options = ReplayOptions(tasks=str(order), start=1)
    assert found(file, "lists_01", options=options) == "b"
    with pytest.raises(DataError, match=r"order.txt: names 3 tasks, but .* has 2"):
        read_recording(file, ReplayOptions(tasks=str(order)))
    with pytest.raises(UserError, match="'tasks': cannot read it"):
        read_recording(file, ReplayOptions(tasks=str(tmp_path / "gone")))


def test_attack_and_benchmark_can_be_stated(file: Path) -> None:
    file.write_bytes(SAMPLES)
    options = ReplayOptions(attack="docstring.typos", benchmark="b")
    attacked = {"attack": "docstring.typos", "attack_seed": 3, "options": options}
    assert found(file, "HumanEval_000", **attacked) == "one"
    assert found(file, "HumanEval_000", options=options) is None
    assert found(file, "HumanEval_000", **{**attacked, "benchmark": "c"}) is None


@pytest.mark.parametrize(
    ("content", "format", "problem"),
    [
        (b'{"task_id": 1.5, "solution": ""}', "auto", "1: field 'task_id': expected a"),
        (b'{"task_id": true, "solution": ""}', "auto", "1: field 'task_id': expected"),
        (b'{"task_id": "a"}', "auto", "1: field 'completion': expected a text"),
        (b'{"task_id": "a", "solution": [1]}', "auto", "1: field 'solution': expected"),
        (b'{"task_id": "a", "solution": ""}\n[', "auto", "2: not JSON"),
        (b'{"task_id": "a", "solution": ""}\n[]', "auto", "2: not a JSON object"),
        (b"[[", "auto", " not JSON"),
        (b'["a"]', "auto", " task 0: expected a list of programs"),
        (b'[["a"], [null]]', "auto", " task 1: expected a list of programs"),
        (b"{}", "bigcode", " expected a JSON list with a list"),
        (SAMPLES, "selfinvoke", "1: field 'task_id': unknown field"),
        (gzip.compress(SAMPLES)[:-12], "auto", " damaged gzip data"),
    ],
)
def test_broken_files_are_named(
    file: Path, content: bytes, format: str, problem: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"samples.jsonl:{problem}"):
        read_recording(file, ReplayOptions(format=format))


@pytest.mark.parametrize("option", [{"start": 1}, {"attack": "a"}, {"tasks": "x"}])
def test_our_own_lines_need_no_options(file: Path, option: dict[str, Any]) -> None:
    file.write_bytes(lines({"problem": "p", "completion": "c"}))
    with pytest.raises(UserError, match="lines of this format say it"):
        read_recording(file, ReplayOptions(**option))


def test_lists_do_not_begin_before_the_first_task(file: Path) -> None:
    file.write_text("[]")
    with pytest.raises(UserError, match="'start' must be 0 or above: -1"):
        read_recording(file, ReplayOptions(start=-1))


def spec(file: Path, options: str = "") -> ModelSpec:
    return ModelSpec(spec=f"replay:{file}{options}", label="r")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("@format=evalplsu", "unknown replay format 'evalplsu': did you mean 'evalplu"),
        ("@fromat=evalplus", "unknown replay option 'fromat': did you mean 'format'"),
        ("@start=two", "option 'start' of 'r': expected int, got 'two'"),
    ],
)
def test_options_of_the_spec_are_checked(
    file: Path, options: str, problem: str
) -> None:
    file.write_bytes(SAMPLES)
    with pytest.raises(UserError, match=problem):
        ReplayKind().preflight(spec(file, options))


def test_options_come_from_the_spec_or_the_suite_file(file: Path) -> None:
    file.write_text(json.dumps([["a"]]))
    case = {"id": "i", "problem": "HumanEval_003", "attack": "a@p=1", "sample": 0}
    problems = {"humaneval": ["HumanEval_003"]}
    named = spec(file, "@format=bigcode,start=3,attack=a@p=1")
    assert ReplayKind().check_cases(named, [case], problems) == []
    table = ModelSpec(
        spec=f"replay:{file}", label="r", options={"start": 3, "attack": "a@p=1"}
    )
    assert ReplayKind().check_cases(table, [case], problems) == []


def test_a_file_may_have_an_at_sign_in_its_name(tmp_path: Path) -> None:
    file = tmp_path / "x@format=y"
    file.write_bytes(SAMPLES)
    ReplayKind().preflight(spec(file))


def test_continuations_are_asked_as_such(file: Path) -> None:
    file.write_bytes(lines({"task_id": "a", "solution": "s"}))
    assert ReplayKind().load(spec(file)).info.chat_template is True
    file.write_bytes(SAMPLES)
    assert ReplayKind().load(spec(file)).info.chat_template is False


PROBLEMS = {"humaneval": ["HumanEval_000", "HumanEval_001", "HumanEval_002"]}


def case(problem: str) -> dict[str, Any]:
    return {"id": problem, "problem": problem, "attack": "clean", "sample": 0}


def test_missing_tasks_are_counted(file: Path) -> None:
    file.write_bytes(lines({"task_id": "HumanEval/1", "solution": "s"}))
    asked = [case(f"HumanEval_{number:03d}") for number in range(6)]
    asked.append({**asked[0], "sample": 1})
    assert ReplayKind().check_cases(spec(file), asked, PROBLEMS) == [
        "r: no completion for 6 of 7 cases, the first: "
        "HumanEval_000::clean, HumanEval_002::clean, HumanEval_003::clean"
    ]


def test_unknown_tasks_are_refused(file: Path) -> None:
    names = ["HumanEval/1", "HumanEval/3", "Mbpp/4", "x", "y"]
    file.write_bytes(lines(*({"task_id": n, "solution": ""} for n in names)))
    message = (
        r"samples.jsonl: 4 of 5 tasks are in no benchmark of this run, the first: "
        r"'HumanEval/3', 'Mbpp/4', 'x'; expected humaneval: HumanEval/0 to HumanEval/2"
    )
    with pytest.raises(DataError, match=message):
        ReplayKind().check_cases(spec(file), [], PROBLEMS)


def test_numbers_that_fit_two_benchmarks_need_a_name(file: Path) -> None:
    file.write_bytes(lines({"task_id": 0, "solution": "s"}))
    problems = {"humaneval-pro": ["HumanEvalPro_000"], "mbpp-pro": ["MbppPro_000"]}
    with pytest.raises(UserError, match="fits humaneval-pro and mbpp-pro: say which"):
        ReplayKind().check_cases(spec(file), [], problems)
    named = spec(file, "@benchmark=mbpp-pro")
    assert ReplayKind().check_cases(named, [], problems) == []
