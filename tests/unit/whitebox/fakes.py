"""A model of words: each token has a weight, and a text's loss is the sum of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.whitebox.settings import SearchSettings
from pytest_selfinvoke.whitebox.substitution import Searcher

PLAIN = Problem(
    id="p",
    benchmark="b",
    target=Part(
        entry_point="total",
        prompt='def total(xs):\n    """Add up every number of the given list."""\n',
        solution="    return sum(xs)\n",
        tests="assert total([1]) == 1",
    ),
)
PRO = Problem(
    id="q",
    benchmark="b",
    base=Part(
        entry_point="double",
        prompt='def double(x):\n    """Give twice the number, as "double that"."""\n',
        solution="    return 2 * x\n",
    ),
    target=Part(
        entry_point="doubles",
        prompt='def doubles(xs):\n    """Give double of every number."""\n',
        solution="    return [double(x) for x in xs]\n",
        tests="assert doubles([1]) == [2]",
    ),
)
WEIGHTS = {" zebra": 1.0, " apple": 0.5, " lemon": 0.25, "Zebra": 1.0, " every": 0.125}
_TOKEN = re.compile(r" ?\w+|\s|[^\w\s]")


@dataclass
class Words:
    """One token is one word; exact gradients."""

    weights: dict[str, float] = field(default_factory=lambda: dict(WEIGHTS))
    tokens: list[str] = field(default_factory=list)
    forwards: int = 0
    backwards: int = 0
    broken: bool = False

    def __post_init__(self) -> None:
        dull = (f" dull{letter}" for letter in "abcdefghijklmnopqrst")
        for text in (*self.weights, " value", *dull, " of2", "x"):
            self._number(text)

    def text(self, prompt: Prompt) -> str:
        return prompt.shown()

    def encode(
        self, text: str, *, is_chat: bool
    ) -> tuple[list[int], list[tuple[int, int]]]:
        found = list(_TOKEN.finditer(text))
        return [self._number(m.group()) for m in found], [m.span() for m in found]

    def answer(self, text: str) -> list[int]:
        return self.encode(text, is_chat=False)[0]

    def vocabulary(self) -> list[str]:
        return list(self.tokens)

    def losses(
        self, prompts: Sequence[Sequence[int]], answer: Sequence[int]
    ) -> list[float]:
        if self.broken:
            raise NotJudgedError("out of memory")
        self.forwards += len(prompts)
        return [sum(map(self._weight, prompt)) for prompt in prompts]

    def best(
        self,
        prompt: Sequence[int],
        answer: Sequence[int],
        wanted: Sequence[tuple[int, Sequence[int]]],
        count: int,
    ) -> list[list[tuple[float, int]]]:
        self.backwards += 1
        return [
            sorted(
                ((self._weight(t) - self._weight(prompt[place]), t) for t in tokens),
                reverse=True,
            )[:count]
            for place, tokens in wanted
        ]

    def _weight(self, token: int) -> float:
        return self.weights.get(self.tokens[token], 0.0)

    def _number(self, text: str) -> int:
        if text not in self.tokens:
            self.tokens.append(text)
        return self.tokens.index(text)


def searcher(model: Words, method: str, **budget: int) -> Searcher:
    """A search under the style for chats."""
    style = get_style("chat")
    return Searcher(
        model,
        lambda problem: style.render(problem.prompt, problem),
        SearchSettings(method=method, **budget),
    )
