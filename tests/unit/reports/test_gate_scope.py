from __future__ import annotations

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.metrics.gates import Gate
from pytest_selfinvoke.reports.gate_scope import Scope

SCOPE = Scope(
    models=frozenset({"dense", "moe"}),
    benchmarks=frozenset({"mini", "humaneval-pro"}),
    attacks=frozenset({"clean", "docstring.a", "docstring.b", "whole"}),
    samples=2,
)


@pytest.mark.parametrize(
    "text",
    [
        "pass@1>=.5",
        "pass@2[docstring.a]>=.5",
        "dense/mini:robust_pass@1[docstring]>=.5",
        "drop<=.5",
        "pass@1[whole]>=.5",
        "drop[whole]<=.5",
    ],
)
def test_what_can_be_measured(text: str) -> None:
    SCOPE.check([Gate.parse(text)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("densee/pass@1>=.5", "unknown model 'densee': did you mean 'dense'?"),
        ("humanevalpro:pass@1>=.5", "did you mean 'humaneval-pro'?"),
        ("drop[docstrings]<=.5", "did you mean 'docstring'?"),
        ("pass@1[docstring.c]>=.5", "unknown attack or family 'docstring.c'"),
        ("pass@1[docstring]>=.5", "take robust_pass@1[docstring]"),
        ("pass@1[worst]>=.5", "take robust_pass@1[worst]"),
        ("drop[clean]<=.5", "unknown attack or family 'clean'"),
        ("pass@3>=.5", "needs --samples=3"),
        ("net_drop<=.5", "add --attack=clean.repeat"),
        ("flips[clean.repeat]<=.5", "unknown attack or family 'clean.repeat'"),
    ],
)
def test_mistakes_name_the_nearest(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        SCOPE.check([Gate.parse("pass@1>=.5"), Gate.parse(text)])
    assert str(caught.value).startswith(f"gate {text!r}: ")
    assert words in str(caught.value)


def scope(*attacks: str, budgeted: bool = False) -> Scope:
    names = frozenset(["m"])
    return Scope(
        models=names, benchmarks=names, attacks=frozenset(attacks), budgeted=budgeted
    )


def test_without_attacks_there_is_no_robustness_but_a_control() -> None:
    with pytest.raises(UserError, match="needs an attack"):
        scope("clean", "clean.repeat").check([Gate.parse("drop<=.5")])
    scope("clean", "clean.repeat").check([Gate.parse("flips[clean.repeat]<=.5")])


def test_a_budget_allows_the_worst_case_only() -> None:
    found = scope("clean", "x.a", "x.b", budgeted=True)
    found.check([Gate.parse(t) for t in ("pass@1>=.5", "drop<=.5", "asr<=.5")])
    for text in ("drop[x]<=.5", "flips<=.5"):
        with pytest.raises(UserError, match="--attack-budget"):
            found.check([Gate.parse(text)])
