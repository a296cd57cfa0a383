from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_selfinvoke.core.records import Message, Prompt, Sampling
from pytest_selfinvoke.models.base import Request

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = [
    "def add(a, b):\n    return a + b\n",
    "def first(items):\n    for item in items:\n        return item\n",
    "class Stack:\n    def push(self, value):\n        self.values.append(value)\n",
    "user assistant system write a function that sums the numbers of a list",
]


def save_tokenizer(folder: Path, *, chat_template: str | None) -> int:
    """A byte-level BPE tokenizer with <|im_end|> as its end; returns its size."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    inner = tokenizers.Tokenizer(tokenizers.models.BPE())
    inner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(CORPUS, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token="<|im_end|>"
    )
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def save_checkpoint(
    folder: Path,
    family: str,
    *,
    chat_template: str | None = CHATML,
    seed: int = 0,
    **config: Any,
) -> Path:
    """A tiny random model of a family ("Llama", "Mixtral") with a tokenizer."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder, chat_template=chat_template)
    values = {
        "vocab_size": size,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        # Large weights: small ones make all tokens alike, and any fault invisible.
        "initializer_range": 0.4,
        "bos_token_id": None,
        "eos_token_id": 1,
        **config,
    }
    torch.manual_seed(seed)
    model = getattr(transformers, f"{family}ForCausalLM")(
        getattr(transformers, f"{family}Config")(**values)
    )
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("models") / "tiny-llama", "Llama")


@pytest.fixture(scope="session")
def mixtral(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # 30 is not a multiple of 4: the fused experts kernel would break on the CPU.
    return save_checkpoint(
        tmp_path_factory.mktemp("models") / "tiny-mixtral",
        "Mixtral",
        intermediate_size=30,
        num_local_experts=4,
        num_experts_per_tok=2,
        output_router_logits=True,
    )


@pytest.fixture(scope="session")
def make_checkpoint() -> Callable[..., Path]:
    return save_checkpoint


@pytest.fixture(scope="session")
def ask() -> Callable[..., Request]:
    """Makes requests: text is a completion prompt, a list of roles and texts a chat."""

    def make(
        prompt: str | list[tuple[str, str]],
        *,
        seed: int = 0,
        stop: tuple[str, ...] = (),
        **sampling: Any,
    ) -> Request:
        if isinstance(prompt, str):
            made = Prompt(style="completion", text=prompt, stop=stop)
        else:
            turns = tuple(Message(role=role, content=text) for role, text in prompt)
            made = Prompt(style="chat", messages=turns, stop=stop)
        return Request(
            key=str(prompt),
            prompt=made,
            sampling=Sampling(**{"max_new_tokens": 12, **sampling}),
            seed=seed,
        )

    return make
