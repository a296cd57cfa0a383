from __future__ import annotations

from dataclasses import replace

from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.whitebox.words import exchanged, places, replacements, words_of
from tests.unit.whitebox.fakes import PLAIN, PRO, Words


def shown(style: str, problem=PRO) -> tuple[str, list[tuple[int, int]]]:  # type: ignore[no-untyped-def]
    text = get_style(style).render(problem.prompt, problem).shown()
    return text, Words().encode(text, is_chat=False)[1]


def test_words_are_those_of_the_prose() -> None:
    found = [(word.part, word.text) for word in words_of(PRO)]
    assert found == [
        *(("base", text) for text in ("Give", "twice", "the", "number", "as")),
        *(("target", text) for text in ("Give", "of", "every", "number")),
    ]


def test_each_place_is_where_the_model_reads_the_word() -> None:
    for style in ("chat", "completion"):
        text, spans = shown(style)
        found = places(PRO, text, spans)
        assert [p.word.text for p in found] == [w.text for w in words_of(PRO)]
        for place in found:
            start, end = spans[place.token]
            assert text[start:end] == place.lead + place.word.text
        assert len({place.token for place in found}) == len(found)


def test_a_prompt_that_does_not_show_a_line_has_no_place_for_it() -> None:
    text = PRO.prompt.replace('"""Give double of every number."""', "...")
    spans = Words().encode(text, is_chat=False)[1]
    assert {place.word.part for place in places(PRO, text, spans)} == {"base"}


def test_a_word_of_several_tokens_has_no_place() -> None:
    text, spans = shown("chat", PLAIN)
    index, (start, end) = next(
        (i, span) for i, span in enumerate(spans) if text[slice(*span)] == " number"
    )
    spans[index : index + 1] = [(start, start + 3), (start + 3, end)]
    assert "number" not in {p.word.text for p in places(PLAIN, text, spans)}


def test_one_word_is_exchanged_in_its_place() -> None:
    [*_, last] = words_of(PRO)
    changed = exchanged(PRO, last, "zebra")
    assert changed.base == PRO.base
    assert changed.target == replace(
        PRO.target, prompt='def doubles(xs):\n    """Give double of every zebra."""\n'
    )


def test_replacements_are_whole_words_with_and_without_a_blank() -> None:
    found = replacements([" zebra", "Zebra", " ze", "(", " two words", " x1", "the"])
    assert found == {" ": {0: "zebra"}, "": {1: "Zebra", 6: "the"}}
