from __future__ import annotations

import pytest

from pytest_selfinvoke.core.errors import UserError
from pytest_selfinvoke.models.threads import thread_count


def test_threads_are_one_unless_said() -> None:
    assert thread_count({}) == 1
    assert thread_count({"OMP_NUM_THREADS": "3"}) == 3


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "1.5"])
def test_other_values_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="OMP_NUM_THREADS"):
        thread_count({"OMP_NUM_THREADS": text})
