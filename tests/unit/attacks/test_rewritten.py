from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.attacks.base import Attack, NotApplicableError, apply, facts_of
from pytest_selfinvoke.attacks.paragraphs import paragraphs
from pytest_selfinvoke.attacks.presets import expand
from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.records import Variant
from pytest_selfinvoke.core.registry import Registry
from tests.unit.attacks.samples import PLAIN, PRO, holds

OTHER = {
    part: [f"Said otherwise, {n}." for n, _ in enumerate(paragraphs(source.prompt))]
    for part, source in (("base", PRO.base), ("target", PRO.target))
    if source is not None
}


def record(**values: Any) -> dict[str, Any]:
    return {
        "benchmark": PRO.benchmark,
        "problem": PRO.id,
        "problem_hash": PRO.hash,
        "paragraphs": OTHER,
        **values,
    }


def loaded(tmp_path: Path, *records: Any) -> Registry[Attack]:
    path = tmp_path / "some.jsonl"
    path.write_text("".join(f"{json.dumps(r)}\n" for r in records))
    registry: Registry[Attack] = Registry("attack", {})
    expand([f"rewritten:{path}"], registry)
    return registry


def made(registry: Registry[Attack], problem: Any = PRO, seed: int = 0) -> Any:
    name = "rewritten.some"
    return apply(registry.get(name), problem, Variant(attack=name, seed=seed), seed=0)


def test_the_prose_is_replaced_and_the_problem_still_holds(tmp_path: Path) -> None:
    changed = made(loaded(tmp_path, record()))
    assert changed.prompt.count("Said otherwise") == sum(map(len, OTHER.values())) > 0
    assert holds(changed)


def test_seeds_draw_among_the_rewritings(tmp_path: Path) -> None:
    texts = [
        {**OTHER, "target": [f"Text {n}."] * len(OTHER["target"])} for n in range(3)
    ]
    registry = loaded(tmp_path, *(record(paragraphs=text) for text in texts))
    assert len({made(registry, seed=seed).prompt for seed in range(20)}) == 3


def test_a_variable_is_renamed_where_code_is_given(tmp_path: Path) -> None:
    registry = loaded(tmp_path, record(paragraphs=None, variable="renamed_by_a_model"))
    assert facts_of(registry.get("rewritten.some")).nominal == "clean.half"
    changed = made(registry)
    assert "renamed_by_a_model" in changed.prompt
    assert holds(changed)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"problem": "another"}, "has no rewriting of"),
        ({"problem_hash": "0"}, "another version of"),
        ({"paragraphs": {"target": ["a", "b", "c", "d"]}}, "number of paragraphs"),
    ],
)
def test_what_does_not_fit_does_not_apply(
    tmp_path: Path, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NotApplicableError, match=reason):
        made(loaded(tmp_path, record(**values)))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"problem": 1}, "some.jsonl:1: field 'problem'"),
        ({"paragraphs": "text"}, "expected 'paragraphs' or a 'variable'"),
        ({"paragraphs": None, "variable": "not a name"}, "or a 'variable'"),
    ],
)
def test_broken_files_name_the_line(
    tmp_path: Path, values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DataError, match=reason):
        loaded(tmp_path, record(**values))


def test_an_empty_or_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no rewritings"):
        loaded(tmp_path)
    with pytest.raises(UserError, match="there is no such file"):
        expand([f"rewritten:{tmp_path}/no.jsonl"], Registry("attack", {}))


def test_other_problems_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(NotApplicableError, match="has no rewriting"):
        made(loaded(tmp_path, record()), PLAIN)
