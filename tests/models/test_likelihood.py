from __future__ import annotations

from pathlib import Path

import pytest

from pytest_selfinvoke.core.records import ModelSpec, Prompt
from pytest_selfinvoke.models.hf import HfKind

torch = pytest.importorskip("torch", reason="the extra hf is not installed")

TEXT = "write a function that sums the numbers of a list"


@pytest.mark.parametrize("family", ["llama", "mixtral"])
def test_gains_are_the_gradient_times_the_difference(
    family: str, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(family)
    engine = HfKind(environ={}).load(ModelSpec(spec=f"hf:{folder}", label="tiny"))
    try:
        losses = engine.likelihood()
        prompt = Prompt(style="completion", text=TEXT)
        model, tokenizer = losses._model, losses._tokenizer
        start = TEXT.index(" function") + 1
        found = losses.replacements(prompt, "return", [start], each=3)
        assert [one.gain for one in found] == sorted(
            (one.gain for one in found), reverse=True
        )
        assert {one.word for one in found} <= set(losses.words)
        # The loss is that of the model itself.
        head = tokenizer(TEXT)["input_ids"]
        tail = tokenizer("return", add_special_tokens=False)["input_ids"]
        tokens = torch.tensor([head + tail])
        labels = torch.tensor([[-100] * len(head) + tail])
        with torch.no_grad():
            expected = float(model(input_ids=tokens, labels=labels).loss)
        assert losses.loss(prompt, "return") == pytest.approx(expected, rel=1e-4)
        # And the gain is its slope: a small step towards the new word's embedding.
        word = found[0].word
        [new] = [
            t for t in range(len(tokenizer)) if tokenizer.decode([t]) == f" {word}"
        ]
        place = next(i for i, (a, b) in enumerate(tokenizer(TEXT, return_offsets_mapping=True)["offset_mapping"]) if a <= start < b)  # fmt: skip
        table = model.get_input_embeddings()
        with torch.no_grad():
            embedded = table(tokens)
            step = 1e-3 * (table(torch.tensor([new])) - embedded[0, place])
            moved = embedded.clone()
            moved[0, place] += step[0]
            slope = (
                float(model(inputs_embeds=moved, labels=labels).loss)
                - float(model(inputs_embeds=embedded, labels=labels).loss)
            ) / 1e-3
        assert found[0].gain == pytest.approx(slope, rel=0.1, abs=0.02)
    finally:
        engine.close()
