from __future__ import annotations

from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.prompts.completion import STOP, CompletionStyle

BASE = Part(
    entry_point="one", prompt='import a\n\ndef one():\n    """1."""\n\n', solution=""
)
TARGET = Part(
    entry_point="two",
    prompt="# Twice $1.\n#Really.\n\ndef two():\n    '''2.'''\n",
    solution="",
)
PLAIN = Problem(id="1", benchmark="b", target=TARGET)
PAIR = Problem(id="2", benchmark="b", target=TARGET, base=BASE)
TEXT = '''\
# This module defines two functions.
#
# 1. one
# 2. two, which calls one:
#
#    Twice $1.
#    Really.
#
#    def two():
#        \'\'\'2.\'\'\'

import a

def one():
    """1."""
'''


def render(problem: Problem, code: str | None = None) -> Prompt:
    prompt = CompletionStyle().render(problem.prompt if code is None else code, problem)
    assert not prompt.is_chat
    assert prompt.prefix == prompt.text
    assert prompt.style == "completion"
    assert prompt.template_hash == CompletionStyle().template_hash
    return prompt


def test_a_plain_problem_is_its_own_prompt() -> None:
    assert render(PLAIN).text == TARGET.prompt
    # an attack may add empty lines, and they count
    added = "# Changed\ndef two():\n\n\n"
    assert render(PLAIN, added).text == added


def test_the_target_is_announced_and_the_base_comes_last() -> None:
    assert render(PAIR).text == TEXT


def test_changed_code_is_announced_as_a_whole() -> None:
    text = render(PAIR, "# Changed\ndef one():\ndef two():\n").text
    assert "#    Changed\n#    def one():\n#    def two():\n\nimport a\n" in text
    assert text.endswith('def one():\n    """1."""\n')


def test_stops_leave_room_for_the_second_function() -> None:
    assert render(PAIR).stop == STOP
    assert "\nprint(" in render(PLAIN).stop
    assert "\nprint(" not in STOP
    assert not any(
        s.startswith(("\ndef", "\n#", "\nclass")) for s in render(PLAIN).stop
    )
