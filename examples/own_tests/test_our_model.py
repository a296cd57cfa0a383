"""A team's own test: run with ``pytest examples/own_tests --model=oracle``."""

import pytest


@pytest.mark.selfinvoke(
    benchmark="mini", attack=["clean", "docstring.butter_fingers"], limit=3
)
def test_our_model_solves_it(selfinvoke_case, selfinvoke_model, selfinvoke_run):
    answer = selfinvoke_model.generate(selfinvoke_case.request)
    record = selfinvoke_run(selfinvoke_case, answer)
    assert record.solved, record.detail


@pytest.mark.selfinvoke(benchmark="mini", limit=3)
def test_our_model_is_brief(selfinvoke_case, selfinvoke_model):
    answer = selfinvoke_model.generate(selfinvoke_case.request)
    assert len(answer.text) < 4000
