"""The shapes of batches: what a completion may depend on beside its prompt.

Measured with SmolLM2-135M on a CPU, greedy, 40 prompts: in fp32 no completion changed
with batch size or order; in bf16 8 to 11 changed between batches of 1 and of 16, and
none in batches of one fixed shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.models.checkpoint import HfOptions
from pytest_selfinvoke.models.perturbing import Moved

#: Fixed shapes: prompts are padded to a multiple of this many tokens.
BUCKET_TOKENS = 64
#: Continuous batching: tokens of a page of the cache, and of one forward pass.
PAGE_TOKENS = 64
PASS_TOKENS = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request as tokens; ``limit`` is the most that may be generated.

    ``moved`` are the embeddings of its tokens, where they are to be perturbed.
    """

    request: Request
    tokens: list[int]
    limit: int
    moved: Moved | None = None


def bucket(row: Row) -> int:
    """The width of the batches that a row goes into, where shapes are fixed."""
    return -(-len(row.tokens) // BUCKET_TOKENS) * BUCKET_TOKENS


def is_exact(model: Any) -> bool:
    """Whether completions were seen not to depend on the batch: fp32 on the CPU."""
    return bool(model.device.type == "cpu" and str(model.dtype) == "torch.float32")


def is_plain(request: Request) -> bool:
    """Whether continuous batching can do a request: greedy, tokens, no stop strings."""
    prompt = request.prompt
    is_text = prompt.perturbation is None
    return request.sampling.is_greedy and not prompt.stop and is_text


def batch_note(model: Any, options: HfOptions, *, is_fixed: bool) -> str:
    """What is known of how completions depend on the batch, for the record."""
    precision = str(model.dtype).removeprefix("torch.")
    if options.continuous:
        return f"{precision}, continuous batching: completions may depend on the batch"
    if is_fixed:
        return (
            f"{precision}, all batches of {options.max_batch} rows, prompts padded to a"
            f" multiple of {BUCKET_TOKENS} tokens: completions were not seen to depend"
            " on the other rows"
        )
    if is_exact(model):
        return "float32 on the CPU: completions were not seen to depend on the batch"
    return (
        f"{precision}, batches of up to {options.max_batch} rows of any length:"
        " completions may depend on the batch; the option 'deterministic' fixes its"
        " shape"
    )


def run_continuously(model: Any, prompts: list[list[int]], config: Any) -> list[Any]:
    """The ``GenerationOutput`` of each prompt (token ids); ``None`` if there is none.

    Matched by the prompt, for the order of the answers is not promised.
    """
    transformers = require("transformers", extra="hf")
    own = transformers.ContinuousBatchingConfig
    settings = {}
    if model.device.type == "cpu":
        # By default the cache would take most of the memory of this machine.
        pages = sum(
            -(-(len(prompt) + config.max_new_tokens) // PAGE_TOKENS)
            for prompt in prompts
        )
        settings = {
            "page_size": PAGE_TOKENS,
            "num_blocks": pages + 1,
            "max_batch_tokens": PASS_TOKENS,
        }
    outputs = model.generate_batch(
        prompts,
        generation_config=config,
        continuous_batching_config=own(**settings),
    )
    by_prompt = {tuple(output.prompt_ids): output for output in outputs.values()}
    return [by_prompt.get(tuple(prompt)) for prompt in prompts]
