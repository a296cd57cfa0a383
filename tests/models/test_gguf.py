from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import DataError, MissingExtraError, UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec
from pytest_selfinvoke.models.base import Failure, ModelKind, Request
from pytest_selfinvoke.models.gguf import GgufKind, HubFile, find_gguf
from pytest_selfinvoke.models.gguf_engine import GgufEngine, request_body
from pytest_selfinvoke.models.openai import OpenAiKind

Ask = Callable[..., Request]
QUESTIONS = [
    f"def {name}({arguments}):\n    "
    for name in ("add", "first", "longest", "reverse")
    for arguments in ("a, b", "items", "text, n=3")
]


def spec(argument: object, **options: Any) -> ModelSpec:
    return ModelSpec(spec=f"gguf:{argument}", label="m", options=options)


def test_kind_keeps_the_protocol() -> None:
    assert isinstance(GgufKind(), ModelKind)


def test_no_default_of_llama_is_left(ask: Ask) -> None:
    body = request_body(ask("x", temperature=0.5, seed=(5 << 40) + 7), caches=True)
    assert body["top_k"] == 0
    assert body["top_p"] == 1.0
    assert body["samplers"] == ["temperature", "top_k", "top_p"]
    assert 0 <= body["seed"] < 2**32 - 1
    assert request_body(ask("x", temperature=1, seed=2**32 - 1), caches=True)[
        "seed"
    ] != (2**32 - 1)
    greedy = request_body(ask("x", stop=("\n\n",)), caches=False)
    assert greedy == {
        "prompt": "x",
        "max_tokens": 12,
        "temperature": 0.0,
        "cache_prompt": False,
        "stop": ["\n\n"],
    }


def test_files_are_found(tmp_path: Path) -> None:
    first = tmp_path / "m-00001-of-00002.gguf"
    second = tmp_path / "m-00002-of-00002.gguf"
    first.write_bytes(b"")
    with pytest.raises(UserError, match=r"the part m-00002-of-00002\.gguf is missing"):
        find_gguf(str(first))
    second.write_bytes(b"")
    assert find_gguf(str(first)) == (first, second)
    assert find_gguf("org/name#folder/m-Q4_K_M.gguf") == HubFile(
        repository="org/name", file="folder/m-Q4_K_M.gguf"
    )
    for argument in ("", "nowhere.gguf", "org/name", "org/name#m.bin", str(tmp_path)):
        with pytest.raises(UserError, match="there is no such file; a file on the hub"):
            find_gguf(argument)


def test_hub_that_cannot_be_reached_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = find_gguf("no/such-model#m.gguf")
    assert isinstance(found, HubFile)
    with pytest.raises(
        UserError, match=r"^gguf:no/such-model#m\.gguf: the hub cannot be reached"
    ):
        found.download(None)


def test_preflight_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pytest-selfinvoke\[gguf\]"):
        GgufKind(environ={}).preflight(spec("smollm2"))


@pytest.fixture(scope="module")
def kind(tmp_path_factory: pytest.TempPathFactory) -> GgufKind:
    pytest.importorskip("xllamacpp", reason="the extra gguf is not installed")
    cache = os.environ.get("SELFINVOKE_CACHE") or str(tmp_path_factory.mktemp("c"))
    made = GgufKind(environ={"SELFINVOKE_CACHE": cache})
    try:
        made._smollm2()
    except UserError as error:
        pytest.skip(str(error))
    return made


@pytest.fixture(scope="module")
def weights(kind: GgufKind) -> Path:
    return kind._smollm2()


@pytest.fixture(scope="module")
def engine(kind: GgufKind) -> Iterator[GgufEngine]:
    made = kind.load(spec("smollm2", max_batch=4, context=1024))
    yield made
    made.close()


def texts(engine: GgufEngine, asked: list[Request]) -> list[str]:
    answers = engine.generate(asked)
    assert all(isinstance(answer, Completion) for answer in answers), answers
    return [answer.text for answer in answers if isinstance(answer, Completion)]


def test_preflight(weights: Path, kind: GgufKind, tmp_path: Path) -> None:
    kind.preflight(spec("smollm2"))
    kind.preflight(spec(weights, max_batch=2))
    with pytest.raises(UserError, match="did you mean 'context'"):
        kind.preflight(spec(weights, contex=3))
    with pytest.raises(UserError, match="'context' must be above 0"):
        kind.preflight(spec(weights, context=0))
    broken = tmp_path / "m.gguf"
    broken.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(DataError, match="is not a GGUF file, or damaged"):
        kind.preflight(spec(broken))


def test_weights_that_end_early_are_one_line(
    weights: Path, kind: GgufKind, tmp_path: Path
) -> None:
    broken = tmp_path / "m.gguf"
    shutil.copyfile(weights, broken)
    os.truncate(broken, 10_000_000)
    with pytest.raises(UserError, match=r"^gguf:m\.gguf: llama\.cpp cannot load it"):
        kind.load(spec(broken))


def test_it_writes_a_function(engine: GgufEngine, ask: Ask) -> None:
    question = "Write a Python function add(a, b) that returns the sum of a and b."
    [answer] = engine.generate([ask([("user", question)], max_new_tokens=120)])
    assert isinstance(answer, Completion)
    assert "```python\ndef add(" in answer.text
    assert "return a + b" in answer.text
    assert answer.finish_reason == "stop"
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 20
    assert answer.duration_s is not None


