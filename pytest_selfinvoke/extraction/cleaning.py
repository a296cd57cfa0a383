"""What is taken out of an answer before it is read as code."""

from __future__ import annotations

import re

_REASONING = re.compile(
    r"^[ \t]*<(?:think|thinking|reasoning|thought)>"
    r"|(?P<close></(?:think|thinking|reasoning|thought)>)",
    re.MULTILINE | re.IGNORECASE,
)
_INDENT = re.compile(r"^[ \t]*\xa0[ \t\xa0]*", re.MULTILINE)


def clean(text: str) -> str:
    r"""The text as Python can read it: UTF-8, ``\n`` line ends, no NUL, no BOM.

    Non-breaking spaces become spaces where they indent a line, and nowhere else.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    text = text.removeprefix("\ufeff")
    return _INDENT.sub(lambda m: m[0].replace("\xa0", " "), text)


def without_reasoning(text: str) -> tuple[str, bool]:
    """The text without reasoning blocks, and whether it ends inside of one.

    An opening tag counts at the start of a line only. A closing tag without an opening
    one ends a block that the chat template had opened: all before it is reasoning.
    """
    kept: list[str] = []
    position, is_inside = 0, False
    for tag in _REASONING.finditer(text):
        if tag["close"] is None:
            if not is_inside:
                kept.append(text[position : tag.start()])
            is_inside = True
        else:
            if not is_inside:
                kept.clear()
            is_inside, position = False, tag.end()
    if not is_inside:
        kept.append(text[position:])
    return "".join(kept), is_inside
