from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelInfo, ModelSpec, Sampling
from pytest_selfinvoke.generation.settings import CacheMode, StoreSettings
from pytest_selfinvoke.generation.shelf import Shelf
from pytest_selfinvoke.generation.store import CompletionStore
from pytest_selfinvoke.models.base import Request

Ask = Callable[..., Request]
Open = Callable[..., Shelf]
SPEC = ModelSpec(spec="hf:org/model", label="m")
INFO = ModelInfo(name="org/model", engine="hf", engine_version="5", revision="abc")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Open]:
    """Open a shelf of one file, as a session called ``run`` in a mode."""
    store = CompletionStore(tmp_path / "s")

    def make(
        mode: str = "read-write", run: str = "one", spec: ModelSpec = SPEC
    ) -> Shelf:
        settings = StoreSettings(path="s", mode=CacheMode(mode), run=run)
        return Shelf(store, settings, spec)

    yield make
    store.close()


def keep(shelf: Shelf, request: Request, text: str = "answer") -> None:
    shelf.bind(INFO)
    shelf.keep([(request, Completion(text=text))])


def test_another_session_finds_it_without_loading(shelf: Open, ask: Ask) -> None:
    keep(shelf(), ask("k"))
    later = shelf(run="two")
    assert later.find(ask("k")) is None, "the model is not known yet"
    assert later.info() == INFO
    found = later.find(ask("k"))
    assert found == Completion(text="answer", stored=True)


def test_what_this_session_made_counts_as_made(shelf: Open, ask: Ask) -> None:
    mine = shelf()
    keep(mine, ask("k"))
    assert mine.find(ask("k")) == Completion(text="answer", stored=False)


@pytest.mark.parametrize(
    "other",
    [
        {"text": "other"},
        {"seed": 1},
        {"stop": ("x",)},
        {"sampling": Sampling(temperature=0.5)},
        {"sampling": Sampling(max_new_tokens=5)},
        {"case": {"sample": 1}},
        {"case": {"attack": "clean.repeat", "family": "clean", "attack_seed": 0}},
    ],
)
def test_everything_that_can_change_a_completion_counts(
    shelf: Open, ask: Ask, other: dict[str, Any]
) -> None:
    mine = shelf()
    keep(mine, ask("k"))
    assert mine.find(ask("k", **other)) is None


def test_a_case_is_not_known_by_its_name(shelf: Open, ask: Ask) -> None:
    mine = shelf()
    keep(mine, ask("k", case={"attack": "docstring.a", "family": "docstring"}))
    assert mine.find(ask("another", case={"attack": "clean", "family": "clean"}))


def test_every_seed_of_a_control_is_a_repetition(shelf: Open, ask: Ask) -> None:
    def control(seed: int) -> Request:
        case = {"attack": "clean.repeat", "family": "clean", "attack_seed": seed}
        return ask("k", case=case)

    mine = shelf()
    keep(mine, control(0))
    assert mine.find(control(0)) is not None
    assert mine.find(control(1)) is None


@pytest.mark.parametrize(
    "fact",
    [
        {"revision": "def"},
        {"engine_version": "6"},
        {"precision": "bfloat16"},
        {"engine": "vllm"},
        {"device": "cuda"},
    ],
)
def test_another_model_has_other_completions(
    shelf: Open, ask: Ask, fact: dict[str, Any]
) -> None:
    mine = shelf()
    keep(mine, ask("k"))
    assert mine.bind(INFO) is True
    assert mine.bind(replace(INFO, **fact)) is False
    assert mine.find(ask("k")) is None


@pytest.mark.parametrize("options", [{"deterministic": True}, {"dtype": "bfloat16"}])
def test_options_make_another_model(
    shelf: Open, ask: Ask, options: dict[str, object]
) -> None:
    keep(shelf(), ask("k"))
    other = shelf(spec=replace(SPEC, options=options))
    assert other.info() is None
    other.bind(INFO)
    assert other.find(ask("k")) is None


def test_patience_does_not(shelf: Open, ask: Ask) -> None:
    keep(shelf(), ask("k"))
    patient = shelf(spec=replace(SPEC, options={"timeout": 5.0}))
    patient.bind(INFO)
    assert patient.find(ask("k")) is not None


def test_what_a_user_declares_is_in_the_info_only(shelf: Open, ask: Ask) -> None:
    keep(shelf(), ask("k"))
    declaring = shelf(spec=replace(SPEC, declared={"alignment": "sft"}))
    assert declaring.info() is None
    declaring.bind(replace(INFO, alignment="sft"))
    assert declaring.find(ask("k")) is not None


def test_files_behind_a_spec_make_another_model(
    shelf: Open, ask: Ask, tmp_path: Path
) -> None:
    weights = tmp_path / "w.gguf"
    weights.write_bytes(b"1")
    spec = ModelSpec(spec=f"gguf:{weights}", label="m")
    shelf(spec=spec).bind(replace(INFO, revision=None))
    assert shelf(spec=spec).info() is not None
    weights.write_bytes(b"22")
    assert shelf(spec=spec).info() is None


def test_refresh_finds_what_this_session_made_and_nothing_else(
    shelf: Open, ask: Ask
) -> None:
    keep(shelf(), ask("k"), "old")
    fresh = shelf("refresh", run="two")
    assert fresh.info() is None
    fresh.bind(INFO)
    assert fresh.find(ask("k")) is None
    fresh.keep([(ask("k"), Completion(text="new"))])
    # As after the death of the server that made it.
    again = shelf("refresh", run="two")
    again.bind(INFO)
    assert again.find(ask("k")) == Completion(text="new")


def test_read_only_takes_what_another_machine_made(
    shelf: Open, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_selfinvoke.generation import identity

    keep(shelf(), ask("k"))
    monkeypatch.setattr(identity, "_version", lambda name: "other")
    assert shelf(run="two").info() is None
    judging = shelf("read-only", run="two")
    assert judging.info() == INFO
    assert judging.find(ask("k")) is not None
    assert judging.is_final
    assert "k: not in the store" in judging.missing(ask("k"))


def test_read_only_says_which_of_several_versions_it_took(
    shelf: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_selfinvoke.generation import identity

    for version in ("1", "2"):
        monkeypatch.setattr(identity, "_version", lambda name, v=version: v)
        shelf().bind(replace(INFO, engine_version=version))
    monkeypatch.setattr(identity, "_version", lambda name: None)
    info = shelf("read-only").info()
    assert info is not None
    assert info.engine_version == "2"
    assert info.notes == ("the newest of 2 versions in the store",)


def test_read_only_and_a_model_that_was_never_asked(shelf: Open) -> None:
    with pytest.raises(UserError, match=r"'hf:org/model' is not in the store"):
        shelf("read-only").info()
