"""The only uses of pytest's private parts, each with its reason."""

from __future__ import annotations

from typing import Any

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


def add_suite_properties(config: pytest.Config, facts: dict[str, str]) -> None:
    """Properties of the whole run in JUnit XML, if it is written.

    Private because publicly only a fixture of some test can add them.
    """
    try:
        from _pytest.junitxml import xml_key
    except ImportError:
        return
    xml: Any = config.stash.get(xml_key, None)
    if xml is not None:
        for name, value in facts.items():
            xml.add_global_property(name, value)
