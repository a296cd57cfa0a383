import pytest


@pytest.mark.selfinvoke(benchmark="mini", limit=2)
def test_what_it_does_not_know_is_not_solved(
    selfinvoke_case, selfinvoke_model, selfinvoke_run
):
    record = selfinvoke_run(
        selfinvoke_case, selfinvoke_model.generate(selfinvoke_case.request)
    )
    assert record.verdict == "no_code"
