from __future__ import annotations

from pytest_selfinvoke.core.records import Part, Problem
from pytest_selfinvoke.prompts.chat import ChatStyle

BASE = Part(entry_point="one", prompt="# One.\ndef one(x):\n", solution="    return 1")
TARGET = Part(entry_point="two", prompt="# $Two.\ndef two(x):\n", solution="")
PLAIN = Problem(id="1", benchmark="b", target=TARGET)
PAIR = Problem(id="2", benchmark="b", target=TARGET, base=BASE)


def user(problem: Problem, code: str | None = None) -> str:
    prompt = ChatStyle().render(problem.prompt if code is None else code, problem)
    assert [m.role for m in prompt.messages] == ["system", "user"]
    assert (prompt.text, prompt.prefix, prompt.stop) == ("", "", ())
    assert prompt.style == "chat"
    assert prompt.template_hash == ChatStyle().template_hash
    return prompt.messages[1].content


def test_the_code_stands_in_a_fence() -> None:
    assert f"\n```python\n{PAIR.prompt}```\n" in user(PAIR)


def test_functions_are_named_and_the_call_is_asked_for() -> None:
    assert "Define `one` and `two`." in user(PAIR)
    assert user(PAIR).endswith("- `two` must call `one`.")
    assert "Define `two`." in user(PLAIN)
    assert "must call" not in user(PLAIN)


def test_changed_code_is_shown_as_it_is() -> None:
    assert "\n```python\n# Changed\n```\n" in user(PAIR, "\n# Changed\n")
    # an attack may add empty lines, and they count
    assert "\n```python\n# Changed\n\n```\n" in user(PAIR, "\n# Changed\n\n")


def test_fences_in_the_code_do_not_close_the_fence() -> None:
    text = user(PLAIN, '"""\n````\nx\n````\n"""')
    assert '\n`````python\n"""\n````\nx\n````\n"""\n`````\n' in text


def test_the_reference_never_shows() -> None:
    assert "return 1" not in user(PAIR)
