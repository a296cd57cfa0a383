"""The shipped checkpoints are those of the model card, and write programs."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from pytest_selfinvoke.benchmarks.jsonl import JsonlBenchmark
from pytest_selfinvoke.core.outcomes import Verdict
from pytest_selfinvoke.core.records import Completion, ModelSpec, Prompt, Sampling
from pytest_selfinvoke.extraction import extract
from pytest_selfinvoke.models.base import Request
from pytest_selfinvoke.models.hf import HfKind
from pytest_selfinvoke.prompts import get_style
from pytest_selfinvoke.sandbox.base import Job
from pytest_selfinvoke.sandbox.runner import Sandbox

pytest.importorskip("torch", reason="the extra hf is not installed")
pytest.importorskip("transformers", reason="the extra hf is not installed")

ZOO = Path(__file__).parents[2] / "examples" / "zoo"
NAMES = ("dense-base", "dense-aligned", "moe-base", "moe-aligned")


@pytest.mark.parametrize("name", NAMES)
def test_the_card_has_the_hash_of_the_weights(name: str) -> None:
    weights = ZOO / "checkpoints" / name / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert re.search(rf"`{name}`.*`{digest[:16]}`", (ZOO / "README.md").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_it_solves_a_good_share_of_what_it_was_trained_for(name: str) -> None:
    problems = JsonlBenchmark.named("zoo", ZOO / "problems.jsonl").load(None)
    seen = [problem for problem in problems if "seen" in problem.tags]
    style = get_style(f"template:{ZOO / 'prompt.txt'}")
    engine = HfKind(environ={}).load(
        ModelSpec(spec=f"hf:{ZOO / 'checkpoints' / name}", label=name)
    )
    try:
        answers = engine.generate(
            [
                Request(
                    key=problem.id,
                    prompt=_prompt(style.render(problem.prompt, problem)),
                    sampling=Sampling(max_new_tokens=96),
                    seed=0,
                )
                for problem in seen
            ]
        )
        config = json.loads((ZOO / "checkpoints" / name / "config.json").read_text())
        assert engine.info.architecture == name.partition("-")[0]
        assert engine.info.experts == config.get("num_local_experts")
    finally:
        engine.close()
    solved = 0
    with Sandbox() as sandbox:
        for problem, answer in zip(seen, answers, strict=True):
            assert isinstance(answer, Completion)
            found = extract(
                answer.text,
                entry_points=problem.entry_points,
                prompt_code=problem.prompt,
            )
            if found.program is not None:
                job = Job(
                    program=found.program,
                    tests=problem.target.tests,
                    entry_points=problem.entry_points,
                )
                solved += sandbox.run(job).verdict is Verdict.SOLVED
    assert solved >= len(seen) / 2


def _prompt(prompt: Prompt) -> Prompt:
    assert not prompt.is_chat
    return prompt
