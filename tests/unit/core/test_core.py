from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UnknownNameError, UserError
from pytest_selfinvoke.core.ids import padded, segment, unique
from pytest_selfinvoke.core.imports import check_installed, resolve
from pytest_selfinvoke.core.jsonio import content_hash, dumps, write_atomically
from pytest_selfinvoke.core.outcomes import Status, Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import (
    Case,
    Message,
    Part,
    Problem,
    Prompt,
    Variant,
)
from pytest_selfinvoke.core.registry import Registry
from pytest_selfinvoke.core.seeding import derive_rng, derive_seed

BASE = Part(entry_point="f", prompt="def f(x):\n", solution="    return x + 1\n")
TARGET = Part(
    entry_point="g",
    prompt="# twice\n\ndef g(x):\n",
    solution="    return f(f(x))\n\n",
    tests="assert g(1) == 3",
)
PROBLEM = Problem(id="p", benchmark="b", base=BASE, target=TARGET)


def test_a_reference_is_a_program_with_both_functions() -> None:
    names: dict[str, object] = {}
    exec(PROBLEM.reference, names)
    assert names["g"](1) == 3  # type: ignore[operator]
    assert PROBLEM.entry_points == ("f", "g")


def test_the_hash_of_a_problem_sees_every_field() -> None:
    other = Problem(id="p", benchmark="b", base=BASE, target=TARGET, tags=("x",))
    assert other.hash != PROBLEM.hash


@pytest.mark.parametrize("text", ["a b", "x::y", "k[1]", "/root/m", "", "é", "a=b@c"])
def test_segments_hold_nothing_that_breaks_an_id(text: str) -> None:
    cleaned = segment(text)
    assert cleaned
    assert not set(cleaned) & set(" :[]@=")
    assert not cleaned.startswith("/")


def test_labels_become_unique_in_order() -> None:
    assert unique(["a", "b", "a", "a-2", "a"]) == ["a", "b", "a-2", "a-2-2", "a-3"]
    assert padded("HumanEval", 7, 3) == "HumanEval_007"


def test_seeds_depend_on_names_alone() -> None:
    assert derive_seed(0, "a", 1) == 2567054096787269053
    assert derive_seed("ab", "c") != derive_seed("a", "bc")
    assert derive_rng(1, "x").random() == derive_rng(1, "x").random()


def test_an_unknown_name_suggests_the_nearest() -> None:
    registry: Registry[object] = Registry("attack", {"clean": "os:path"})
    with pytest.raises(UnknownNameError, match="did you mean 'clean'"):
        registry.get("claen")
    assert registry.get("clean") is resolve("os:path")


@pytest.mark.parametrize("name", ["a b", "x[1]", "", "a:b", "a,b"])
def test_names_that_cannot_stand_in_ids_are_refused(name: str) -> None:
    with pytest.raises(UserError):
        Registry[object]("attack", {}).add(name, object())


def test_a_name_is_registered_once() -> None:
    registry: Registry[object] = Registry("attack", {"clean": "os:path"})
    with pytest.raises(UserError, match="registered twice"):
        registry.add("clean", object())


@pytest.mark.parametrize("reference", ["nothing", "no_such_module_x:y", "os:nothing"])
def test_a_reference_that_leads_nowhere_says_so(reference: str) -> None:
    with pytest.raises(UserError, match=reference.split(":")[0]):
        resolve(reference)


def test_a_missing_extra_names_the_command() -> None:
    with pytest.raises(UserError, match=r"pip install 'pytest-selfinvoke\[hf\]'"):
        check_installed("no_such_module_x", extra="hf")


def test_data_errors_name_the_place() -> None:
    error = DataError("p.jsonl", "is empty", line=3, field="target.tests")
    assert str(error) == "p.jsonl:3: field 'target.tests': is empty"


def test_json_is_canonical_ascii() -> None:
    assert dumps({"b": 1, "a": "é\ud800"}) == '{"a":"\\u00e9\\ud800","b":1}'
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    write_atomically(file, b"old")
    with pytest.raises(TypeError):
        write_atomically(file, "new")  # type: ignore[arg-type]
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_prompts_survive_the_wire() -> None:
    prompt = Prompt(
        style="chat", messages=(Message(role="user", content="é"),), stop=("x",)
    )
    assert Prompt.from_json(json.loads(dumps(prompt.to_json()))) == prompt


def test_the_hash_of_a_prompt_sees_what_the_model_sees() -> None:
    one = Prompt(style="completion", text="a", stop=("x",))
    assert one.hash != Prompt(style="completion", text="a").hash
    assert one.hash == Prompt(style="other", text="a", stop=("x",), prefix="a").hash


def test_case_ids() -> None:
    case = Case(
        benchmark="mini",
        problem="p",
        model="m",
        variant=Variant(attack="docstring.x", seed=1),
        style="",
        sample=0,
        seed=0,
        name="docstring.x-seed1",
    )
    assert case.id == "mini::m::p::docstring.x-seed1"
    assert case.to_json()["family"] == "docstring"


def test_records_survive_the_wire_and_ignore_newer_keys() -> None:
    record = Record(
        case={"id": "x"},
        status=Status.FAILED,
        verdict=Verdict.EXCEPTION,
        execution={"exception": "KeyError"},
        prompt="\ud800",
    )
    data = json.loads(record.to_line())
    assert Record.from_json({**data, "later": 1}) == record
    assert record.failure_kind == "KeyError"
    assert record.judged
    assert not record.solved


def test_what_is_defined_can_be_looked_up_and_is_not_listed() -> None:
    registry: Registry[object] = Registry("attack", {"clean": "os:path"})
    registry.define("a@b=1+c", 1)
    registry.define("a@b=1+c", 2)
    assert "a@b=1+c" in registry
    assert registry.get("a@b=1+c") == 2
    assert list(registry) == ["clean"]


@pytest.mark.parametrize(
    ("name", "listed"), [("x", "a, b"), ("a.z", "a.x, a.y"), ("c.x", "a, b")]
)
def test_of_names_in_families_the_nearest_are_listed(name: str, listed: str) -> None:
    known = dict.fromkeys(("a.x", "a.y", "b"), "os:path")
    registry: Registry[object] = Registry("attack", known)
    with pytest.raises(UnknownNameError, match=f"known: {listed}; pytest --selfinvoke"):
        registry.check(name)
