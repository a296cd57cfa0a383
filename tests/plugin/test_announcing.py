"""The plan reaches the generation server before, and apart from, what is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_selfinvoke.generation.client import GenerationClient
from pytest_selfinvoke.models.base import Request

from .conftest import Run

MODEL = """
class Quiet:
    max_batch = 8
    def __init__(self, spec): pass
    def generate(self, requests):
        return ["def f(): pass"] * len(requests)
"""


def test_more_is_promised_before_the_first_text_is_made(
    run_both: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, bool]] = []
    plan = GenerationClient.plan

    def spy(
        self: GenerationClient,
        label: str,
        requests: Sequence[Request],
        *,
        more: bool = False,
    ) -> None:
        told.append((len(requests), more))
        plan(self, label, requests, more=more)

    monkeypatch.setattr(GenerationClient, "plan", spy)
    pytester.makepyfile(quiet=MODEL)
    run_both("--model=quiet:Quiet", "--limit=40")
    # A session that is over before its plan has been told ends that, too.
    assert 1 <= len(told) <= 3
    assert told == [(0, True), (32, True), (8, False)][: len(told)]
