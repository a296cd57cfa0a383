from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.attacks import BUILTIN
from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, apply, facts_of
from pytest_selfinvoke.attacks.presets import expand
from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash, dumps
from pytest_selfinvoke.core.records import Problem, Variant
from pytest_selfinvoke.core.registry import Registry
from tests.unit.attacks.samples import PLAIN, PRO

NEW = {"base": PRO.base and PRO.base.prompt, "target": "def other():\n"}


def line(problem: Problem = PRO, **values: Any) -> dict[str, Any]:
    found = {
        "benchmark": problem.benchmark,
        "problem": problem.id,
        "problem_hash": problem.hash,
        **values,
    }
    return {**found, "hash": content_hash(found)}


def attacked(path: Path, problem: Problem = PRO, seed: int = 0) -> Problem:
    registry: Registry[Attack] = Registry("attack", BUILTIN)
    [name] = expand([f"whitebox:{path}"], registry)
    assert facts_of(registry.get(name)).threat == "white-box"
    return apply(registry.get(name), problem, Variant(attack=name, seed=seed), seed=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "found.jsonl"


def write(path: Path, *lines: dict[str, Any]) -> None:
    path.write_text("".join(f"{dumps(one)}\n" for one in lines))


def test_the_prompts_of_the_file_are_used(path: Path) -> None:
    write(path, line(prompts=NEW), line(PLAIN, left_out="no prose"))
    problem = attacked(path)
    assert problem.target.prompt == "def other():\n"
    assert problem.base == PRO.base
    assert problem.target.tests == PRO.target.tests
    with pytest.raises(NotApplicableError, match=r"found.jsonl has nothing for"):
        attacked(path, PLAIN)


def test_the_seed_draws_among_several(path: Path) -> None:
    write(path, *(line(prompts={"target": f"def f{i}():\n"}) for i in range(9)))
    drawn = {attacked(path, seed=seed).target.prompt for seed in range(9)}
    assert len(drawn) > 2


def test_another_version_of_the_problem_is_not_attacked(path: Path) -> None:
    old = {**line(prompts=NEW), "problem_hash": "0"}
    del old["hash"]
    write(path, {**old, "hash": content_hash(old)})
    with pytest.raises(NotApplicableError, match="another version"):
        attacked(path)


def test_the_last_patch_is_used_on_what_it_was_not_trained_on(path: Path) -> None:
    train = [[PLAIN.benchmark, PLAIN.id]]
    steps = [{"patch": "value one", "train": train}, {"patch": "value two"}]
    steps[1]["train"] = train
    write(path, *({**step, "hash": content_hash(step)} for step in steps))
    assert attacked(path).target.prompt.endswith("    # value two\n")
    assert "value one" not in attacked(path).prompt
    with pytest.raises(NotApplicableError, match="was trained on this problem"):
        attacked(path, PLAIN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (dumps({**line(prompts=NEW), "problem": "x"}), "does not match its hash"),
        (dumps(line(other=1)), "expected 'prompts' or a 'patch'"),
        (dumps(line(left_out="no prose")), "holds nothing that a search has found"),
        ("{", "found.jsonl"),
    ],
)
def test_a_file_that_is_none_is_refused(path: Path, text: str, message: str) -> None:
    path.write_text(f"{text}\n")
    with pytest.raises(DataError, match=message):
        attacked(path)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(UserError, match=r"found\.jsonl"):
        attacked(path)
