from __future__ import annotations

import json
import logging
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.errors import GenerationError, MissingExtraError, UserError
from pytest_selfinvoke.core.records import Completion, ModelSpec, Sampling
from pytest_selfinvoke.models.base import Engine, Failure, ModelKind, Request
from pytest_selfinvoke.models.hf import HfKind
from pytest_selfinvoke.models.hf_engine import HfEngine

torch = pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

Ask = Callable[..., Request]
PROMPTS = [
    "def add(a, b):",
    "def first(items):\n    for item in",
    "x",
    "class Stack:\n    def push(self, value):\n        self.values",
    "write a function that sums the numbers of a list",
    "return",
    "def sums(the, numbers):\n    of = a\n    list",
    "é∑ 日本",
]


def spec(argument: Path | str, **options: Any) -> ModelSpec:
    return ModelSpec(spec=f"hf:{argument}", label="tiny", options=options)


def load(argument: Path | str, **options: Any) -> HfEngine:
    return HfKind(environ={}).load(spec(argument, **options))


@pytest.fixture(scope="module")
def dense(llama: Path) -> Iterator[HfEngine]:
    engine = load(llama)
    yield engine
    engine.close()


def texts(engine: Engine, requests: list[Request]) -> list[str]:
    answers = engine.generate(requests)
    assert all(isinstance(answer, Completion) for answer in answers), answers
    return [answer.text for answer in answers if isinstance(answer, Completion)]


def test_kind_keeps_the_protocol() -> None:
    assert isinstance(HfKind(), ModelKind)


@pytest.mark.parametrize("checkpoint", ["llama", "mixtral"])
@pytest.mark.parametrize(
    "sampling",
    [
        {},
        {"temperature": 1.0},
        {"temperature": 0.7, "top_p": 0.9, "top_k": 40},
    ],
    ids=["greedy", "sampled", "warped"],
)
def test_an_answer_does_not_depend_on_its_batch(
    checkpoint: str,
    sampling: dict[str, Any],
    request: pytest.FixtureRequest,
    ask: Ask,
) -> None:
    engine = load(request.getfixturevalue(checkpoint))
    asked = [ask(p, seed=i, **sampling) for i, p in enumerate(PROMPTS)]
    alone = [texts(engine, [one])[0] for one in asked]
    assert texts(engine, asked) == alone
    assert texts(engine, asked[::-1]) == alone[::-1]
    assert len(set(alone)) > 1


def forty(ask: Ask, **sampling: Any) -> list[Request]:
    """Forty prompts of many lengths, across the borders of buckets."""
    return [
        ask(f"{prompt} {'x ' * (7 * i % 45)}", seed=i, max_new_tokens=16, **sampling)
        for i in range(5)
        for prompt in PROMPTS
    ]


def under_schedules(engine: HfEngine, asked: list[Request]) -> list[list[str]]:
    """The answers to each request under three schedules."""
    order = list(range(len(asked)))
    random.Random(5).shuffle(order)
    shuffled = texts(engine, [asked[i] for i in order])
    return [
        [text for one in asked for text in texts(engine, [one])],
        texts(engine, asked),
        [shuffled[order.index(i)] for i in range(len(asked))],
    ]


@pytest.mark.parametrize("checkpoint", ["llama", "mixtral"])
@pytest.mark.parametrize(
    ("options", "sampling"),
    [
        ({"dtype": "fp32", "deterministic": True}, {}),
        ({"dtype": "bf16", "deterministic": True}, {}),
        ({"dtype": "bf16", "deterministic": True}, {"temperature": 0.8}),
        ({"dtype": "fp32"}, {"temperature": 0.8, "top_p": 0.9}),
    ],
    ids=["fp32", "bf16", "bf16-sampled", "fp32-sampled"],
)
def test_forty_prompts_under_three_schedules(
    checkpoint: str,
    options: dict[str, Any],
    sampling: dict[str, Any],
    request: pytest.FixtureRequest,
    ask: Ask,
) -> None:
    engine = load(request.getfixturevalue(checkpoint), **options)
    alone, sixteen, shuffled = under_schedules(engine, forty(ask, **sampling))
    assert sixteen == alone
    assert shuffled == alone
    assert len(set(alone)) > 20
    engine.close()


