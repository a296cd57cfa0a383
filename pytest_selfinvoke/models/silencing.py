"""The option ``silence`` of a local model: which experts contribute nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_selfinvoke.core.errors import UserError


def parse_silenced(table: Mapping[str, Any]) -> dict[int, frozenset[int]]:
    """Layer -> experts, from the option ``silence = { "3" = [0, 7] }``.

    :raises UserError: if it is not of that form.
    """
    silenced = {}
    for layer, experts in table.items():
        numbers = isinstance(experts, list) and all(
            type(e) is int and e >= 0 for e in experts
        )
        if not str(layer).isdecimal() or not numbers:
            raise UserError(
                f"option 'silence': {layer!r} = {experts!r}: expected the number of a"
                ' layer and a list of experts, as in { "3" = [0, 7] }'
            )
        silenced[int(layer)] = frozenset(experts)
    return silenced
