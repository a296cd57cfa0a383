from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError, UserError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Problem
from pytest_selfinvoke.whitebox.file import SearchFile
from pytest_selfinvoke.whitebox.running import Outcome, search_patch, search_texts
from tests.unit.whitebox.fakes import PLAIN, PRO, Words, searcher

BARE = replace(
    PLAIN, id="bare", target=replace(PLAIN.target, prompt="def total(xs):\n")
)
MANY = [replace(problem, id=f"{i}") for i, problem in enumerate([PLAIN, PRO] * 3)]


def opened(path: Path, **search: str) -> SearchFile:
    file = SearchFile(path, search or {"model": "m"})
    file.open()
    return file


def texts(
    path: Path, problems: list[Problem], *, count: int = 1, model: Words | None = None
) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    search = searcher(model or Words(), "gcg", steps=2, width=3, top_k=2)
    file = opened(path)
    made = search_texts(problems, search, file, count=count, seed=0, show=said.append)
    return made, said


def patch(path: Path, *, steps: int, seed: int = 0) -> tuple[Outcome, list[str]]:
    said: list[str] = []
    search = searcher(Words(), "patch", steps=steps, width=8, top_k=2, words=3, train=2)
    made = search_patch(MANY, search, opened(path), seed=seed, show=said.append)
    return made, said


def test_each_problem_has_a_line_and_a_word_on_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "new" / "texts.jsonl"
    outcome, said = texts(path, [PLAIN, BARE, PRO], count=2)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["problem"], line["number"]) for line in lines] == [
        *(("p", 0), ("p", 1)),
        *(("bare", 0), ("bare", 1)),
        *(("q", 0), ("q", 1)),
    ]
    assert len(outcome.raised) == 4
    assert outcome.left_out == {"the prompt has no prose": 2}
    assert said[0].startswith("[1/6] p: loss 0.125 > ")
    assert " > zebra" in said[0].lower() or " > apple" in said[0]
    assert said[2] == "[3/6] bare: the prompt has no prose"
    assert lines[0]["search"] == {"model": "m"}
    assert lines[0]["prompts"]["target"] != PLAIN.target.prompt


def test_a_search_that_was_killed_goes_on_to_the_same_end(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    full, _ = texts(whole, MANY)
    lines = whole.read_bytes().splitlines(keepends=True)
    broken.write_bytes(b"".join(lines[:3]) + lines[3][:40])
    rest, said = texts(broken, MANY)
    assert broken.read_bytes() == whole.read_bytes()
    assert rest == full
    assert [line.split()[0] for line in said] == ["[4/6]", "[5/6]", "[6/6]"]


def test_what_the_model_cannot_hold_is_left_out(tmp_path: Path) -> None:
    outcome, _ = texts(tmp_path / "x", [PLAIN], model=Words(broken=True))
    assert outcome.left_out == {"out of memory": 1}


def test_a_patch_is_trained_on_some_and_measured_on_the_others(tmp_path: Path) -> None:
    outcome, said = patch(tmp_path / "patch", steps=6)
    lines = [json.loads(x) for x in (tmp_path / "patch").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(7))
    assert all(line["train"] == lines[0]["train"] for line in lines)
    assert len(lines[0]["train"]) == 2
    losses = [line["loss"] for line in lines]
    assert losses == sorted(losses)
    assert losses[-1] > losses[0]
    # Three words that cost 1 each, on four problems that the patch has not seen.
    assert outcome.raised == [3.0] * 4
    assert said[-1] == "patch: value zebra zebra zebra"


def test_a_patch_goes_on_from_its_last_step(tmp_path: Path) -> None:
    patch(tmp_path / "whole", steps=5)
    lines = (tmp_path / "whole").read_bytes().splitlines(keepends=True)
    (tmp_path / "broken").write_bytes(b"".join(lines[:3]))
    patch(tmp_path / "broken", steps=5)
    assert (tmp_path / "broken").read_bytes() == (tmp_path / "whole").read_bytes()


def test_another_search_is_not_mixed_in(tmp_path: Path) -> None:
    texts(tmp_path / "x", [PLAIN])
    with pytest.raises(UserError, match=r"another search \(its model differs\)"):
        opened(tmp_path / "x", model="other")


def test_the_file_of_something_else_is_not_mixed_in(tmp_path: Path) -> None:
    line = {"problem": "p"}
    whole = {**line, "hash": content_hash(line)}
    (tmp_path / "x").write_text(f"{json.dumps(whole)}\n")
    with pytest.raises(UserError, match="another search"):
        opened(tmp_path / "x")


@pytest.mark.parametrize("damage", ['{"a": 1}', "nothing", "[1]"])
def test_a_damaged_line_is_named(tmp_path: Path, damage: str) -> None:
    texts(tmp_path / "x", [PLAIN])
    with (tmp_path / "x").open("a") as stream:
        stream.write(f"{damage}\n")
    with pytest.raises(DataError, match="x:2: is damaged: remove the line"):
        opened(tmp_path / "x")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot write"):
        opened(tmp_path)