def test_fixed_shapes(llama: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = load(llama, dtype="bf16", deterministic=True, max_batch=4)
    original = engine._model.generate
    seen = []

    def watched(**kwargs: Any) -> Any:
        seen.append(tuple(kwargs["input_ids"].shape))
        return original(**kwargs)

    monkeypatch.setattr(engine._model, "generate", watched)
    asked = [ask("x " * n) for n in (1, 40, 2, 3, 41, 4, 5)]
    answers = engine.generate(asked)
    assert seen == [(4, 64), (4, 128), (4, 64)]
    assert [a.prompt_tokens for a in answers if isinstance(a, Completion)] == [
        2 * n for n in (1, 40, 2, 3, 41, 4, 5)
    ]

    def full(**kwargs: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine._model, "generate", full)
    with pytest.raises(
        GenerationError, match=r"4 rows of 64 tokens and up to 12 new ones: lower the"
    ):
        engine.generate(asked[:1])
    assert engine.max_batch == 4


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({}, "float32 on the CPU: completions were not seen to depend on the batch"),
        ({"deterministic": True}, "float32 on the CPU: completions were not seen"),
        ({"dtype": "bf16"}, "bfloat16, batches of up to 16 rows of any length: comp"),
        ({"dtype": "bf16", "deterministic": True}, "bfloat16, all batches of 16 rows"),
        ({"continuous": True}, "float32, continuous batching: completions may depend"),
    ],
)
def test_info_says_what_completions_depend_on(
    llama: Path, options: dict[str, Any], note: str
) -> None:
    assert load(llama, **options).info.notes[-1].startswith(note)


@pytest.mark.parametrize("checkpoint", ["llama", "mixtral"])
def test_continuous_batching(
    checkpoint: str,
    request: pytest.FixtureRequest,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = request.getfixturevalue(checkpoint)
    engine = load(folder, continuous=True)
    asked = [*map(ask, PROMPTS), ask("x", max_new_tokens=3), ask("x")]
    expected = texts(load(folder), asked)

    def static(*_: Any) -> Any:
        raise AssertionError("a static batch")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "_batch", static)
        answers = engine.generate(asked)
    assert [a.text for a in answers if isinstance(a, Completion)] == expected
    short = answers[-2]
    assert isinstance(short, Completion)
    assert (short.completion_tokens, short.finish_reason) == (3, "length")
    # What it cannot do goes through static batches.
    stopped = [ask("def add", stop=("q",)), ask("x", temperature=1.0, seed=3)]
    assert texts(engine, stopped) == texts(load(folder), stopped)
    engine.close()


def test_a_request_that_continuous_batching_loses_is_a_failure(
    llama: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(llama, continuous=True)
    original = engine._model.generate_batch

    def losing(prompts: list[list[int]], **kwargs: Any) -> Any:
        first, *others = original(prompts, **kwargs).items()
        first[1].error = "no room"
        return dict([first, *others[1:]])

    monkeypatch.setattr(engine._model, "generate_batch", losing)
    failed, lost, done = engine.generate([ask("a"), ask("b"), ask("c")])
    assert failed == Failure(reason="tiny-llama: no room")
    assert lost == Failure(reason="tiny-llama: no answer")
    assert isinstance(done, Completion)


def test_a_seed_decides_a_sampled_answer(dense: HfEngine, ask: Ask) -> None:
    same = [ask("def", seed=3, temperature=1.0)] * 2
    other = [ask("def", seed=s, temperature=1.0) for s in range(4, 8)]
    answers = texts(dense, same + other)
    assert answers[0] == answers[1]
    assert len(set(answers)) == 5


def test_a_mixed_batch_treats_each_request_alone(dense: HfEngine, ask: Ask) -> None:
    mixed = [
        ask("def add", max_new_tokens=3),
        ask("def add", temperature=0.9, seed=1, max_new_tokens=9),
        ask("def add", temperature=0.9, seed=1, max_new_tokens=9, top_k=2),
        ask("def add", max_new_tokens=20),
    ]
    assert texts(dense, mixed) == [texts(dense, [one])[0] for one in mixed]


def test_greedy_takes_the_likeliest_token(llama: Path, ask: Ask) -> None:
    engine = load(llama)
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForCausalLM.from_pretrained(llama)
    tokenizer = transformers.AutoTokenizer.from_pretrained(llama)
    tokens = tokenizer("def add")["input_ids"]
    start = len(tokens)
    for _ in range(12):
        with torch.no_grad():
            tokens.append(int(model(torch.tensor([tokens])).logits[0, -1].argmax()))
    assert texts(engine, [ask("def add")]) == [tokenizer.decode(tokens[start:])]


def test_defaults_of_the_checkpoint_do_not_leak(
    llama: Path, tmp_path: Path, ask: Ask, dense: HfEngine
) -> None:
    folder = shutil.copytree(llama, tmp_path / "warm")
    (folder / "generation_config.json").write_text(
        json.dumps(
            {
                "do_sample": True,
                "temperature": 3.0,
                "top_p": 0.5,
                "repetition_penalty": 9.0,
                "eos_token_id": [1],
            }
        )
    )
    asked = [ask(p) for p in PROMPTS]
    assert texts(load(folder), asked) == texts(dense, asked)


def test_answer_ends_at_a_stop_string(dense: HfEngine, ask: Ask) -> None:
    [whole] = texts(dense, [ask("def add", max_new_tokens=30)])
    stop = whole[5:8]
    before = whole[: whole.index(stop)]
    # The neighbour goes on, so the stopped row is padded.
    answers = dense.generate(
        [
            ask("def add", stop=("not there", stop), max_new_tokens=30),
            ask("x", max_new_tokens=30),
        ]
    )
    stopped, longer = answers
    assert isinstance(stopped, Completion)
    assert isinstance(longer, Completion)
    assert stopped.text == before
    assert stopped.finish_reason == "stop"
    assert stopped.completion_tokens is not None
    assert stopped.completion_tokens < 30
    assert longer.completion_tokens == 30


def test_answer_ends_at_an_end_token(llama: Path, tmp_path: Path, ask: Ask) -> None:
    [whole] = texts(load(llama), [ask("def add")])
    tokenizer = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(llama)
    tokens = tokenizer(whole)["input_ids"]
    end = next(t for t in tokens[2:] if t not in tokens[:2])
    folder = shutil.copytree(llama, tmp_path / "other")
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": [1, end]})
    )
    engine = load(folder)
    alone, _ = engine.generate([ask("def add"), ask("x")])
    assert isinstance(alone, Completion)
    assert alone.finish_reason == "stop"
    assert whole.startswith(alone.text)
    assert len(alone.text) < len(whole)
    assert alone.completion_tokens == 1 + tokens.index(end)


