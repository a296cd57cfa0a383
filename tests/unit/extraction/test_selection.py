from __future__ import annotations

import pytest

from pytest_selfinvoke.extraction.reader import Statement, read
from pytest_selfinvoke.extraction.selection import Selection, assemble, cut, select


def chosen(
    *segments: str, names: tuple[str, ...] = ("f",), given: str = "", **options: bool
) -> Selection:
    return select(
        [statements(s) for s in segments], names, statements(given), **options
    )


def statements(text: str) -> list[Statement]:
    return [p for p in read(text) if isinstance(p, Statement)]


def sources(selection: Selection) -> list[str]:
    return [s.source for s in selection.statements]


F = "def f():\n    return g()"


@pytest.mark.parametrize(
    "needed",
    [
        "def g():\n    return 1",
        "async def g():\n    return 1",
        "class g:\n    pass",
        "g = lambda: 1",
        "import g",
        "from a import b as g",
        "try:\n    from a import g\nexcept ImportError:\n    g = None",
        "if a:\n    g = 1",
        "for g in a:\n    pass",
        "g, h = a",
    ],
)
def test_what_is_needed_is_kept(needed: str) -> None:
    assert sources(chosen(f"{needed}\n{F}")) == [needed, F]
    assert sources(chosen(f"{F}\n{needed}")) == [F, needed]


@pytest.mark.parametrize(
    "idle",
    [
        "print(f())",
        "assert f() == 1",
        "f()",
        "h = f()",
        "def test_f():\n    assert f()",
        "import pytest",
        "from solution import *",
        "if __name__ == '__main__':\n    g = 2",
        "for x in y:\n    print(f(x))",
        "plt.show()",
    ],
)
def test_what_is_not_needed_is_dropped(idle: str) -> None:
    text = f"def g():\n    return 1\n{F}"
    kept = sources(chosen(text))
    assert sources(chosen(f"{text}\n{idle}")) == kept
    assert sources(chosen(f"{idle}\n{text}")) == kept


def test_a_local_name_needs_no_global_one() -> None:
    text = "result = 5\ndef f():\n    result = 1\n    return result"
    assert sources(chosen(text)) == ["def f():\n    result = 1\n    return result"]


def test_needs_are_followed_through_helpers_and_decorators() -> None:
    text = (
        "import functools\nN = 3\ndef h():\n    return N\n"
        "def g(x=h):\n    return x()\n@functools.cache\ndef f():\n    return g()\nM = 4"
    )
    assert len(sources(chosen(text))) == 5


@pytest.mark.parametrize(
    "lines",
    [
        ["m = {}", "m[0] = 1", "def f():\n    return m"],
        ["m = []", "m.append(1)", "def f():\n    return m"],
        ["m = [0]", "for i in range(3):\n    m[0] += i", "def f():\n    return m"],
        ["def f():\n    return f.x", "f.x = 1"],
        ["import a", "import a.b", "def f():\n    return a.b"],
        ["def f():\n    return 1", "f = twice(f)"],
        ["x = 1", "x += 1", "def f():\n    return x"],
        ["import sys", "sys.setrecursionlimit(9)", "def f():\n    return 1"],
        ["from math import *", "def f():\n    return pi"],
        ["from __future__ import annotations", "def f():\n    return 1"],
    ],
)
def test_statements_that_work_together_stay_together(lines: list[str]) -> None:
    assert sources(chosen("\n".join(lines))) == lines


def test_the_last_definition_with_a_body_wins() -> None:
    first, second, stub = (
        f"def f():\n    {b}" for b in ("return 1", "return 2", "...")
    )
    assert sources(chosen(f"{first}\n{second}")) == [second]
    assert sources(chosen(first, second)) == [second]
    assert sources(chosen(first, second, stub)) == [second]
    assert sources(chosen(f"{first}\n{stub}")) == [first]
    assert sources(chosen(stub)) == [stub]
    assert sources(chosen(first, second, takes_first=True)) == [first]


def test_a_repeated_complete_function_of_the_prompt_wins_over_an_earlier_try() -> None:
    complete = "def f():\n    return 1"
    assert sources(chosen("def f(): return 0", complete, given=complete)) == [complete]


def test_star_imports_are_kept_only_for_names_that_nothing_else_binds() -> None:
    star = "from solution import *"
    text = f"{star}\ndef f():\n    return g"
    assert sources(chosen(text))[0] == star
    assert star not in sources(chosen(text, given="g = 1"))


def test_helpers_come_from_the_same_segment_first() -> None:
    old, new = "def g():\n    return 1", "def g():\n    return 2"
    assert sources(chosen(f"{old}\n{F}", new)) == [old, F]
    assert sources(chosen(old, f"{new}\n{F}")) == [new, F]
    assert sources(chosen(old, F, new)) == [old, F]
    assert sources(chosen(F, new)) == [F, new]


def test_a_stub_of_another_entry_point_is_not_followed() -> None:
    base, stub = "def b():\n    return 1", "def b():\n    ..."
    target = "def f():\n    return b()"
    selection = chosen(base, f"{stub}\n{target}", names=("b", "f"))
    assert sources(selection) == [base, target]


def test_what_is_missing_hollow_or_echoed() -> None:
    given = "def c():\n    '''Doc.'''"
    text = f"def a():\n    pass\n{given}\ndef d(): return 1"
    selection = chosen(text, names=("a", "b", "c", "d"), given=given)
    assert selection.missing == ("b",)
    assert selection.hollow == ("a", "c")
    assert selection.echoed == ("c",)
    assert not selection.is_complete
    assert chosen(text, names=("d",)).is_complete


@pytest.mark.parametrize(
    "foreign",
    ["print(f())", "assert f()", "```", "This is prose.", "if __name__ == 'x': g()"],
)
def test_continuations_are_cut_at_the_first_foreign_piece(foreign: str) -> None:
    text = f"print(0)\n{F}\nimport a\n{foreign}\ndef f():\n    return 2"
    head, tail = cut(read(text), ("f",), [])
    assert [s.source for s in head] == ["print(0)", F, "import a"]
    assert tail[-1].source == "def f():\n    return 2"


def test_nothing_is_cut_before_all_is_defined() -> None:
    text = f"{F}\nprint(f())\ndef h():\n    return 1"
    assert cut(read(text), ("f", "h"), [])[1] == []
    twice = f"{F}\nprint(1)\n{F}\nprint(2)"
    assert [s.source for s in cut(read(twice), ("f", "f"), [])[1]] == ["print(2)"]


def test_the_prompt_itself_completes_nothing() -> None:
    part, whole = "def f():\n    x = 1", "def f():\n    x = 1\n    return x"
    head, _ = cut(read(f"{part}\n\nSo, once more:\n{whole}"), ("f",), statements(part))
    assert [s.source for s in head] == [part, whole]


def test_the_prompt_gives_what_the_answer_does_not_bring() -> None:
    given = (
        "from __future__ import annotations\nimport a\nimport b\nN = 1\n"
        "def g():\n    return 1\ndef h():\n    ...\ndef f():\n    '''Doc.'''\n"
        "if x:\n    return 1\nprint(1)\n"
    )
    selection = chosen(
        "import b\nN = 2\ndef f():\n    return b, N, g", names=("f",), given=given
    )
    assert assemble(selection, statements(given), ("f",)).split("\n\n") == [
        "from __future__ import annotations",
        "import a",
        "import b",  # what is given may need it before the answer's own comes
        "def g():\n    return 1",
        "import b",
        "N = 2",
        "def f():\n    return b, N, g\n",
    ]
