"""Sampling, stopping and cutting, row by row: no row depends on its neighbours.

The classes are called by ``transformers.GenerationMixin.generate`` at every step, as a
logits processor and as a stopping criterion. Tensors are ``Any``: torch comes late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_selfinvoke.core.records import Sampling
from pytest_selfinvoke.models.base import Request

Tensor = Any


class RowSampler:
    """Turns greedy decoding into sampling with one seed per row.

    ``argmax(logits - log E)``, E drawn from Exp(1), is a draw from ``softmax(logits)``
    (the Gumbel-max trick). A row's noise depends on its seed and the step alone, so a
    completion does not change with the batch it is in.
    """

    def __init__(self, torch: Any, requests: Sequence[Request], device: Any) -> None:
        self._torch = torch
        self._generators = [
            torch.Generator(device=device).manual_seed(request.seed)
            for request in requests
        ]
        self._groups: dict[Sampling, list[int]] = {}
        for row, request in enumerate(requests):
            if not request.sampling.is_greedy:
                self._groups.setdefault(request.sampling, []).append(row)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (rows, vocabulary) whose argmax is the token to take."""
        for sampling, rows in self._groups.items():
            scores[rows] = warp(self._torch, scores[rows], sampling) + self._noise(
                rows, scores
            )
        return scores

    def _noise(self, rows: list[int], scores: Tensor) -> Tensor:
        drawn = [
            scores.new_empty(scores.shape[-1]).exponential_(
                generator=self._generators[row]
            )
            for row in rows
        ]
        # A draw of exactly 0 would make the noise infinite, and -inf + inf is not a
        # number.
        tiny = self._torch.finfo(scores.dtype).tiny
        return -self._torch.stack(drawn).clamp_min(tiny).log()


def warp(torch: Any, scores: Tensor, sampling: Sampling) -> Tensor:
    """Scores (rows, vocabulary) after temperature, top-k and top-p, in this order.

    A token outside the ``top_k`` most likely, or outside the smallest set of most
    likely tokens that holds probability ``top_p``, gets ``-inf``.
    """
    scores = scores / sampling.temperature
    if 0 < sampling.top_k < scores.shape[-1]:
        least = scores.topk(sampling.top_k).values[:, -1:]
        scores = scores.masked_fill(scores < least, -torch.inf)
    if sampling.top_p < 1.0:
        ordered, order = scores.sort(descending=True)
        mass = ordered.softmax(-1)
        beyond = mass.cumsum(-1) - mass >= sampling.top_p
        beyond[:, 0] = False
        scores = scores.masked_fill(beyond.scatter(1, order, beyond), -torch.inf)
    return scores


class RowStopper:
    """Ends a row at one of its stop strings or at its own number of new tokens.

    Only the last tokens are decoded at each step: a token is at least one byte, so the
    longest stop string fits into as many tokens as it has bytes. The margin covers
    characters cut in two, and checks that come some steps late.
    """

    MARGIN = 16

    def __init__(
        self,
        torch: Any,
        tokenizer: Any,
        stops: Sequence[tuple[str, ...]],
        limits: Sequence[int],
        width: int,
    ) -> None:
        self._torch = torch
        self._tokenizer = tokenizer
        self._stops = stops
        self._limits = limits
        self._width = width
        #: New tokens of each row when it was ended here; 0 while it was not.
        self.lengths = [0] * len(stops)
        longest = max((len(s.encode()) for row in stops for s in row), default=0)
        self._tail = longest + self.MARGIN if longest else 0

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        """Booleans (rows,): whether the row has ended."""
        new = input_ids.shape[1] - self._width
        for row, limit in enumerate(self._limits):
            if not self.lengths[row] and new >= limit:
                self.lengths[row] = limit
        waiting = [
            row
            for row, stops in enumerate(self._stops)
            if stops and not self.lengths[row]
        ]
        if waiting:
            tail = input_ids[waiting, -min(new, self._tail) :]
            for row, text in zip(waiting, decode(self._tokenizer, tail), strict=True):
                if any(stop in text for stop in self._stops[row]):
                    self.lengths[row] = new
        return self._torch.tensor(self.lengths, device=input_ids.device) > 0


def decode(tokenizer: Any, rows: Any) -> list[str]:
    """Token ids as text: special tokens left out, spaces as the model wrote them."""
    texts: list[str] = tokenizer.batch_decode(
        rows, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Where a row ends. ``generated`` counts the end token, which took a step too."""

    tokens: list[int]
    generated: int
    is_ended: bool


def end_row(tokens: list[int], ends: frozenset[int]) -> Ending:
    """Cut a row before its first end token; what follows is padding."""
    for index, token in enumerate(tokens):
        if token in ends:
            return Ending(tokens=tokens[:index], generated=index + 1, is_ended=True)
    return Ending(tokens=tokens, generated=len(tokens), is_ended=False)


def cut_at_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the earliest stop string, and whether there was one."""
    found = [index for stop in stops if (index := text.find(stop)) >= 0]
    return (text[: min(found)], True) if found else (text, False)
