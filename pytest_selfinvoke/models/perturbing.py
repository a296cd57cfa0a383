"""Input embeddings moved so that an answer becomes less likely, within a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_selfinvoke.core.imports import require
from pytest_selfinvoke.core.records import Perturbation

Tensor = Any


class Slopes(Protocol):
    """A model's loss of answers, as ``models.gradients`` has it."""

    def embeddings(self, tokens: Sequence[int]) -> Tensor:
        """The input embeddings of tokens: (tokens, width)."""

    def slope(self, embeddings: Tensor, answer: Sequence[int]) -> tuple[float, Tensor]:
        """The loss after a prompt's embeddings, and its gradient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A prompt's embeddings (tokens, width), and the answer's loss before and after."""

    embeddings: Tensor
    losses: tuple[float, float]


def perturbed(
    model: Slopes, tokens: Sequence[int], answer: Sequence[int], wanted: Perturbation
) -> Moved:
    """Move the embeddings of a prompt.

    All of its tokens may move, those of a chat template too. The bound is on each entry
    (the maximum norm): ``epsilon`` times the root mean square of the prompt's entries.
    ``fgsm`` and ``noise`` use it up in every entry, so that their Euclidean norms are
    equal too; that of ``pgd`` is at most theirs.

    - ``fgsm``: ``x + bound * sign(gradient)``.
    - ``pgd``: from a point drawn evenly within the bound, ``steps`` times
      ``2.5 * bound / steps`` along the sign, and back within the bound; the point of
      the greatest loss is taken.
    - ``noise``: ``x + bound * s``, each entry of ``s`` -1 or 1 by chance.

    :raises NotJudgedError: if memory runs out.
    """
    torch = require("torch", extra="hf")
    given = model.embeddings(tokens)
    bound = wanted.epsilon * float(given.float().pow(2).mean().sqrt())
    before, gradient = model.slope(given, answer)
    # Drawn on the CPU, for devices draw different numbers from one seed.
    generator = torch.Generator().manual_seed(wanted.seed)

    def at(offset: Tensor) -> tuple[Tensor, float, Tensor]:
        point = (given.float() + offset).to(given.dtype)
        return point, *model.slope(point, answer)

    if wanted.method == "fgsm":
        moved, after, _ = at(bound * gradient.float().sign())
    elif wanted.method == "noise":
        signs = torch.randint(0, 2, given.shape, generator=generator) * 2 - 1
        moved, after, _ = at(bound * signs.to(given.device))
    else:
        drawn = torch.rand(given.shape, generator=generator) * 2 - 1
        offset = bound * drawn.to(given.device)
        moved, after, gradient = at(offset)
        for _ in range(wanted.steps):
            step = 2.5 * bound / wanted.steps * gradient.float().sign()
            offset = (offset + step).clamp(-bound, bound)
            point, loss, gradient = at(offset)
            if loss > after:
                moved, after = point, loss
    return Moved(embeddings=moved, losses=(before, after))
