from __future__ import annotations

import pytest

from pytest_selfinvoke.core.records import Message, Part, Problem, Prompt
from pytest_selfinvoke.prompts.answers import reference_answer

BASE = Part(
    entry_point="double",
    prompt='def double(x):\n    """Twice x."""\n',
    solution="    # by adding\n    return x + x\n",
)
TARGET = Part(
    entry_point="doubles",
    prompt='def doubles(xs):\n    """Each doubled."""\n',
    solution="    return [double(x) for x in xs]\n",
)
PRO = Problem(id="p", benchmark="b", base=BASE, target=TARGET)
PLAIN = Problem(id="q", benchmark="b", target=BASE)
BOTH = """\
def double(x):
    return x + x


def doubles(xs):
    return [double(x) for x in xs]
"""
CHAT = (Message(role="user", content="write it"),)


def test_in_a_chat_the_program_stands_in_a_fenced_block() -> None:
    prompt = Prompt(style="chat", messages=CHAT)
    assert reference_answer(PRO, prompt) == f"```python\n{BOTH}```"


def test_after_a_text_it_is_the_program() -> None:
    assert reference_answer(PRO, Prompt(style="template", text="write it")) == BOTH


@pytest.mark.parametrize(
    ("problem", "rest"),
    [
        (PLAIN, ""),
        (PRO, "\n\n\ndef doubles(xs):\n    return [double(x) for x in xs]"),
    ],
)
def test_after_the_begin_of_the_program_it_is_what_follows(
    problem: Problem, rest: str
) -> None:
    prompt = Prompt(style="completion", text="...", prefix=BASE.prompt)
    assert reference_answer(problem, prompt) == f"    return x + x{rest}\n"


def test_a_body_that_cannot_be_parted_from_its_prompt_stays() -> None:
    body = "        return 2\n    return 1\n"
    part = Part(
        entry_point="f", prompt="def f(x):\n    if x:\n", solution=body, tests=""
    )
    prompt = Prompt(style="completion", text="...", prefix=part.prompt)
    problem = Problem(id="r", benchmark="b", target=part)
    assert reference_answer(problem, prompt) == body
