"""How much a value unfolds to: small programs must not make giants of shared parts (expressions §1, limits)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.limits import MAX_ELEMENTS, MAX_LEVELS, MAX_TEXT

_SCALARS = frozenset({str, int, float, bool, type(None)})


def fits(value: Any) -> bool:
    """Whether a value, its shared parts counted wherever they stand, stays within the limits of one render."""
    if type(value) in _SCALARS:
        return True
    elements, characters, levels, level = 0, 0, 0, [value]
    while level:
        levels += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                children: Any = item.values()
            elif isinstance(item, (list, tuple, set, frozenset)):
                children = item
            else:
                continue
            elements += len(children)
            for child in children:
                kind = type(child)
                if kind is str:
                    characters += len(child)
                elif kind not in _SCALARS:
                    inner.append(child)
            if elements > MAX_ELEMENTS or characters > 2 * MAX_TEXT or levels > MAX_LEVELS:
                return False
        level = inner
    return True


def weighed(value: Any) -> Any:
    """`value` itself. Raises ExpressionError when it unfolds to more than a render may hold."""
    if type(value) in _SCALARS or fits(value):
        return value
    raise ExpressionError(f"The limit of {MAX_ELEMENTS} elements in one value was reached")
