"""How numbers are written in reports for people."""

from __future__ import annotations

from pytest_selfinvoke.metrics.intervals import Interval


def percent(rate: float | None) -> str:
    """``72.5 %``; a dash where there is no rate."""
    return "–" if rate is None else f"{100 * rate:.1f} %"


def interval(found: Interval | None) -> str:
    """Both ends in per cent; a dash where there is none."""
    if found is None:
        return "–"
    return f"{100 * found.low:.1f} – {100 * found.high:.1f} %"


def points(drop: float) -> str:
    """A difference of rates in percentage points with its sign: ``+14.2``."""
    return _signed(100 * drop)


def points_interval(found: Interval) -> str:
    """``+5.4 to +23.7``."""
    return f"{_signed(100 * found.low)} to {_signed(100 * found.high)}"


def _signed(value: float) -> str:
    # Not -0.0; and a real minus sign is as wide as the plus.
    text = f"{value:+.1f}"
    return "0.0" if float(text) == 0 else text.replace("-", "−")
