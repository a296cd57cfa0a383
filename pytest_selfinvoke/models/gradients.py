"""How likely an answer is to a loaded model, and what that owes to the prompt's tokens.

The loss is the mean negative log-likelihood, in nats, of the answer's tokens after the
prompt's. Gradients are with respect to input embeddings; the weights collect none.
Tensors are ``Any``: torch comes late.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pytest_selfinvoke.core.errors import NotJudgedError, UserError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.records import Prompt
from pytest_selfinvoke.models.checkpoint import Checkpoint

Tensor = Any

#: Prompts whose losses are computed at a time; fewer where memory runs out.
ROWS = 8


class Gradients:
    """A model as an attacker sees it who has its weights.

    :param prompt_text: the text that the model is given for a prompt.
    """

    def __init__(
        self, loaded: Checkpoint, prompt_text: Callable[[Prompt], str]
    ) -> None:
        self._torch = require("torch", extra="hf")
        self._model = loaded.model.requires_grad_(False)
        self._tokenizer = loaded.tokenizer
        self._prompt_text = prompt_text
        self._rows = ROWS
        # Logits of the answer alone: those of a long prompt take most of the memory.
        taken = inspect.signature(loaded.model.forward).parameters
        self._keeps_few = "logits_to_keep" in taken
        if not loaded.tokenizer.is_fast:
            raise UserError(
                "white-box search: the model's tokenizer does not say where its tokens"
                " stand in a text: use a checkpoint with a tokenizer.json"
            )

    def text(self, prompt: Prompt) -> str:
        """The text that the model is given, with its template's special tokens."""
        return self._prompt_text(prompt)

    def encode(
        self, text: str, *, is_chat: bool
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """Tokens of a prompt's text, and the span of the text behind each."""
        encoded = self._tokenizer(
            text,
            add_special_tokens=not is_chat,
            return_offsets_mapping=True,
            verbose=False,
        )
        spans = [(start, end) for start, end in encoded["offset_mapping"]]
        return list(encoded["input_ids"]), spans

    def answer(self, text: str) -> list[int]:
        """The tokens of an answer, as they follow a prompt."""
        encoded = self._tokenizer(text, add_special_tokens=False, verbose=False)
        return list(encoded["input_ids"])

    def vocabulary(self) -> list[str]:
        """The text of every token, by its number."""
        size = len(self._tokenizer)
        tokens = [[number] for number in range(size)]
        texts: list[str] = self._tokenizer.batch_decode(
            tokens, clean_up_tokenization_spaces=False
        )
        return texts

    def losses(
        self, prompts: Sequence[Sequence[int]], answer: Sequence[int]
    ) -> list[float]:
        """The loss of an answer after each prompt; prompts may differ in length.

        :raises NotJudgedError: if memory runs out with one prompt.
        """
        found: dict[int, float] = {}
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        while order:
            width = len(prompts[order[0]])
            batch = [i for i in order if len(prompts[i]) == width][: self._rows]
            rows = [[*prompts[i], *answer] for i in batch]
            made = self._tried(rows, len(answer))
            if made is None:
                self._rows = max(1, len(batch) // 2)
                continue
            found.update(zip(batch, made, strict=True))
            order = [i for i in order if i not in found]
        return [found[i] for i in range(len(prompts))]

    def best(
        self,
        prompt: Sequence[int],
        answer: Sequence[int],
        wanted: Sequence[tuple[int, Sequence[int]]],
        count: int,
    ) -> list[list[tuple[float, int]]]:
        """The exchanges of single tokens that should raise the loss most.

        :param wanted: positions in the prompt, and the tokens that may stand there.
        :returns: for each position up to ``count`` pairs of first-order change of the
            loss and token, the greatest first.
        :raises NotJudgedError: if memory runs out.
        """
        given = self.embeddings(prompt)
        slopes = self.slope(given, answer)[1]
        table = self._model.get_input_embeddings().weight.detach()
        found = []
        for position, tokens in wanted:
            allowed = self._tensor(list(tokens))
            effects = (table @ slopes[position].to(table.dtype))[allowed]
            effects = effects.float() - float(slopes[position] @ given[position])
            top = effects.topk(min(count, len(tokens)))
            numbers = allowed[top.indices].tolist()
            found.append(list(zip(top.values.tolist(), numbers, strict=True)))
        return found

    def slope(self, embeddings: Tensor, answer: Sequence[int]) -> tuple[float, Tensor]:
        """The loss after a prompt's embeddings (tokens, width), and its gradient.

        :raises NotJudgedError: if memory runs out.
        """
        given = embeddings.detach().clone().requires_grad_(True)
        rest = self.embeddings(answer)
        with self._in_memory(len(given) + len(rest)), self._torch.enable_grad():
            whole = self._torch.cat([given, rest])[None]
            targets = self._tensor([list(answer)])
            loss = self._loss(targets, inputs_embeds=whole)[0]
            [slope] = self._torch.autograd.grad(loss, [given])
        return float(loss.detach()), slope.detach()

    def embeddings(self, tokens: Sequence[int]) -> Tensor:
        """The input embeddings of tokens: (tokens, width)."""
        with self._torch.no_grad():
            return self._model.get_input_embeddings()(self._tensor(list(tokens)))

    def _tried(self, rows: list[list[int]], length: int) -> list[float] | None:
        """The loss of the last ``length`` tokens of each row; ``None``: too many."""
        targets = self._tensor([row[-length:] for row in rows])
        try:
            with self._torch.no_grad():
                return [
                    float(loss)
                    for loss in self._loss(targets, input_ids=self._tensor(rows))
                ]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(self._torch, error):
                raise
            if len(rows) == 1:
                raise NotJudgedError(_too_long(len(rows[0]))) from error
        return None

    def _loss(self, targets: Tensor, **inputs: Tensor) -> Tensor:
        """Mean loss of each row (rows,), of inputs that end with their targets."""
        length = targets.shape[1]
        if self._keeps_few:
            inputs["logits_to_keep"] = length + 1
        logits = self._model(**inputs, use_cache=False).logits
        logits = logits[:, -length - 1 : -1].float()
        each = self._torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), targets, reduction="none"
        )
        return each.mean(dim=1)

    def _tensor(self, rows: Any) -> Tensor:
        device = self._model.get_input_embeddings().weight.device
        return self._torch.tensor(rows, device=device)

    @contextmanager
    def _in_memory(self, tokens: int) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(self._torch, error):
                raise
            raise NotJudgedError(_too_long(tokens)) from error


def is_out_of_memory(torch: Any, error: Exception) -> bool:
    """Whether an exception says that there is not enough memory."""
    known = (MemoryError, torch.OutOfMemoryError)
    # The CPU allocator has no class of its own.
    return isinstance(error, known) or "can't allocate memory" in str(error)


def _too_long(tokens: int) -> str:
    return f"out of memory with the gradient of one prompt and answer, {tokens} tokens"
