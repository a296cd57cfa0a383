"""The engine behind ``hf:``: a transformers model, run in static batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pytest_selfinvoke.core.errors import GenerationError, SelfInvokeError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.records import Completion, ModelInfo, Prompt
from pytest_selfinvoke.core.routing import Routes
from pytest_selfinvoke.models.base import Failure, Request
from pytest_selfinvoke.models.batches import (
    Row,
    batch_note,
    bucket,
    is_exact,
    is_plain,
    run_continuously,
)
from pytest_selfinvoke.models.checkpoint import Checkpoint, HfOptions
from pytest_selfinvoke.models.decoding import (
    RowSampler,
    RowStopper,
    cut_at_stop,
    decode,
    end_row,
)
from pytest_selfinvoke.models.gradients import Gradients, is_out_of_memory
from pytest_selfinvoke.models.perturbing import perturbed
from pytest_selfinvoke.models.routing import read_routes, silence
from pytest_selfinvoke.models.silencing import parse_silenced


class HfEngine:
    """A transformers model. Every row of a batch is sampled and stopped on its own.

    The checkpoint's generation defaults (temperature, repetition penalty, ...) are not
    used, except for its end tokens.

    :param clock: seconds that only grow.
    """

    def __init__(
        self,
        loaded: Checkpoint,
        info: ModelInfo,
        *,
        options: HfOptions,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._torch = require("torch", extra="hf")
        self._model = loaded.model
        self._tokenizer = loaded.tokenizer
        self._max_batch = options.max_batch
        self._is_continuous = options.continuous
        self._is_fixed = options.deterministic and not is_exact(loaded.model)
        note = batch_note(loaded.model, options, is_fixed=self._is_fixed)
        self._info = replace(info, notes=(*info.notes, note))
        self._clock = clock
        self._ends = end_tokens(loaded)
        pad = loaded.tokenizer.pad_token_id
        self._pad = pad if pad is not None else min(self._ends, default=0)
        text_config = loaded.model.config.get_text_config()
        self._context: int | None = getattr(
            text_config, "max_position_embeddings", None
        )
        # The load balancing loss of MoE models breaks in batches that decode.
        text_config.output_router_logits = False
        choose_expert_kernel(loaded.model)
        if options.silence:
            self._silence(options)
        # ``generate`` fills what a request leaves open from the model's own defaults.
        self._model.generation_config = self._generation_config()

    def _silence(self, options: HfOptions) -> None:
        name, silenced = self._info.name, parse_silenced(options.silence)
        # Some models do not say what they chose: better now than in the first batch.
        read_routes(self._model, [self._pad], name=name)
        silence(self._model, silenced, name=name)
        count = sum(map(len, silenced.values()))
        note = f"{count} experts in {len(silenced)} layers are silenced"
        self._info = replace(self._info, notes=(*self._info.notes, note))

    @property
    def info(self) -> ModelInfo:
        """What is known of the model."""
        return self._info

    @property
    def max_batch(self) -> int:
        """The largest batch; it shrinks for good when memory runs out."""
        return self._max_batch

    def close(self) -> None:
        """Drop the model."""
        self._model = self._tokenizer = None

    def generate(self, requests: Sequence[Request]) -> list[Completion | Failure]:
        """One answer per request, in order.

        ``duration_s`` of a completion is the wall time of the batch it was in.

        :raises GenerationError: if the model itself breaks.
        """
        answers: list[Any] = [self._prepare(request) for request in requests]
        ready = [i for i, answer in enumerate(answers) if isinstance(answer, Row)]
        # The batch may shrink on the way, so it is asked for each time.
        while ready:
            now = self._next([answers[i] for i in ready], ready)
            ready = [i for i in ready if i not in now]
            rows = [answers[i] for i in now]
            for i, answer in zip(now, self._run(rows), strict=True):
                answers[i] = answer
        return answers

    def routes(self, request: Request, answer: str) -> Routes:
        """The experts that each token of a prompt and its answer visits.

        The answer's text is encoded again, without the token that ended it.

        :raises UserError: if the model does not say.
        :raises GenerationError: if the prompt cannot be read, or the model breaks.
        """
        row = self._prepare(request)
        if isinstance(row, Failure):
            raise GenerationError(row.reason)
        try:
            encoded = self._tokenizer(answer, add_special_tokens=False, verbose=False)
            tokens = [*row.tokens, *encoded["input_ids"][: row.limit]]
            return read_routes(
                self._model,
                tokens,
                name=self._info.name,
                prompt_tokens=len(row.tokens),
                moved=None if row.moved is None else row.moved.embeddings,
            )
        except (RuntimeError, MemoryError) as error:
            raise GenerationError(
                f"{self._info.name}: {type(error).__name__}: {_first_line(error)}"
            ) from error

    def _next(self, rows: list[Row], numbers: list[int]) -> list[int]:
        """The numbers of the rows to run next; in fixed shapes, of one width."""
        if self._is_fixed:
            width = bucket(rows[0])
            numbers = [
                i for i, row in zip(numbers, rows, strict=True) if bucket(row) == width
            ]
        return numbers[: self._max_batch]

    def _prepare(self, request: Request) -> Row | Failure:
        prompt = request.prompt
        if not prompt.is_chat and not prompt.text:
            return Failure(reason="the prompt is empty")
        if prompt.is_chat and not self._tokenizer.chat_template:
            return Failure(
                reason=f"{self._info.name} has no chat template:"
                " use --prompt-style=completion"
            )
        try:
            tokens = self._encode(prompt)
        except (
            ValueError,
            TypeError,
            require("jinja2", extra="hf").TemplateError,
        ) as error:
            return Failure(reason=f"the prompt cannot be encoded: {_first_line(error)}")
        room = request.sampling.max_new_tokens
        if self._context is not None:
            room = min(room, self._context - len(tokens))
        if not tokens:
            return Failure(reason="the prompt is empty")
        if room < 1:
            return Failure(
                reason=f"prompt has {len(tokens)} tokens,"
                f" the model's context holds {self._context}"
            )
        row = Row(request=request, tokens=tokens, limit=room)
        return row if prompt.perturbation is None else self._moved(row)

    def _moved(self, row: Row) -> Row | Failure:
        """The row with its embeddings perturbed, one row at a time for its memory."""
        wanted = row.request.prompt.perturbation
        assert wanted is not None
        try:
            model = self.gradients()
            answer = model.answer(wanted.answer)
            if self._context is not None:
                answer = answer[: self._context - len(row.tokens)]
            moved = perturbed(model, row.tokens, answer, wanted)
        except SelfInvokeError as error:
            return Failure(reason=f"{self._info.name}: {error}")
        except RuntimeError as error:
            # Some kernels cannot be derived.
            reason = f"{self._info.name} gives no gradients: {_first_line(error)}"
            return Failure(reason=reason)
        return replace(row, moved=moved)

    def gradients(self) -> Gradients:
        """The model as a white-box attack sees it."""
        loaded = Checkpoint(model=self._model, tokenizer=self._tokenizer)
        return Gradients(loaded, lambda prompt: self._text_of(prompt)[0])

    def _encode(self, prompt: Prompt) -> list[int]:
        text, adds_special = self._text_of(prompt)
        encoded = self._tokenizer(text, add_special_tokens=adds_special, verbose=False)
        return list(encoded["input_ids"])

    def _text_of(self, prompt: Prompt) -> tuple[str, bool]:
        """What the model reads, and whether special tokens still have to be added."""
        if not prompt.is_chat:
            return prompt.text, True
        continued = prompt.messages[-1].role == "assistant"
        text = self._tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in prompt.messages],
            tokenize=False,
            add_generation_prompt=not continued,
            continue_final_message=continued,
        )
        # The template writes the special tokens itself.
        return str(text), False

    def _run(self, rows: list[Row]) -> list[Completion | Failure]:
        """Generate; where memory runs out, in halves."""
        try:
            if self._is_continuous and all(is_plain(row.request) for row in rows):
                return self._continuous(rows)
            return self._batch(rows)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(self._torch, error):
                raise GenerationError(
                    f"{self._info.name}: {type(error).__name__}: {_first_line(error)}"
                ) from error
        # Outside the handler, so that the traceback no longer holds the tensors.
        if self._torch.cuda.is_available():
            self._torch.cuda.empty_cache()
        if self._is_fixed:
            raise GenerationError(
                f"{self._info.name}: out of memory with {self._max_batch} rows of"
                f" {bucket(rows[0])} tokens and up to {max(r.limit for r in rows)} new"
                " ones: lower the option max_batch; 'deterministic' keeps all batches"
                " of one size"
            )
        if len(rows) == 1:
            reason = (
                f"out of memory with one prompt of {len(rows[0].tokens)} tokens and up"
                f" to {rows[0].limit} new ones: lower max_new_tokens"
            )
            return [Failure(reason=reason)]
        half = len(rows) // 2
        self._max_batch = min(self._max_batch, half)
        return self._run(rows[:half]) + self._run(rows[half:])

    def _batch(self, asked: list[Row]) -> list[Completion | Failure]:
        started = self._clock()
        rows, width = asked, max(len(row.tokens) for row in asked)
        if self._is_fixed:
            # The arithmetic of a row depends on the shape of its batch, and on nothing
            # else of its neighbours: one shape for all batches of this width.
            width = bucket(asked[0])
            dummy = replace(asked[0], limit=1)
            rows = asked + [dummy] * (self._max_batch - len(asked))
        requests = [row.request for row in rows]
        mask = [[0] * (width - len(r.tokens)) + [1] * len(r.tokens) for r in rows]
        device = self._model.device
        inputs = self._inputs(rows, width)
        # Of embeddings, ``generate`` gives back what it has added alone.
        given = width if "input_ids" in inputs else 0
        stopper = RowStopper(
            self._torch,
            self._tokenizer,
            stops=[request.prompt.stop for request in requests],
            limits=[row.limit for row in rows],
            width=given,
        )
        sampled = any(not request.sampling.is_greedy for request in requests)
        output = self._model.generate(
            **inputs,
            attention_mask=self._torch.tensor(mask, device=device),
            generation_config=self._generation_config(max(r.limit for r in rows)),
            logits_processor=(
                [RowSampler(self._torch, requests, device)] if sampled else []
            ),
            stopping_criteria=[stopper],
        )
        new = output[:, given:].tolist()
        elapsed = self._clock() - started
        return [
            self._completion(row, tokens[: length or row.limit], elapsed)
            # Without the dummies at the end.
            for row, tokens, length in zip(asked, new, stopper.lengths, strict=False)
        ]

    def _inputs(self, rows: list[Row], width: int) -> dict[str, Any]:
        """Tokens (rows, width); or embeddings, where some were moved."""
        torch = self._torch
        padded = torch.tensor(
            [[self._pad] * (width - len(r.tokens)) + r.tokens for r in rows],
            device=self._model.device,
        )
        if all(row.moved is None for row in rows):
            return {"input_ids": padded}
        with torch.no_grad():
            embedded = self._model.get_input_embeddings()(padded)
        for place, row in zip(embedded, rows, strict=True):
            if row.moved is not None:
                place[width - len(row.tokens) :] = row.moved.embeddings
        return {"inputs_embeds": embedded}

    def _continuous(self, rows: list[Row]) -> list[Completion | Failure]:
        """Paged batches that take up a new row when another one ends."""
        started = self._clock()
        outputs = run_continuously(
            self._model,
            [row.tokens for row in rows],
            self._generation_config(max(row.limit for row in rows)),
        )
        elapsed = self._clock() - started
        return [
            self._completion(row, output.generated_tokens[: row.limit], elapsed)
            if output is not None and output.error is None
            else Failure(
                reason=f"{self._info.name}: {output.error if output else 'no answer'}"
            )
            for row, output in zip(rows, outputs, strict=True)
        ]

    def _completion(self, row: Row, tokens: list[int], elapsed: float) -> Completion:
        ending = end_row(tokens, self._ends)
        [text] = decode(self._tokenizer, [ending.tokens])
        text, is_cut = cut_at_stop(text, row.request.prompt.stop)
        return Completion(
            text=text,
            finish_reason="stop" if is_cut or ending.is_ended else "length",
            prompt_tokens=len(row.tokens),
            completion_tokens=ending.generated,
            duration_s=elapsed,
            reference_loss=None if row.moved is None else row.moved.losses,
        )

    def _generation_config(self, limit: int | None = None) -> Any:
        transformers = require("transformers", extra="hf")
        return transformers.GenerationConfig(
            do_sample=False,
            max_new_tokens=limit,
            eos_token_id=sorted(self._ends) or None,
            pad_token_id=self._pad,
        )


def end_tokens(loaded: Checkpoint) -> frozenset[int]:
    """The tokens that end an answer, by the generation config or the tokenizer."""
    stated = loaded.model.generation_config.eos_token_id
    several = stated if isinstance(stated, list) else [stated]
    ends = {*several, loaded.tokenizer.eos_token_id}
    return frozenset(token for token in ends if token is not None)


def choose_expert_kernel(model: Any) -> None:
    """Avoid the fused experts kernel where it would break.

    On the CPU ``grouped_mm`` wants rows of a multiple of 16 bytes.
    """
    if model.device.type != "cpu":
        return
    odd = any(
        parameter.dim() == 3
        and any(size * parameter.element_size() % 16 for size in parameter.shape[1:])
        for parameter in model.parameters()
    )
    if odd and hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
