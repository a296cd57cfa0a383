"""Prompts from a user's text file.

The file is a ``string.Template``. ``$prompt`` is all the code, ``$base_prompt`` and
``$target_prompt`` are its parts, ``$base_entry_point`` and ``$entry_point`` the names
of the functions; ``$$`` is a dollar sign. For a plain problem the base placeholders
stand for the target. Code is filled in without the line end after it.

Lines that are just ``[system]``, ``[user]`` or ``[assistant]`` begin a chat turn. A
last ``[assistant]`` turn is the beginning of the answer: the model continues it. A file
without such lines is a completion prompt. The last line end of a turn, or of the file,
does not count: a blank line there makes the prompt end with a line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Self

from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.jsonio import content_hash
from pytest_selfinvoke.core.records import Message, Problem, Prompt

CODE = ("prompt", "base_prompt", "target_prompt")
PLACEHOLDERS = (*CODE, "base_entry_point", "entry_point")
_ROLE = re.compile(r"\[(?:system|user|assistant)\][ \t]*")
_BRACKETED = re.compile(r"\[(\w+)\][ \t]*")
_FENCE_LINE = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*(?:\n|\Z)", re.MULTILINE)
#: What may follow a turn; ``""`` stands before the first one.
_NEXT = {
    "": ("system", "user"),
    "system": ("user",),
    "user": ("assistant",),
    "assistant": ("user",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateStyle:
    """A checked template: the turns of a chat, or one text under the role ``""``."""

    name: str
    template_hash: str
    turns: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The style that a file describes.

        :raises DataError: naming the file, and the line where there is one.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise DataError(path, f"cannot read the template: {reason}") from error
        if not text.strip():
            raise DataError(path, "the template is empty")
        _check_placeholders(path, text)
        turns = tuple(_turns(path, text))
        if not Template(text).get_identifiers():
            raise DataError(path, "nothing of the problem is in it: write $prompt")
        return cls(
            name=f"template:{path.name}",
            template_hash=content_hash(turns),
            turns=turns,
        )

    def render(self, prompt_code: str, problem: Problem) -> Prompt:
        """The prompt; its ``prefix`` is the code that the model continues, if any."""
        values = _values(prompt_code, problem)
        filled = [(r, Template(t).substitute(values)) for r, t in self.turns]
        role, last = filled[-1]
        is_prefix = role == "assistant" or (
            not role and _ends_with_code(self.turns[-1][1])
        )
        return Prompt(
            style=self.name,
            messages=tuple(Message(role=r, content=t) for r, t in filled if r),
            text="" if role else last,
            prefix=_after_fence(last) if is_prefix else "",
            template_hash=self.template_hash,
        )


def _values(prompt_code: str, problem: Problem) -> dict[str, str]:
    base = problem.base or problem.target
    parts = (prompt_code, base.prompt, problem.target.prompt)
    code = (part.strip("\n").rstrip() for part in parts)
    names = (base.entry_point, problem.target.entry_point)
    return dict(zip(PLACEHOLDERS, (*code, *names), strict=True))


def _ends_with_code(template: str) -> bool:
    *_, last = [None, *Template.pattern.finditer(template)]
    if last is None or template[last.end() :].strip():
        return False
    return (last["named"] or last["braced"]) in CODE


def _after_fence(text: str) -> str:
    """What follows the last fence line: all, if there is none."""
    fences = list(_FENCE_LINE.finditer(text))
    return text[fences[-1].end() :] if fences else text


def _check_placeholders(path: Path, text: str) -> None:
    for match in Template.pattern.finditer(text):
        name = match["named"] or match["braced"]
        line = text.count("\n", 0, match.start()) + 1
        if match["invalid"] is not None:
            raise DataError(path, "write $$ for a dollar sign", line=line)
        if name and name not in PLACEHOLDERS:
            close = get_close_matches(name, PLACEHOLDERS, n=1)
            hint = f"did you mean ${close[0]}? " if close else ""
            known = ", ".join(f"${n}" for n in PLACEHOLDERS)
            raise DataError(
                path, f"unknown placeholder ${name}: {hint}known: {known}", line=line
            )


def _check_turn(path: Path, word: str, number: int) -> None:
    """Refuse a word in brackets that is all but the name of a turn."""
    close = get_close_matches(word.lower(), filter(None, _NEXT), n=1, cutoff=0.75)
    if close:
        problem = f"unknown turn [{word}]: did you mean [{close[0]}]?"
        raise DataError(path, problem, line=number)


def _turns(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Role and content of each turn, in order; one turn without a role if none has."""
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if (found := _BRACKETED.fullmatch(line)) and not _ROLE.fullmatch(line):
            _check_turn(path, found[1], number)
    markers = [i for i, line in enumerate(lines) if _ROLE.fullmatch(line)]
    if not markers:
        yield "", "\n".join(lines)
        return
    if any(line.strip() for line in lines[: markers[0]]):
        raise DataError(path, "text before the first turn", line=1)
    previous = ""
    for start, end in pairwise([*markers, len(lines)]):
        role = lines[start].strip()[1:-1]
        if role not in _NEXT[previous]:
            expected = " or ".join(f"[{r}]" for r in _NEXT[previous])
            raise DataError(
                path, f"[{role}] is out of order: expected {expected}", line=start + 1
            )
        content = "\n".join(lines[start + 1 : end])
        if not content.strip():
            raise DataError(path, f"[{role}] is empty", line=start + 1)
        yield role, content
        previous = role
    if previous == "system":
        raise DataError(path, "there is no [user] turn", line=len(lines))
