"""The only uses of pytest's private parts, each with its reason."""

from __future__ import annotations

import pytest


def skip_at_item(reason: str) -> BaseException:
    """A skip that is reported at the item, not at the line that raises it.

    Private because only marks may do so publicly; without the flag the reported
    location is a line of this plugin.
    """
    try:
        return pytest.skip.Exception(reason, _use_item_location=True)
    except TypeError:
        return pytest.skip.Exception(reason)
