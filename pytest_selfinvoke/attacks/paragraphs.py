"""The prose of a prompt as paragraphs, and the prompt with other paragraphs in it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_selfinvoke.attacks.prose import prose_spans

_WIDTH = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Prose on neighbouring lines, from offset ``start`` to ``end`` of its code.

    ``text`` is in one line. ``prefix`` begins each line but the first: blanks, or
    blanks and a ``#``. ``column`` is where the first line's text stands.
    """

    start: int
    end: int
    text: str
    prefix: str
    column: int


def paragraphs(code: str) -> tuple[Paragraph, ...]:
    """The paragraphs of a code's docstrings and comments, in order."""
    return tuple(_paragraph(code, spans) for spans in _groups(code))


def with_paragraphs(code: str, texts: Sequence[str]) -> str:
    """The code with each paragraph said as the text in its place says it.

    :param texts: one for each of :func:`paragraphs`; line breaks in them mean nothing.
    """
    parts, at = [], 0
    for paragraph, text in zip(paragraphs(code), texts, strict=True):
        lines = textwrap.wrap(
            text,
            width=max(20, _WIDTH - paragraph.column),
            break_long_words=False,
            break_on_hyphens=False,
        )
        parts += [code[at : paragraph.start], f"\n{paragraph.prefix}".join(lines)]
        at = paragraph.end
    return "".join([*parts, code[at:]])


def _groups(code: str) -> Iterator[list[tuple[int, int]]]:
    """Spans of prose that nothing but a line break and its indentation parts."""
    group: list[tuple[int, int]] = []
    for start, end in prose_spans(code):
        between = code[group[-1][1] : start] if group else ""
        if group and (between.count("\n") != 1 or between.strip(" \t\n#")):
            yield group
            group = []
        group.append((start, end))
    if group:
        yield group


def _paragraph(code: str, spans: list[tuple[int, int]]) -> Paragraph:
    lines = [code[start:end] for start, end in spans]
    start = spans[0][0] + len(lines[0]) - len(lines[0].lstrip())
    line_start = code.rfind("\n", 0, start) + 1
    before = code[line_start:start]
    indent = before[: len(before) - len(before.lstrip())]
    return Paragraph(
        start=start,
        end=spans[-1][0] + len(lines[-1].rstrip()),
        text=" ".join(line.strip() for line in lines),
        prefix=f"{indent}# " if before.rstrip().endswith("#") else indent,
        column=len(before),
    )
