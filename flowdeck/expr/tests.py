"""Tests of `is` and `is not` (expressions §6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.signature import Table
from flowdeck.expr.values import kind

TABLE = Table()


@TABLE.entry("defined")
def defined(value: Any) -> bool:
    """Exists and is not null."""
    return value is not None


@TABLE.entry("null")
def null(value: Any) -> bool:
    """Is null."""
    return value is None


@TABLE.entry("empty")
def empty(value: Any) -> bool:
    """Null, blank text, or a container without elements."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        return not len(value)
    return value is None


def _parity(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ExpressionError(f"The test `{name}` needs a whole number, not {kind(value)}")
    return value % 2


@TABLE.entry("even")
def even(value: Any) -> bool:
    """A whole number divisible by two."""
    return _parity(value, "even") == 0


@TABLE.entry("odd")
def odd(value: Any) -> bool:
    """A whole number not divisible by two."""
    return _parity(value, "odd") == 1


@TABLE.entry("iterable")
def iterable(value: Any) -> bool:
    """A list; maps and texts are not."""
    return isinstance(value, (list, tuple, set, frozenset))


@TABLE.entry("map")
def is_map(value: Any) -> bool:
    """A map."""
    return isinstance(value, Mapping)


@TABLE.entry("json")
def is_json(value: Any) -> bool:
    """A text that parses as JSON."""
    if not isinstance(value, str):
        raise ExpressionError(f"The test `json` needs a text, not {kind(value)}")
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


TESTS = TABLE
