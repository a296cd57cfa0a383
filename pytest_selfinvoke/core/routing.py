"""Which experts the tokens of a prompt and its answer visited, as plain arrays."""

from __future__ import annotations

import base64
from array import array
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The experts that the router of a model chose for each token.

    The first ``prompt_tokens`` of ``tokens`` are the prompt, the others the answer.
    ``chosen`` and ``weights`` are flat, in the order layer, token, choice (so of
    ``len(layers) * len(tokens) * top_k`` entries). ``layers`` holds the numbers of the
    decoder layers with experts, ``experts`` is how many each of them has. ``weights``
    are 16-bit floats as bytes, in the byte order of the machine: what the output of
    each chosen expert was multiplied by. ``duration_s`` is the time of the forward
    pass.
    """

    tokens: array[int]
    layers: tuple[int, ...]
    experts: int
    top_k: int
    chosen: array[int]
    weights: bytes
    prompt_tokens: int
    duration_s: float = 0.0

    def of_layer(self, index: int, *, answer: bool = False) -> array[int]:
        """The choices of the ``index``-th layer with experts, ``top_k`` a token.

        :param answer: those of the answer's tokens, not the prompt's.
        """
        start = index * len(self.tokens) * self.top_k
        middle = start + self.prompt_tokens * self.top_k
        end = start + len(self.tokens) * self.top_k
        return self.chosen[middle:end] if answer else self.chosen[start:middle]

    def to_json(self) -> dict[str, Any]:
        """Plain data for the wire."""
        return {
            "tokens": list(self.tokens),
            "layers": list(self.layers),
            "experts": self.experts,
            "top_k": self.top_k,
            "chosen": base64.b64encode(self.chosen.tobytes()).decode(),
            "weights": base64.b64encode(self.weights).decode(),
            "prompt_tokens": self.prompt_tokens,
            "duration_s": self.duration_s,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(
            **{
                **data,
                "tokens": array("I", data["tokens"]),
                "layers": tuple(data["layers"]),
                "chosen": array("H", base64.b64decode(data["chosen"])),
                "weights": base64.b64decode(data["weights"]),
            }
        )
