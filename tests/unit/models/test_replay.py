from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import (
    CLEAN,
    Case,
    Completion,
    ModelSpec,
    Prompt,
    Sampling,
    Variant,
)
from pytest_selfinvoke.models.base import Failure, ModelKind, Request
from pytest_selfinvoke.models.replay import ReplayKind


def write(path: Path, *lines: dict[str, Any] | str) -> ModelSpec:
    file = path / "r.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return ModelSpec(spec=f"replay:{file}", label="r")


def case(variant: Variant = CLEAN, **fields: Any) -> Case:
    values: dict[str, Any] = {
        "benchmark": "bench",
        "problem": "p/1",
        "model": "r",
        "variant": variant,
        "style": "chat",
        "sample": 0,
        "seed": 0,
        "name": variant.id,
    }
    return Case(**{**values, **fields})


def replayed(spec: ModelSpec, asked: Case) -> Completion | Failure:
    request = Request(
        key=asked.id,
        prompt=Prompt(style="chat"),
        sampling=Sampling(),
        case=asked.to_json(),
    )
    ReplayKind().preflight(spec)
    engine = ReplayKind().load(spec)
    [given] = engine.generate([request])
    engine.close()
    return given


def text(spec: ModelSpec, asked: Case) -> str:
    given = replayed(spec, asked)
    assert isinstance(given, Completion)
    return given.text


def test_completion_and_finish_reason_are_given_as_they_stand(tmp_path: Path) -> None:
    spec = write(
        tmp_path,
        {"problem": "p/1", "completion": "ü\ud800\n", "finish_reason": "length"},
        "",
        {"problem": "p/2", "completion": ""},
    )
    assert replayed(spec, case()) == Completion(
        text="ü\ud800\n", finish_reason="length"
    )
    assert replayed(spec, case(problem="p/2")) == Completion(text="")


ATTACKED = Variant(attack="docstring.typos", seed=3)
LINES: list[dict[str, Any]] = [
    {"problem": "p/1", "completion": "problem"},
    {"problem": "p/1", "sample": 0, "completion": "problem+sample"},
    {"problem": "p/1", "attack": "docstring.typos", "completion": "problem+attack"},
    {
        "problem": "p/1",
        "attack": "docstring.typos",
        "attack_seed": 3,
        "completion": "problem+attack+seed",
    },
    {
        "problem": "p/1",
        "attack": "docstring.typos",
        "attack_seed": 3,
        "sample": 0,
        "completion": "problem+attack+seed+sample",
    },
    {"case": case(ATTACKED).id, "completion": "case"},
]


@pytest.mark.parametrize("known", range(1, len(LINES) + 1))
@pytest.mark.parametrize("backwards", [False, True])
def test_the_most_specific_line_wins_in_any_order(
    tmp_path: Path, known: int, backwards: bool
) -> None:
    lines = LINES[:known]
    spec = write(tmp_path, *(reversed(lines) if backwards else lines))
    assert text(spec, case(ATTACKED)) == lines[-1]["completion"]


@pytest.mark.parametrize(
    "stated",
    [
        {"benchmark": "other"},
        {"model": "other"},
        {"attack": "clean", "attack_seed": 1},
        {"attack": "other"},
        {"sample": 1},
        {"problem": "p/2"},
        {"case": "bench::r::p/1"},
    ],
)
def test_a_line_that_states_something_else_does_not_answer(
    tmp_path: Path, stated: dict[str, Any]
) -> None:
    spec = write(tmp_path, {"problem": "p/1", **stated, "completion": "x"})
    given = replayed(spec, case())
    assert isinstance(given, Failure)
    assert given.reason.startswith("no completion for bench::r::p/1::clean in ")
    assert given.reason.endswith("r.jsonl")


def test_clean_is_an_attack_without_a_seed(tmp_path: Path) -> None:
    spec = write(
        tmp_path,
        {"problem": "p/1", "attack": "clean", "attack_seed": None, "completion": "c"},
    )
    assert text(spec, case()) == "c"


def test_a_line_may_repeat_but_not_contradict_another(tmp_path: Path) -> None:
    line = {"problem": "p/1", "completion": "x"}
    assert text(write(tmp_path, line, line), case()) == "x"
    spec = write(tmp_path, line, {**line, "completion": "y"})
    with pytest.raises(DataError, match=r"r.jsonl:2: field 'completion': an earlier"):
        ReplayKind().preflight(spec)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("\\xff", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", "not a JSON object"),
        ({"problem": "p"}, "field 'completion': is missing"),
        ({"completion": "c"}, "field 'case': give this or 'problem'"),
        ({"problem": "p", "completion": 1}, "field 'completion': expected a string"),
        ({"problem": 1, "completion": "c"}, "field 'problem': expected a string"),
        (
            {"problem": "p", "completion": "c", "sample": True},
            "field 'sample': expected an integer, got True",
        ),
        (
            {"problem": "p", "completion": "c", "sample": None},
            "field 'sample': expected an integer",
        ),
        (
            {"problem": "p", "completion": "c", "finish_reason": None},
            "field 'finish_reason': expected a string",
        ),
        (
            {"problem": "p", "completion": "c", "atack": "clean"},
            "field 'atack': unknown field; known: case, attack",
        ),
    ],
)
def test_broken_lines_are_named(
    tmp_path: Path, line: dict[str, Any] | str, problem: str
) -> None:
    good = {"problem": "p", "completion": "c"}
    with pytest.raises(DataError, match=rf"r.jsonl:2: {problem}"):
        ReplayKind().preflight(write(tmp_path, good, line))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(b'{"problem": "\xff"}\n')
    with pytest.raises(DataError, match=r"r.jsonl:1: not JSON"):
        ReplayKind().preflight(ModelSpec(spec=f"replay:{file}", label="r"))


@pytest.mark.parametrize(
    ("name", "problem"), [("gone.jsonl", "No such file"), ("", "Is a directory")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        ReplayKind().preflight(ModelSpec(spec=f"replay:{tmp_path / name}", label="r"))


def test_the_file_must_be_named() -> None:
    with pytest.raises(UserError, match=r"write replay:FILE.jsonl"):
        ReplayKind().preflight(ModelSpec(spec="replay", label="r"))


def test_the_file_is_the_revision(tmp_path: Path) -> None:
    one = ReplayKind().load(write(tmp_path, {"problem": "p", "completion": "1"}))
    two = ReplayKind().load(write(tmp_path, {"problem": "p", "completion": "2"}))
    assert one.info.name == "r.jsonl"
    assert one.info.revision != two.info.revision
    assert isinstance(ReplayKind(), ModelKind)
