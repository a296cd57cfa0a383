"""How unlikely a model finds an answer, and which words of a prompt that hangs on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.records import Prompt

#: Tokens that are a word of their own.
_WORD = re.compile(r" [a-z]{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Another word in a place of the prompt.

    ``place`` is the index of the word among those that were asked about, ``gain`` the
    loss that it should add, to first order.
    """

    place: int
    word: str
    gain: float


class Likelihood:
    """The loss of answers: mean negative log-likelihood per token, in nats.

    :param text_of: the prompt as the model reads it, and whether the tokenizer still
        has to add its special tokens.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        text_of: Callable[[Prompt], tuple[str, bool]],
    ) -> None:
        self._torch = require("torch", extra="hf")
        self._model, self._tokenizer, self._text_of = model, tokenizer, text_of

    def loss(self, prompt: Prompt, answer: str) -> float:
        """Of an answer after a prompt.

        :raises GenerationError: if the two do not fit into memory or context.
        """
        with self._torch.no_grad():
            return float(self._run(prompt, answer)[0])

    def text(self, prompt: Prompt) -> str:
        """The prompt as the model reads it: places are counted in its characters."""
        return self._text_of(prompt)[0]

    def replacements(
        self, prompt: Prompt, answer: str, starts: Sequence[int], *, each: int
    ) -> list[Replacement]:
        """The words that should make an answer least likely, best first.

        To first order, as HotFlip does (Ebrahimi et al. 2018, arXiv 1712.06751): the
        gradient of the loss on the embedding in a place, times the difference of the
        two words' embeddings. Of a word of several tokens the first one counts.

        :param starts: where in the text the words begin that may be replaced.
        :param each: candidates for each of them.
        """
        loss, embedded, offsets = self._run(prompt, answer, with_gradient=True)
        loss.backward()
        tokens = [_token_at(offsets, start) for start in starts]
        table = self._model.get_input_embeddings().weight.detach()
        gradient = embedded.grad[0, tokens].float()
        old = (gradient * embedded.detach()[0, tokens].float()).sum(1, keepdim=True)
        gains = gradient @ table[self._words].float().T - old
        best = gains.topk(min(each, len(self._words)), dim=1)
        found = [
            Replacement(place=place, word=self.words[index], gain=gain)
            for place, (values, indices) in enumerate(
                zip(best.values.tolist(), best.indices.tolist(), strict=True)
            )
            for gain, index in zip(values, indices, strict=True)
        ]
        return sorted(found, key=lambda one: -one.gain)

    @cached_property
    def _words(self) -> list[int]:
        decode = self._tokenizer.decode
        size = self._model.get_input_embeddings().weight.shape[0]
        ids = range(min(size, len(self._tokenizer)))
        return [token for token in ids if _WORD.fullmatch(decode([token]))]

    @cached_property
    def words(self) -> list[str]:
        """The words that are one token each."""
        return [self._tokenizer.decode([token]).strip() for token in self._words]

    def _run(
        self, prompt: Prompt, answer: str, *, with_gradient: bool = False
    ) -> tuple[Any, Any, list[tuple[int, int]]]:
        """The loss, the embedded tokens, and the prompt's tokens in characters."""
        torch = self._torch
        text, adds_special = self._text_of(prompt)
        read = self._tokenizer(
            text,
            add_special_tokens=adds_special,
            return_offsets_mapping=True,
            verbose=False,
        )
        head = list(read["input_ids"])
        tail = list(
            self._tokenizer(answer, add_special_tokens=False, verbose=False)[
                "input_ids"
            ]
        )
        tokens = torch.tensor([head + tail], device=self._model.device)
        embedded = self._model.get_input_embeddings()(tokens).detach()
        embedded.requires_grad_(with_gradient)
        try:
            logits = self._model(inputs_embeds=embedded).logits[0, len(head) - 1 : -1]
        except (RuntimeError, IndexError, MemoryError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise GenerationError(f"no loss of the reference: {reason}") from error
        loss = torch.nn.functional.cross_entropy(logits.float(), tokens[0, len(head) :])
        return loss, embedded, [tuple(pair) for pair in read["offset_mapping"]]


def _token_at(offsets: Sequence[tuple[int, int]], start: int) -> int:
    """The token that holds a character."""
    for index, (first, end) in enumerate(offsets):
        if first <= start < end:
            return index
    raise GenerationError("the tokenizer does not say where its tokens stand")
