"""How numbers are written in reports for people."""

from __future__ import annotations

from pytest_selfinvoke.metrics.estimate import Estimate
from pytest_selfinvoke.metrics.intervals import Interval


def percent(rate: float | None) -> str:
    """``72.5 %``; a dash where there is no rate."""
    return "–" if rate is None else f"{100 * rate:.1f} %"


def interval(found: Interval | None) -> str:
    """Both ends in per cent; a dash where there is none."""
    if found is None:
        return "–"
    return f"{100 * found.low:.1f} – {100 * found.high:.1f} %"


def points(difference: float | None) -> str:
    """A difference of shares in percentage points; a dash where there is none."""
    return "–" if difference is None else _number(difference)


def share(found: Estimate | None) -> str:
    """An estimate in per cent, with a real minus sign; a dash where there is none."""
    if found is None or found.value is None:
        return "–"
    return f"{_number(found.value)} %"


def share_interval(found: Estimate | None) -> str:
    """Both ends in per cent; or that there is too little to say."""
    if found is None or found.value is None:
        return "–"
    if found.low is None or found.high is None:
        return f"too few: {found.n}"
    return f"{_number(found.low)} to {_number(found.high)} %"


def _number(value: float) -> str:
    # Not -0.0.
    text = f"{100 * value:.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")
