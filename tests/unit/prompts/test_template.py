from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.errors import DataError
from pytest_selfinvoke.core.records import Part, Problem, Prompt
from pytest_selfinvoke.prompts import PromptStyle, get_style

BASE = Part(entry_point="one", prompt="\n# $1\ndef one():\n", solution="")
TARGET = Part(entry_point="two", prompt="# [user]\ndef two():\n\n", solution="")
PLAIN = Problem(id="1", benchmark="b", target=TARGET)
PAIR = Problem(id="2", benchmark="b", target=TARGET, base=BASE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.txt"


def style(file: Path, text: str) -> PromptStyle:
    file.write_text(text, encoding="utf-8")
    return get_style(f"template:{file}")


def render(file: Path, text: str, problem: Problem = PAIR) -> Prompt:
    return style(file, text).render("\n\nALL\n\n", problem)


def turns(prompt: Prompt) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in prompt.messages]


def test_all_placeholders(file: Path) -> None:
    text = "$prompt|$base_prompt|${target_prompt}|$base_entry_point|$entry_point|$$"
    assert render(file, text).text == (
        "ALL|# $1\ndef one():|# [user]\ndef two():|one|two|$"
    )
    assert render(file, text, PLAIN).text == (
        "ALL|# [user]\ndef two():|# [user]\ndef two():|two|two|$"
    )


def test_turns_of_a_chat(file: Path) -> None:
    text = "\n[system]\nBe brief.\n[user]\nDo:\n$target_prompt\n\n[assistant] \nOk\n"
    prompt = render(file, f"{text}[user]\n$prompt\n")
    assert turns(prompt) == [
        ("system", "Be brief."),
        ("user", "Do:\n# [user]\ndef two():\n"),
        ("assistant", "Ok"),
        ("user", "ALL"),
    ]
    assert (prompt.text, prompt.prefix, prompt.stop) == ("", "", ())


@pytest.mark.parametrize(
    ("answer", "prefix"),
    [
        ("```python\n$prompt\n", "ALL"),
        ("```python\n$prompt\n\n", "ALL\n"),
        ("Here:\n~~~ py\nimport a\n$prompt", "import a\nALL"),
        ("import a\n$prompt", "import a\nALL"),
        ("```python\n", ""),
        ("```python\n\n", ""),
    ],
)
def test_a_last_assistant_turn_is_a_prefix(
    file: Path, answer: str, prefix: str
) -> None:
    prompt = render(file, f"[user]\nDo it: $prompt\n[assistant]\n{answer}")
    content = answer.removesuffix("\n").replace("$prompt", "ALL")
    assert turns(prompt)[-1] == ("assistant", content)
    assert prompt.prefix == prefix


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("$prompt\n", "ALL"),
        ("# Do it.\n$prompt\n\n", "# Do it.\nALL\n"),
        ("Do:\n```\n${base_prompt}", "# $1\ndef one():"),
        ("Do: $prompt\nAnswer:\n", ""),
        ("Do: $entry_point", ""),
        ("Do $prompt: $$prompt", ""),
    ],
)
def test_a_completion_continues_code_only(file: Path, text: str, prefix: str) -> None:
    prompt = render(file, text)
    assert not prompt.is_chat
    assert prompt.text
    assert prompt.prefix == prefix


def test_name_and_hash(file: Path) -> None:
    first = style(file, "A $prompt\n")
    assert first.name == "template:mine.txt"
    assert isinstance(first, PromptStyle)
    prompt = first.render("x", PAIR)
    assert (prompt.style, prompt.template_hash) == (first.name, first.template_hash)
    assert style(file, "A $prompt\n").template_hash == first.template_hash
    assert style(file, "A  $prompt\n").template_hash != first.template_hash
    assert style(file, "[user]\nA $prompt\n").template_hash != first.template_hash


def test_words_in_brackets_that_are_no_turns_are_text(file: Path) -> None:
    assert style(file, "[data]\n$prompt\n[0]").turns == (("", "[data]\n$prompt\n[0]"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the template is empty"),
        ("Solve it for $$ 5.", r"nothing of the problem is in it: write \$prompt"),
        (" \n\n", "the template is empty"),
        (
            "a\n$promt",
            r":2: unknown placeholder \$promt: did you mean \$prompt\? known",
        ),
        ("\n\n${x} $prompt", r":3: unknown placeholder \$x: known: \$prompt, "),
        ("a\nb costs 5$ now", r":2: write \$\$ for a dollar sign"),
        ("Hi\n[user]\nA", ":1: text before the first turn"),
        (
            "[assistant]\nA",
            r":1: \[assistant\] is out of order: expected \[system\] or",
        ),
        (
            "[user]\nA\n[user]\nB",
            r":3: \[user\] is out of order: expected \[assistant\]",
        ),
        (
            "[system]\nA\n[system]\nB",
            r":3: \[system\] is out of order: expected \[user\]",
        ),
        (
            "[usr]\n$prompt",
            r":1: unknown turn \[usr\]: did you mean \[user\]\?",
        ),
        (
            "[user]\n$prompt\n[Assistant]\n",
            r":3: unknown turn \[Assistant\]: did you mean \[assistant\]\?",
        ),
        ("[system]\nA", r"there is no \[user\] turn"),
        ("[user]\n\n[assistant]\nA", r":1: \[user\] is empty"),
    ],
)
def test_broken_templates_say_what_and_where(
    file: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=rf"mine\.txt.*{message}"):
        style(file, text)


def test_unreadable_files(file: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.txt: cannot read .*No such file"):
        get_style(f"template:{file}")
    file.write_bytes(b"\xff$prompt")
    with pytest.raises(DataError, match="it is not UTF-8 text"):
        get_style(f"template:{file}")