def test_answer_ends_at_its_length(dense: HfEngine, ask: Ask) -> None:
    short, long = dense.generate(
        [ask("def", max_new_tokens=2), ask("def", max_new_tokens=7)]
    )
    assert isinstance(short, Completion)
    assert isinstance(long, Completion)
    assert (short.finish_reason, short.completion_tokens) == ("length", 2)
    assert (long.finish_reason, long.completion_tokens) == ("length", 7)
    assert long.text.startswith(short.text)
    assert short.prompt_tokens == 1
    assert short.duration_s is not None
    assert short.duration_s > 0


def test_prompt_beyond_the_context_is_a_failure(dense: HfEngine, ask: Ask) -> None:
    long, short, empty = dense.generate([ask("x " * 200), ask("x"), ask("")])
    assert long == Failure(
        reason="prompt has 400 tokens, the model's context holds 128"
    )
    assert isinstance(short, Completion)
    assert empty == Failure(reason="the prompt is empty")


def test_a_prompt_that_is_no_text_is_a_failure(dense: HfEngine, ask: Ask) -> None:
    failed, done = dense.generate([ask("\ud800"), ask("x")])
    assert isinstance(failed, Failure)
    assert failed.reason.startswith("the prompt cannot be encoded: ")
    assert isinstance(done, Completion)


def test_answer_stops_where_the_context_ends(dense: HfEngine, ask: Ask) -> None:
    [answer] = dense.generate([ask("x " * 60, max_new_tokens=50)])
    assert isinstance(answer, Completion)
    assert (answer.prompt_tokens, answer.completion_tokens) == (120, 8)
    assert answer.finish_reason == "length"


def test_chat_goes_through_the_template(dense: HfEngine, ask: Ask) -> None:
    chat = ask([("user", "def add")])
    same = ask("<|im_start|>user\ndef add<|im_end|>\n<|im_start|>assistant\n")
    assert texts(dense, [chat]) == texts(dense, [same])
    begun = ask([("user", "def add"), ("assistant", "return a")])
    same = ask("<|im_start|>user\ndef add<|im_end|>\n<|im_start|>assistant\nreturn a")
    assert texts(dense, [begun]) == texts(dense, [same])


def test_chat_without_a_template_is_a_failure(
    make_checkpoint: Callable[..., Path], tmp_path: Path, ask: Ask
) -> None:
    engine = load(make_checkpoint(tmp_path / "base", "Llama", chat_template=None))
    assert engine.info.chat_template is False
    failed, done = engine.generate([ask([("user", "hello")]), ask("hello")])
    assert failed == Failure(
        reason="base has no chat template: use --prompt-style=completion"
    )
    assert isinstance(done, Completion)


