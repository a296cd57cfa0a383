from __future__ import annotations

import pytest

from pytest_selfinvoke.metrics.student import normal_cdf, student_975, student_p


def test_the_normal_distribution() -> None:
    assert normal_cdf(0) == 0.5
    assert normal_cdf(1.959963984540054) == pytest.approx(0.975, abs=1e-9)


@pytest.mark.parametrize(
    # Tables of Student's distribution: 0.975 and 0.995 quantiles.
    ("freedom", "wide", "wider"),
    [(9, 2.2622, 3.2498), (30, 2.0423, 2.7500), (120, 1.9799, 2.6174)],
)
def test_students_distribution(freedom: int, wide: float, wider: float) -> None:
    assert student_975(freedom) == pytest.approx(wide, rel=1e-3)
    assert student_p(wide, freedom) == pytest.approx(0.05, rel=0.01)
    assert student_p(-wider, freedom) == pytest.approx(0.01, rel=0.02)
