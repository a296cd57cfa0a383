from __future__ import annotations

import pytest

from pytest_selfinvoke.attacks.paragraphs import paragraphs, with_paragraphs

CODE = '''import math

# The first helper. It takes a list
# of numbers.
def near(values, gap):
    """Count pairs of values that are
    nearer than the gap.

    Order does not matter.
    >>> near([1, 2], 2)
    1
    """
'''


def test_neighbouring_lines_are_one_paragraph() -> None:
    assert [p.text for p in paragraphs(CODE)] == [
        "The first helper. It takes a list of numbers.",
        "Count pairs of values that are nearer than the gap.",
        "Order does not matter.",
    ]


def test_the_same_paragraphs_change_no_word() -> None:
    same = with_paragraphs(CODE, [p.text for p in paragraphs(CODE)])
    assert same.replace("#", "").split() == CODE.replace("#", "").split()


def test_other_paragraphs_keep_the_layout_and_the_examples() -> None:
    texts = ["A helper.", "word " * 30, "In any order."]
    assert with_paragraphs(CODE, texts) == (
        "import math\n\n# A helper.\n"
        "def near(values, gap):\n"
        f'    """{" ".join(["word"] * 16)}\n    {" ".join(["word"] * 14)}\n\n'
        '    In any order.\n    >>> near([1, 2], 2)\n    1\n    """\n'
    )


def test_long_comments_go_on_in_comments() -> None:
    found = with_paragraphs(CODE, ["word " * 40, "b", "c"])
    lines = found.splitlines()[2:]
    assert [line.startswith("# word") for line in lines[:4]] == [
        True,
        True,
        True,
        False,
    ]


def test_another_number_of_texts_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        with_paragraphs(CODE, ["one"])
