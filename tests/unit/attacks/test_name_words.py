from __future__ import annotations

import pytest

from pytest_selfinvoke.attacks.name_words import forms, synonyms


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("copy", ()),
        ("city", ("cities",)),
        ("box", ("boxes",)),
        ("matrix", ("matrices",)),
        ("numbers", ("number",)),
        ("verify", ("verified", "verifying")),
        ("play", ("played", "playing")),
        ("filtered", ("filter", "filtering")),
        ("is", ("was",)),
    ],
)
def test_forms(word: str, expected: tuple[str, ...]) -> None:
    assert forms(word) == expected


def test_words_are_no_forms_or_synonyms_of_themselves() -> None:
    for word in ("sum", "index", "pair", "set", "read", "put"):
        assert word not in (*forms(word), *synonyms(word))


def test_synonyms_of_a_plural_are_plurals() -> None:
    assert synonyms("nums") == ("numbers",)
    assert synonyms("xyzzy") == ()