def test_chat_that_the_template_refuses_is_a_failure(
    make_checkpoint: Callable[..., Path], tmp_path: Path, ask: Ask
) -> None:
    template = "{{ raise_exception('no system turns') }}"
    engine = load(make_checkpoint(tmp_path / "m", "Llama", chat_template=template))
    [failed] = engine.generate([ask([("system", "be good"), ("user", "hello")])])
    assert isinstance(failed, Failure)
    assert "no system turns" in failed.reason


def test_info_of_a_dense_model(dense: HfEngine) -> None:
    info = dense.info
    assert (info.name, info.engine) == ("tiny-llama", "hf")
    assert info.architecture == "dense"
    assert info.total_parameters == info.active_parameters
    assert (info.precision, info.device) == ("float32", "cpu")
    assert info.chat_template is True
    assert "torch" in info.engine_version
    assert info.alignment is None
    assert info.revision is not None
    assert info.revision.startswith("sha256:")


def test_revision_of_a_folder_is_its_content(llama: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(llama, tmp_path / "copy")
    before = load(llama).info.revision
    assert load(copy).info.revision == before
    safetensors = pytest.importorskip("safetensors.torch")
    weights = safetensors.load_file(copy / "model.safetensors")
    weights["model.norm.weight"][0] += 0.5
    safetensors.save_file(
        weights, copy / "model.safetensors", metadata={"format": "pt"}
    )
    assert load(copy).info.revision != before


def test_info_of_a_mixture_and_what_is_declared(mixtral: Path) -> None:
    declared = {"alignment": "rlhf", "family": "tiny"}
    info = HfKind(environ={}).load(replace(spec(mixtral), declared=declared)).info
    assert (info.architecture, info.experts, info.top_k) == ("moe", 4, 2)
    # Two layers, three matrices of 32 x 30 in each expert, two of four not visited.
    assert info.total_parameters is not None
    assert info.active_parameters == info.total_parameters - 2 * 2 * 3 * 32 * 30
    assert (info.alignment, info.family) == ("rlhf", "tiny")


def test_memory_that_runs_out_halves_the_batch(
    llama: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(llama)
    original = engine._model.generate
    seen = []

    def tight(**kwargs: Any) -> Any:
        seen.append(len(kwargs["input_ids"]))
        if seen[-1] > 2 or kwargs["input_ids"].shape[1] > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(**kwargs)

    monkeypatch.setattr(engine._model, "generate", tight)
    asked = [ask(p) for p in PROMPTS[:6]]
    assert texts(engine, asked) == texts(load(llama), asked)
    assert seen[:2] == [6, 3]
    assert engine.max_batch == 1
    [failed] = engine.generate([ask("x " * 30)])
    assert isinstance(failed, Failure)
    assert failed.reason.startswith("out of memory with one prompt of 60 tokens")


def test_a_broken_model_is_one_line(
    llama: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(llama)

    def broken(**kwargs: Any) -> Any:
        raise RuntimeError("device-side assert\nmany lines")

    monkeypatch.setattr(engine._model, "generate", broken)
    with pytest.raises(GenerationError, match=r"device-side assert$"):
        engine.generate([ask("x")])


def test_nothing_is_logged(
    mixtral: Path, tmp_path: Path, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    folder = shutil.copytree(mixtral, tmp_path / "m")
    # transformers complains of a temperature where nothing is sampled.
    (folder / "generation_config.json").write_text('{"temperature": 3.0}')
    # Its loggers do not propagate to the root.
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        load(folder).generate([ask("x " * 60), ask("def add", temperature=0.5)])
    finally:
        logger.removeHandler(caplog.handler)
    assert not caplog.records


def test_batches_are_no_larger_than_asked(
    llama: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(llama, max_batch=3)
    original = engine._model.generate
    seen = []

    def counting(**kwargs: Any) -> Any:
        seen.append(len(kwargs["input_ids"]))
        return original(**kwargs)

    monkeypatch.setattr(engine._model, "generate", counting)
    engine.generate([ask(p) for p in PROMPTS])
    assert seen == [3, 3, 2]
    assert engine.max_batch == 3


def test_threads_come_from_the_environment(llama: Path) -> None:
    HfKind(environ={"OMP_NUM_THREADS": "2"}).load(spec(llama))
    assert torch.get_num_threads() == 2
    HfKind(environ={}).load(spec(llama))
    assert torch.get_num_threads() == 1
    with pytest.raises(UserError, match="OMP_NUM_THREADS='many'"):
        HfKind(environ={"OMP_NUM_THREADS": "many"}).load(spec(llama))


def test_preflight_accepts_a_checkpoint(llama: Path) -> None:
    HfKind().preflight(spec(llama, dtype="bf16", max_batch=4))
    HfKind().preflight(spec("organisation/Model-1.5B"))
    HfKind().preflight(spec("gpt2"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtyp": "fp32"}, "did you mean 'dtype'"),
        ({"dtype": "int3"}, "'int3' is none of"),
        ({"max_batch": "8"}, "expected int, got '8'"),
        ({"max_batch": 0}, "must be above 0"),
        ({"trust_remote_code": 1}, "expected bool"),
        ({"deterministic": True, "continuous": True}, "choose one"),
    ],
)
def test_preflight_refuses_options(
    llama: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        HfKind().preflight(spec(llama, **options))


def test_preflight_refuses_names(tmp_path: Path) -> None:
    for argument, message in {
        "": "names no model",
        "./nowhere": "no such folder",
        "~/nowhere-at-all": "no such folder",
        str(tmp_path / "nothing"): "no such folder",
        "a/b/c": "ORGANISATION/NAME",
        "a b": "ORGANISATION/NAME",
    }.items():
        with pytest.raises(UserError, match=message):
            HfKind().preflight(spec(argument))


def test_preflight_names_the_missing_file(llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "m")
    (folder / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json is missing"):
        HfKind().preflight(spec(folder))
    (folder / "model.safetensors").rename(folder / "a.safetensors")
    (folder / "config.json").write_text("{}")
    index = folder / "model.safetensors.index.json"
    index.write_text(
        json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}})
    )
    with pytest.raises(UserError, match=r"1 of 2 .* first b\.safetensors"):
        HfKind().preflight(spec(folder))
    (folder / "a.safetensors").unlink()
    with pytest.raises(UserError, match="holds no weights"):
        HfKind().preflight(spec(folder))


def test_preflight_names_the_extra(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pytest-selfinvoke\[hf\]"):
        HfKind().preflight(spec(llama))


def test_broken_weights_are_one_line(llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "m")
    (folder / "model.safetensors").write_bytes(b"version https://git-lfs\n")
    with pytest.raises(UserError, match=r"^hf:m: cannot be loaded: .*$"):
        load(folder)


def test_missing_weights_are_not_made_up(llama: Path, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    folder = shutil.copytree(llama, tmp_path / "m")
    weights = safetensors.load_file(folder / "model.safetensors")
    del weights["model.norm.weight"]
    safetensors.save_file(
        weights, folder / "model.safetensors", metadata={"format": "pt"}
    )
    with pytest.raises(UserError, match=r"1 weights .* first model\.norm\.weight"):
        load(folder)


def test_hub_that_cannot_be_reached_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"^hf:no/such-model: the hub cannot be .*$"):
        load("no/such-model")


def test_sampling_follows_the_softmax() -> None:
    from pytest_selfinvoke.models.decoding import RowSampler

    draws, logits = 4000, torch.log(torch.tensor([0.3, 0.5, 0.15, 0.05]))
    for sampling, expected in (
        (Sampling(temperature=1.0), [0.3, 0.5, 0.15, 0.05]),
        (Sampling(temperature=1.0, top_k=2), [0.375, 0.625, 0, 0]),
        (Sampling(temperature=1.0, top_p=0.9), [0.316, 0.526, 0.158, 0]),
        (Sampling(temperature=1.0, top_p=0.0), [0, 1, 0, 0]),
        (Sampling(temperature=0.5), [0.247, 0.685, 0.062, 0.007]),
    ):
        asked = [_sampled(sampling, seed) for seed in range(draws)]
        sampler = RowSampler(torch, asked, "cpu")
        scores = sampler(torch.zeros(draws, 1), logits.repeat(draws, 1))
        counts = torch.bincount(scores.argmax(-1), minlength=4) / draws
        assert counts.tolist() == pytest.approx(expected, abs=0.03)
        assert [c > 0 for c in counts] == [e > 0 for e in expected]


def _sampled(sampling: Sampling, seed: int) -> Request:
    from pytest_selfinvoke.core.records import Prompt

    prompt = Prompt(style="completion", text="x")
    return Request(key="", prompt=prompt, sampling=sampling, seed=seed)


def test_loading_needs_no_module_before(llama: Path) -> None:
    """The check in the controller must not import torch."""
    import subprocess

    code = (
        "import sys; from pytest_selfinvoke.models.hf import HfKind;"
        "from pytest_selfinvoke.core.records import ModelSpec;"
        f"HfKind().preflight(ModelSpec(spec={f'hf:{llama}'!r}, label='m'));"
        "assert not {'torch', 'transformers', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
