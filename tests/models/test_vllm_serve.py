"""A real ``vllm serve``, where one is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.models.smollm2 import SmolLM2Kind
from pytest_selfinvoke.models.vllm import VllmEngine, VllmKind

pytest.importorskip("openai", reason="the extra openai is not installed")
COMMAND = os.environ.get("SELFINVOKE_VLLM") or shutil.which("vllm")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        COMMAND is None, reason="there is no command vllm, and no SELFINVOKE_VLLM"
    ),
]
QUESTION = "Write a Python function add(a, b) that returns the sum of a and b."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = os.environ.get("SELFINVOKE_CACHE") or str(tmp_path_factory.mktemp("c"))
    kind = SmolLM2Kind(environ={"SELFINVOKE_CACHE": cache})
    if not kind.folder.is_dir():
        pytest.importorskip("torch", reason="the extra hf is not installed")
        try:
            kind.load(ModelSpec(spec="smollm2", label="smollm2")).close()
        except UserError as error:
            pytest.skip(str(error))
    return kind.folder


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[VllmEngine]:
    options = {
        "executable": COMMAND,
        "dtype": "float32",
        "max_model_len": 1024,
        "max_num_seqs": 16,
        "enforce_eager": True,
        "start_timeout": 600,
    }
    asked = ModelSpec(spec=f"vllm:{folder}", label="v", options=options)
    made = VllmKind().load(asked)
    yield made
    made.close()


def texts(engine: VllmEngine, asked: list[Request]) -> list[str]:
    answers = engine.generate(asked)
    assert all(isinstance(answer, Completion) for answer in answers), answers
    return [answer.text for answer in answers if isinstance(answer, Completion)]


def test_it_writes_a_function(engine: VllmEngine, ask: Callable[..., Request]) -> None:
    chat = ask([("user", QUESTION)], max_new_tokens=120)
    begun = ask([("user", QUESTION), ("assistant", "```python\ndef add(a, b")])
    whole, rest = texts(engine, [chat, begun])
    assert "return a + b" in whole
    assert rest.startswith("):\n")


def test_answers_end_where_they_should(
    engine: VllmEngine, ask: Callable[..., Request]
) -> None:
    long, stopped = engine.generate(
        [ask("def add(a, b):\n", max_new_tokens=5), ask("1 2 3 4 ", stop=(" 7",))]
    )
    assert isinstance(long, Completion)
    assert (long.finish_reason, long.completion_tokens) == ("length", 5)
    assert isinstance(stopped, Completion)
    assert (stopped.text, stopped.finish_reason) == ("5 6", "stop")


def test_a_seed_decides_a_sampled_answer(
    engine: VllmEngine, ask: Callable[..., Request]
) -> None:
    # As large as the seeds of cases are; on the CPU torch uses their lower half.
    asked = [
        ask("def ", seed=(s << 40) + s, temperature=1.0, top_k=50) for s in (3, 3, 4, 5)
    ]
    answers = texts(engine, asked)
    assert answers[0] == answers[1]
    assert len(set(answers)) == 3


def test_info(engine: VllmEngine, folder: Path) -> None:
    info = engine.info
    assert (info.name, info.engine, info.precision) == (folder.name, "vllm", "float32")
    assert info.engine_version.startswith("vllm ")
    assert info.total_parameters == 134_515_008
    assert (info.architecture, info.chat_template) == ("dense", True)