def test_a_begun_answer_is_continued(engine: GgufEngine, ask: Ask) -> None:
    question = "Write a Python function add(a, b) that returns the sum of a and b."
    begun = [("user", question), ("assistant", "```python\ndef add(a, b")]
    [text] = texts(engine, [ask(begun)])
    assert text.startswith("):\n")


def test_answers_end_where_they_should(engine: GgufEngine, ask: Ask) -> None:
    long, stopped = engine.generate(
        [ask("def add(a, b):\n", max_new_tokens=5), ask("1 2 3 4 ", stop=(" 7",))]
    )
    assert isinstance(long, Completion)
    assert (long.finish_reason, long.completion_tokens) == ("length", 5)
    assert isinstance(stopped, Completion)
    assert (stopped.text, stopped.finish_reason) == ("5 6", "stop")


def test_what_cannot_be_answered_is_one_line(engine: GgufEngine, ask: Ask) -> None:
    empty, long, broken, good = engine.generate(
        [ask(""), ask("x " * 3000), ask("\ud800"), ask("x")]
    )
    assert empty == Failure(reason="the prompt is empty")
    assert isinstance(long, Failure)
    assert "exceeds the available context size (1024 tokens)" in long.reason
    assert isinstance(broken, Failure)
    assert "surrogate" in broken.reason
    assert "\n" not in broken.reason
    assert isinstance(good, Completion)


def test_chat_without_a_template_is_a_failure(engine: GgufEngine, ask: Ask) -> None:
    bare = GgufEngine(
        None, replace(engine.info, chat_template=False), options=engine._options
    )
    [failed] = bare.generate([ask([("user", "hello")])])
    assert isinstance(failed, Failure)
    assert failed.reason.endswith("use --prompt-style=completion")
    bare.close()


def test_a_seed_decides_a_sampled_answer(engine: GgufEngine, ask: Ask) -> None:
    sampled = [ask("def ", seed=s, temperature=1.0) for s in (3, 3, 4, 5, 6)]
    answers = [texts(engine, [one])[0] for one in sampled]
    assert answers[0] == answers[1]
    assert len(set(answers)) >= 4


def test_info(engine: GgufEngine) -> None:
    info = engine.info
    assert info.name == "SmolLM2-135M-Instruct.Q4_1"
    assert (info.engine, info.architecture, info.precision) == ("gguf", "dense", "Q4_1")
    assert info.total_parameters == info.active_parameters == 134_515_008
    assert info.engine_version.startswith("xllamacpp 20")
    assert info.revision == "sha256:b179c9523d0e6a0f"
    assert (info.chat_template, info.alignment, info.device) == (True, "rlhf", "cpu")
    assert "completions of llama.cpp depend on that" in info.notes[0]
    assert engine.max_batch == 4


def test_info_of_a_file_holds_no_folder(weights: Path, kind: GgufKind) -> None:
    asked = replace(spec(weights, max_batch=1), declared={"alignment": "sft"})
    engine = kind.load(asked)
    assert engine.info.alignment == "sft"
    assert engine.info.revision is not None
    assert engine.info.revision.startswith("sampled:")
    assert str(weights.parent) not in str(engine.info.to_json())
    engine.close()


@pytest.mark.slow
def test_deterministic_answers_do_not_depend_on_the_order(
    kind: GgufKind, ask: Ask
) -> None:
    engine = kind.load(spec("smollm2", deterministic=True, context=1024))
    assert engine.max_batch == 1
    asked = [ask(question, max_new_tokens=24) for question in QUESTIONS]
    first = texts(engine, asked)
    assert texts(engine, asked[::-1]) == first[::-1]
    assert [texts(engine, [one])[0] for one in asked] == first
    assert len(set(first)) > 6
    engine.close()


def test_the_server_of_llama_cpp_through_openai(weights: Path, ask: Ask) -> None:
    pytest.importorskip("openai", reason="the extra openai is not installed")
    xllamacpp = pytest.importorskip("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx, params.n_parallel, params.verbosity = 2048, 2, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    asked = ModelSpec(spec=f"openai:{server.listening_address}/v1", label="m")
    kind = OpenAiKind(environ={})
    kind.preflight(asked)
    served = kind.load(asked)
    assert served.info.engine_version == "llamacpp"
    assert served.info.total_parameters == 134_515_008
    assert served.info.precision == "Q4_1"
    question = "Write a Python function add(a, b) that returns the sum of a and b."
    begun = ask([("user", question), ("assistant", "```python\ndef add(a, b")])
    rest, stopped, long = served.generate(
        [begun, ask("1 2 3 4 ", stop=(" 7",)), ask("x " * 3000)]
    )
    assert isinstance(rest, Completion)
    assert rest.text.startswith("):\n")
    assert isinstance(stopped, Completion)
    assert (stopped.text, stopped.finish_reason) == ("5 6", "stop")
    assert isinstance(long, Failure)
    assert "status 400: request (3001 tokens) exceeds" in long.reason
    served.close()
