from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, apply, facts_of
from pytest_selfinvoke.attacks.presets import expand
from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from tests.unit.attacks.samples import PLAIN, holds

PROBLEM = replace(PLAIN, id="HumanEval_007", benchmark="humaneval")
MARK = "# print('@@this is the line to split##')\n"


def record(**values: Any) -> dict[str, Any]:
    return {
        "task_id": "HumanEval/7",
        "prompt": PLAIN.target.prompt.replace("Count", "Cuont"),
        "entry_point": "near",
        "canonical_solution": PLAIN.target.solution,
        **values,
    }


def loaded(
    tmp_path: Path, *records: Any, name: str = "some_s0.jsonl"
) -> Registry[Attack]:
    path = tmp_path / name
    data = "".join(f"{json.dumps(r)}\n" for r in records).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    registry: Registry[Attack] = Registry("attack", {})
    expand([f"recode:{path}"], registry)
    return registry


def made(
    registry: Registry[Attack], problem: Problem = PROBLEM, name: str = "recode.some_s0"
) -> Problem:
    return apply(registry.get(name), problem, Variant(attack=name), seed=0)  # fmt: skip


@pytest.mark.parametrize("name", ["some_s0.jsonl", "some_s0.jsonl.gz"])
def test_a_file_is_an_attack_named_without_its_folder(
    tmp_path: Path, name: str
) -> None:
    registry = loaded(tmp_path, record(), name=name)
    changed = made(registry)
    assert "Cuont pairs" in changed.prompt
    assert holds(changed)
    found = facts_of(registry.get("recode.some_s0"))
    assert (found.threat, found.nominal, found.seeded) == ("natural", "clean", False)


def test_their_entry_point_is_used_in_the_tests(tmp_path: Path) -> None:
    prompt = PLAIN.target.prompt.replace("near(", "nearTo(")
    changed = made(loaded(tmp_path, record(prompt=prompt, entry_point="nearTo")))
    assert changed.target.tests == "assert nearTo([1, 2, 9], limit=3) == 1\n"
    assert holds(changed)


def test_a_half_solution_is_compared_with_the_unperturbed_half(tmp_path: Path) -> None:
    body = PLAIN.target.solution
    head, tail = body[: body.index("    extra")], body[body.index("    extra") :]
    partial = f"{PLAIN.target.prompt}{head}    {MARK}{tail}"
    prompt = PLAIN.target.prompt + head.replace("total", "VAR")
    registry = loaded(
        tmp_path,
        record(
            prompt=prompt,
            canonical_solution=tail.replace("total", "VAR"),
            partial=partial,
        ),
        record(
            task_id="HumanEval/8", partial=partial, prompt=PLAIN.target.prompt + head
        ),
        record(task_id="HumanEval/9", partial=None),
    )
    name = facts_of(registry.get("recode.some_s0")).nominal
    assert name == "recode.some_s0.nominal"
    assert holds(made(registry))
    nominal = made(registry, name=name)
    assert nominal.prompt == PLAIN.target.prompt + head
    assert holds(nominal)
    with pytest.raises(NotApplicableError, match="not perturbed"):
        made(registry, replace(PROBLEM, id="HumanEval_008"))
    other = replace(PROBLEM, id="HumanEval_009")
    assert made(registry, other, name) == other


@pytest.mark.parametrize(
    "problem",
    [replace(PROBLEM, id="HumanEval_008"), replace(PROBLEM, benchmark="mbpp")],
)
def test_problems_without_a_record_are_left(tmp_path: Path, problem: Problem) -> None:
    with pytest.raises(NotApplicableError, match="has no record of"):
        made(loaded(tmp_path, record()), problem)


def test_a_record_like_the_clean_prompt_is_not_perturbed(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="not perturbed"):
        made(loaded(tmp_path, record(prompt=PLAIN.target.prompt)))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "some_s0.jsonl: holds no records"),
        (
            [record(), record(prompt=None)],
            "some_s0.jsonl:2: field 'prompt': is missing",
        ),
        (
            [record(task_id="x")],
            "some_s0.jsonl:1: field 'task_id': expected KIND/NUMBER",
        ),
        ([1], "some_s0.jsonl:1: expected an object"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, records: list[Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        loaded(tmp_path, *records)
    assert str(caught.value) == message


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"\x1f\x8b rest")
    (tmp_path / "b.jsonl").write_text("{", encoding="utf-8")
    registry: Registry[Attack] = Registry("attack", {})
    for name, message in {
        "a.jsonl.gz": "cannot be read",
        "b.jsonl": "1: not JSON",
        "c.jsonl": "there is no such file",
    }.items():
        with pytest.raises(UserError, match=message):
            expand([f"recode:{tmp_path / name}"], registry)


DATA = os.environ.get("SELFINVOKE_DATA")


@pytest.mark.skipif(not DATA, reason="SELFINVOKE_DATA names no folder")
def test_the_released_files_are_known_with_their_inert_records() -> None:
    from pytest_selfinvoke.benchmarks.humaneval import HUMANEVAL

    folder = Path(DATA or "") / "recode"
    problems = HUMANEVAL.load(folder / "HumanEval.jsonl")
    for kind, inert in {"FuncRenameSynonymSub": 164, "new_lines": 31}.items():
        path = folder / "perturbed" / f"humaneval_{kind}_s0.jsonl.gz"
        registry: Registry[Attack] = Registry("attack", {})
        *_, name = expand([f"recode:{path}"], registry)
        count = 0
        for problem in problems:
            try:
                made(registry, problem, name)
            except NotApplicableError:
                count += 1
        assert count == inert
