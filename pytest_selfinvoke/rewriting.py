"""Ask a model for prompts in other words, and for names of variables.

The answers become the file of an attack (``rewritten:FILE``): made once, looked at,
certified like every other variant, and the same wherever they are run.
"""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_selfinvoke.attacks.base import NotApplicableError
from pytest_selfinvoke.attacks.paragraphs import paragraphs
from pytest_selfinvoke.attacks.partial import Given
from pytest_selfinvoke.attacks.prose import code_names
from pytest_selfinvoke.attacks.variables import variable_to_rename
from pytest_selfinvoke.core.errors import GenerationError
from pytest_selfinvoke.core.records import (
    Completion,
    Message,
    ModelInfo,
    Part,
    Problem,
    Prompt,
    Sampling,
)
from pytest_selfinvoke.core.seeding import derive_seed
from pytest_selfinvoke.models.base import Request

#: Answers that differ from each other, and are still sensible.
SAMPLING = Sampling(max_new_tokens=256, temperature=0.7, top_p=0.95)

_REWORD = (
    "Say this part of a programming task in other words. Keep its meaning. Keep every "
    "number, every text in quotes and these names as they are: {names}. Answer with "
    "the new text alone, in plain sentences.\n\n{text}"
)
_RENAME = (
    "```python\n{code}\n```\n\nWhich other name would a programmer give the variable "
    "`{name}`? Answer with one Python name alone."
)
_KEPT = re.compile(r"\d+(?:\.\d+)?|'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`")
_WORD = re.compile(r"[^\W\d]\w*")
_NAME = re.compile(r"^\W*([^\W\d]\w*)\W*$")
_BUILTINS = frozenset(dir(builtins))
#: A paragraph with fewer words is a heading or a remark: it stays.
_FEWEST_WORDS = 4
#: What makes a docstring end, or mean something else.
_FORBIDDEN = ("\\", '"""', "'''")


class Generator(Protocol):
    """A connection to the generation server."""

    def info(self, label: str) -> ModelInfo:
        """What is known of a model."""

    def plan(self, label: str, requests: Sequence[Request]) -> None:
        """Announce what will be asked for."""

    def generate(self, label: str, request: Request) -> Completion:
        """One completion."""


