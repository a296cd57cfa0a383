"""From a case that an attack broke to the smallest change of the prompt that breaks it.

Every probe goes the way of a case: the model is asked the prompt with some of the
attack's changes, with the sampling and the seed of the broken case, and its program is
run against the tests of the broken variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_selfinvoke.core.edits import Edit, edited, edits_between
from pytest_selfinvoke.core.errors import NotJudgedError
from pytest_selfinvoke.core.minimizing import minimize
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.record import Record
from pytest_selfinvoke.core.records import Case, Message, Problem, Prompt
from pytest_selfinvoke.evaluation import (
    Asked,
    Services,
    judge,
    new_record,
    unified_diff,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A broken case with the smallest prompt that breaks it.

    ``record`` is that of the case with this prompt; ``diff`` is a unified diff of the
    prompt that was solved and this one. ``kept`` of ``total`` changes are left;
    ``is_minimal`` says that each of them was shown to be needed.
    """

    record: Record
    tests: str
    diff: str
    kept: int
    total: int
    probes: int
    is_minimal: bool


def reproduce(
    broken: Record,
    case: Case,
    nominal: Case,
    problem: Problem,
    services: Services,
    *,
    probes: int,
) -> Reproduction:
    """Shrink the changes between two prompts: one that is solved, one that is not.

    :param broken: the record of ``case``, which was judged and not solved.
    :param nominal: the case that was solved.
    :param probes: how many completions may be asked for.
    :raises NotJudgedError: if the model or the sandbox failed, or the two prompts have
        other turns or are equal.
    """
    asked = services.asking.ask(case, problem)
    before = services.asking.ask(nominal, problem).prompt
    edits = edits_between(*_texts(before, asked.prompt))
    if not edits:
        why = "their answers differ by chance"
        if asked.prompt.perturbation is not None:
            why = "the attack moves embeddings"
        raise NotJudgedError(f"the two prompts are equal: {why}")
    found: dict[tuple[Edit, ...], Record] = {edits: broken}

    def breaks(chosen: tuple[Edit, ...]) -> bool:
        prompt = _with_edits(before, asked.prompt, chosen)
        record = _probe(asked, prompt, services)
        if _is_flip(record, asked):
            found[chosen] = record
            return True
        return False

    minimum = minimize(edits, breaks, probes=probes)
    record = found[minimum.kept]
    after = _with_edits(before, asked.prompt, minimum.kept)
    return Reproduction(
        record=record,
        tests=asked.attacked.target.tests,
        diff=unified_diff(before.shown(), after.shown()),
        kept=len(minimum.kept),
        total=len(edits),
        probes=minimum.probes,
        is_minimal=minimum.is_minimal,
    )


def _texts(before: Prompt, after: Prompt) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is compared: the turns of a chat one by one, or the one text."""
    if [m.role for m in before.messages] != [m.role for m in after.messages]:
        raise NotJudgedError("the two prompts have other turns")
    if not before.is_chat:
        return (before.text,), (after.text,)
    old = tuple(message.content for message in before.messages)
    return old, tuple(message.content for message in after.messages)


def _with_edits(before: Prompt, after: Prompt, edits: Sequence[Edit]) -> Prompt:
    """The prompt with some of the edits that lead from one to the other.

    :raises NotJudgedError: if it is unclear which part the model continues.
    """
    old, new = _texts(before, after)
    texts = edited(old, edits)
    heads = {
        text.removesuffix(prompt.prefix)
        for text, prompt in ((old[-1], before), (new[-1], after))
    }
    prefix = ""
    if after.prefix:
        if len(heads) > 1:
            raise NotJudgedError("the attack changed more than the code to continue")
        prefix = texts[-1].removeprefix(heads.pop())
    if not after.is_chat:
        return replace(after, text=texts[0], prefix=prefix)
    messages = tuple(
        Message(role=message.role, content=text)
        for message, text in zip(after.messages, texts, strict=True)
    )
    return replace(after, messages=messages, prefix=prefix)


def _probe(asked: Asked, prompt: Prompt, services: Services) -> Record:
    """The record of the case with another prompt."""
    request = replace(asked.request, prompt=prompt)
    probe = replace(asked, prompt=prompt, request=request)
    completion = services.asking.generator.generate(asked.case.model, request)
    record = replace(new_record(probe), completion=completion.to_json())
    return judge(record, probe, completion, services)


def _is_flip(record: Record, asked: Asked) -> bool:
    """Whether the model's program is wrong, other than by a name half changed.

    Where the attack renames what is to be defined, a prompt with some of its changes
    may ask for another name than the tests call. That is our doing.
    """
    is_renamed = asked.attacked.entry_points != asked.problem.entry_points
    if record.verdict is Verdict.MISSING_ENTRY_POINT and is_renamed:
        return False
    return record.judged and not record.solved
