"""Taking source apart, and making tests stand on their own."""

from __future__ import annotations

import pytest

from pytest_selfinvoke.benchmarks.source import (
    Parted,
    Source,
    part,
    self_contained,
    third_party,
    without_functions,
)


def parted(text: str, name: str) -> Parted:
    source = Source.of(text)
    return part(source, next(f for f in source.functions if f.name == name))


def test_part() -> None:
    found = parted(
        "# What it does\r\n"
        "import re\n"
        "\n"
        "@re.cache\n"
        "def helper():\n"
        "    return 1\n"
        "\n"
        "LIMIT = 3\n"
        "@re.cache\n"
        "def f(\n"
        "    x,\n"
        "):  # ends here\n"
        "\n"
        "    # first\n"
        "    return x\n"
        "\n"
        "def later():\n"
        "    return 2\n",
        "f",
    )
    assert found == Parted(
        before="# What it does\nimport re\n\n\nLIMIT = 3\n",
        signature="@re.cache\ndef f(\n    x,\n):  # ends here\n",
        body="\n    # first\n    return x\n",
        others=(
            "@re.cache\ndef helper():\n    return 1\n\n\ndef later():\n    return 2"
        ),
    )


def test_part_of_a_function_on_one_line() -> None:
    found = parted("A = 'é'; B = 1\ndef f(x='é'): y = x; return (y,\n1)\n", "f")
    assert found.signature == "def f(x='é'):\n"
    assert found.body == "    y = x; return (y,\n1)\n"
    compile(found.before + found.signature + found.body, "f", "exec")


def test_bad_escapes_do_not_warn() -> None:
    assert Source.of("'\\d'").tree.body


def test_functions_are_left_out() -> None:
    text = "import re\n@re.x\ndef f():\n    pass\ndef g():\n    pass\nassert f()\n"
    assert without_functions(text, ("f", "h")) == (
        "import re\ndef g():\n    pass\nassert f()\n"
    )
    assert without_functions(text, ("f", "g")) == "import re\nassert f()\n"
    broken = "    def f(:"
    assert without_functions(broken, ("f",)) is broken
    with pytest.raises(SyntaxError):
        without_functions("def f(:", ("f",))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os, numpy.linalg as la", ("numpy",)),
        ("def f():\n    from pandas import os", ("pandas",)),
        ("import re\nfrom os.path import join", ()),
        ('"""\nfrom the list\nimport duties\n"""', ()),
        ("from .numpy import a\nimport regex", ("regex",)),
        ("import numpy\n(", ()),
    ],
)
def test_third_party(source: str, found: tuple[str, ...]) -> None:
    assert third_party(source, "import sys") == found


CONTEXT = """\
import math
from collections import (
    Counter,
    OrderedDict,
)
try:
    import zoneinfo as zone
except ImportError:
    import pytz as zone
SIDES = 4
class Pair:
    side = SIDES
@math.cache
def helper(count):
    return [Counter(count), base]
def base(x):
    local = x
    return local
"""


@pytest.mark.parametrize(
    ("tests", "lines"),
    [
        ("assert base(1)", []),
        ("assert base(math.pi)", ["import math"]),
        ("assert zone.now", CONTEXT.splitlines()[5:9]),
        ("assert Pair()", ["SIDES = 4", "class Pair:", "    side = SIDES"]),
        # Imports of the helper's own, in the order of the context.
        ("assert helper(1)", [*CONTEXT.splitlines()[:5], *CONTEXT.splitlines()[12:15]]),
        # Bound in the tests themselves.
        ("import math\nassert math.pi", []),
        ("for SIDES in [1]: assert SIDES", []),
        ("def check(helper):\n    assert helper(1)", []),
        # Locals of functions are not to be had; words in strings are no names.
        ("assert local, 'math'", []),
    ],
)
def test_tests_stand_on_their_own(tests: str, lines: list[str]) -> None:
    done = self_contained(tests, Source.of(CONTEXT), entry_points=("base",))
    assert done == "\n".join([*lines, tests])


def test_later_context_wins() -> None:
    contexts = [Source.of("A = 1"), Source.of("A = 2")]
    assert self_contained("A", *contexts, entry_points=()) == "A = 2\nA"