@dataclass(slots=True)
class Rewritings:
    """``records`` for the file, and how many were left out by reason."""

    records: list[dict[str, Any]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


class _UnusableError(Exception):
    """An answer that would change what is asked for, or nothing at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """The questions behind one record, and how their answers make it."""

    requests: tuple[Request, ...]
    finish: Callable[[list[str]], dict[str, Any]]
    facts: dict[str, Any]


def rewrite(
    problems: Sequence[Problem],
    generator: Generator,
    label: str,
    *,
    variables: bool,
    count: int,
    seed: int,
) -> Rewritings:
    """Several rewritings of each problem.

    :param variables: ask for a name of the given code's most frequent variable; else
        for the paragraphs of the prompt in other words.
    :param count: rewritings of each problem.
    :raises UserError, GenerationError: if the model cannot be used.
    """
    info = generator.info(label)
    asking = _Asking(chat=info.chat_template is not False, seed=seed)
    make = asking.names if variables else asking.wordings
    found, work = Rewritings(), []
    for problem in problems:
        for number in range(count):
            try:
                work.append(make(problem, number))
            except NotApplicableError as error:
                found.left_out[str(error)] += 1
    generator.plan(label, [request for one in work for request in one.requests])
    for one in work:
        try:
            answers = [generator.generate(label, r).text for r in one.requests]
            record = {**one.facts, **one.finish(answers)}
        except _UnusableError as error:
            found.left_out[str(error)] += 1
        except GenerationError as error:
            found.left_out[f"no answer: {error}"] += 1
        else:
            found.records.append({**record, "model": info.name})
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """How questions are put. ``chat``: to a model that follows instructions."""

    chat: bool
    seed: int

    def wordings(self, problem: Problem, number: int) -> _Work:
        """The paragraphs of a problem, each a question."""
        parts = {"target": problem.target}
        if problem.base is not None:
            parts["base"] = problem.base
        asked = list(_paragraphs(parts))
        if not asked:
            raise NotApplicableError("nothing to say in other words")
        requests = tuple(
            self._request(problem, number, f"{part} {place}", self._reword(text, names))
            for part, place, text, names in asked
        )

        def finish(answers: list[str]) -> dict[str, Any]:
            texts = {
                part: [paragraph.text for paragraph in paragraphs(source.prompt)]
                for part, source in parts.items()
            }
            for (part, place, text, names), answer in zip(asked, answers, strict=True):
                texts[part][place] = accepted(answer, text, names)
            return {"paragraphs": texts}

        return _Work(requests=requests, finish=finish, facts=_facts(problem, number))

    def names(self, problem: Problem, number: int) -> _Work:
        """The most frequent variable of the given code."""
        given = Given.of(problem)
        old = variable_to_rename(given)
        code = given.source.text[: given.cut].rstrip()
        text = _RENAME.format(code=code, name=old)
        if not self.chat:
            text = f"{code}\n\n# A better name for the variable {old} is:"
        request = self._request(problem, number, "variable", text)

        def finish(answers: list[str]) -> dict[str, Any]:
            lines = answers[0].strip().splitlines()
            name = _NAME.match(lines[0]) if lines else None
            if name is None or not name[1].isidentifier():
                raise _UnusableError("the answer is no name")
            if name[1] == old or name[1] in given.source.names or name[1] in _BUILTINS:
                raise _UnusableError("the name is in use")
            return {"variable": name[1]}

        return _Work(requests=(request,), finish=finish, facts=_facts(problem, number))

    def _reword(self, text: str, names: Sequence[str]) -> str:
        if not self.chat:
            return f"Task: {text}\nThe same task in other words:"
        return _REWORD.format(names=", ".join(names) or "none", text=text)

    def _request(self, problem: Problem, number: int, what: str, text: str) -> Request:
        prompt = Prompt(style="rewrite", text=text, stop=("\n",))
        if self.chat:
            message = Message(role="user", content=text)
            prompt = Prompt(style="rewrite", messages=(message,))
        facts = _facts(problem, number)
        key = f"{problem.benchmark}::{problem.id}::rewriting {number}::{what}"
        return Request(
            key=key,
            prompt=prompt,
            sampling=SAMPLING,
            seed=derive_seed(self.seed, key) % 2**31,
            case={**facts, "id": key, "attack": "rewritten", "sample": number},
        )


def _facts(problem: Problem, number: int) -> dict[str, Any]:
    return {
        "benchmark": problem.benchmark,
        "problem": problem.id,
        "problem_hash": problem.hash,
        "number": number,
    }


def _paragraphs(
    parts: dict[str, Part],
) -> Iterator[tuple[str, int, str, tuple[str, ...]]]:
    """Part, place, text and the names to keep, of each paragraph worth a question."""
    for name, part in parts.items():
        code = code_names(part.prompt)
        for place, paragraph in enumerate(paragraphs(part.prompt)):
            words = _WORD.findall(paragraph.text)
            if len(words) >= _FEWEST_WORDS:
                kept = tuple(dict.fromkeys(word for word in words if word in code))
                yield name, place, paragraph.text, kept


def accepted(answer: str, text: str, names: Sequence[str]) -> str:
    """The answer as a paragraph in one line.

    :param text: the paragraph that was to be said in other words.
    :param names: words of it that are names in the code.
    """
    said = " ".join(answer.replace("```", " ").split())
    if said[:1] == said[-1:] and said[:1] in ("'", '"') and said[:1] != text[:1]:
        said = said[1:-1].strip()
    if not said:
        raise _UnusableError("the answer is empty")
    if said.casefold() == " ".join(text.split()).casefold():
        raise _UnusableError("the answer is the text itself")
    if any(mark in said for mark in _FORBIDDEN) or len(said) > 4 * len(text) + 100:
        raise _UnusableError("the answer is no paragraph")
    words = set(_WORD.findall(said))
    lost = [name for name in names if name not in words]
    lost += [kept for kept in _KEPT.findall(text) if kept not in said]
    if lost:
        raise _UnusableError("the answer lost a name, a number or a quotation")
    return said
