from __future__ import annotations

import keyword

import pytest

from pytest_selfinvoke.attacks import lexicon as module
from pytest_selfinvoke.attacks.lexicon import lexicon, parse
from pytest_selfinvoke.core.errors import UserError


def test_the_words_that_come_with_the_package() -> None:
    found = lexicon()
    assert len(found.synonyms) > 150
    assert found.synonyms["calculate"] == ("compute", "work out")
    assert (found.verbs["write"].past, found.thirds["writes"].base) == (
        "wrote",
        "write",
    )
    assert (found.numbers["index"], found.numbers["indices"]) == ("indices", "index")
    assert len(found.phrases[0][0]) >= len(found.phrases[-1][0])


def test_no_synonym_is_a_word_of_code_or_the_word_itself() -> None:
    for word, others in lexicon().synonyms.items():
        assert word not in others
        assert not any(
            keyword.iskeyword(other) for other in others if other not in ("if", "else")
        ), word


@pytest.mark.parametrize(
    "word", ["list", "tuple", "sorted", "prime", "sum", "even", "multiple"]
)
def test_words_of_fixed_meaning_keep_it(word: str) -> None:
    assert set(lexicon().synonyms.get(word, ())) <= {"total"}


@pytest.mark.parametrize(
    "text", ["[verbs]\nwrite writes wrote", "[synonyms]\nnothing", "[what]\nx: y", "x"]
)
def test_a_broken_line_is_named(text: str) -> None:
    with pytest.raises(UserError, match=r"lexicon.txt, line \d: cannot be read"):
        parse(text)


def test_a_missing_file_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FILE", "gone.txt")
    lexicon.cache_clear()
    try:
        with pytest.raises(UserError, match=r"gone.txt .*install the package again"):
            lexicon()
    finally:
        monkeypatch.undo()
        lexicon.cache_clear()
