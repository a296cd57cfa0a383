from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.claims.claim import has_claims, load_claims
from pytest_selfinvoke.core.errors import DataError

VALUE = """
[[claim]]
id = "one two"
text = "small solves half"
kind = "value"
of = { model = "small" }
is = 50
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "a.claims.toml"
    path.write_text(text)
    return path


def test_a_claim_is_read(tmp_path: Path) -> None:
    head = 'published = "p.csv"\nruns = ["r"]\n[problems]\nHumanEval = 164\n'
    file = load_claims(written(tmp_path, head + VALUE))
    assert file.published == tmp_path / "p.csv"
    assert file.runs == (tmp_path / "r",)
    assert file.problems == {"HumanEval": 164}
    [claim] = file.claims
    assert claim.id == "one-two"
    assert (claim.low, claim.high) == (49.95, 50.05)


PAIRED = VALUE.replace('"value"', '"difference"').replace("is = 50", 'pairs = [["a"]]')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no [[claim]]"),
        ("claim = 3", "expected list, got int 3"),
        (VALUE.replace('text = "small solves half"', ""), "'claim[1].text': is missing"),
        (VALUE.replace('"value"', '"valu"'), "did you mean 'value'"),
        (VALUE.replace("is = 50", ""), "a claim of kind value needs it"),
        (VALUE.replace("is = 50", 'is = "50"'), "expected float, got str"),
        (VALUE.replace("is = 50", "is = 50\nwihin = 1"), "did you mean"),
        (VALUE + VALUE, "two claims have the id 'one-two'"),
        (VALUE + 'from = "run"', "did you mean 'runs'"),
        (PAIRED, "above or below"),
        (PAIRED + "above = 0", "expected two models, got ['a']"),
        ("[problems]\nHumanEval = 1.5\n" + VALUE, "problems.HumanEval"),
        ("[[claim", "not TOML"),
    ],
)  # fmt: skip
def test_mistakes_name_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError) as error:
        load_claims(written(tmp_path, text))
    assert "a.claims.toml" in str(error.value)
    assert words in str(error.value)


def test_what_holds_claims(tmp_path: Path) -> None:
    assert has_claims(written(tmp_path, VALUE))
    assert not has_claims(written(tmp_path, "[tool]"))
    assert not has_claims(written(tmp_path, "[["))
