"""Kinds, truth, equality, order and access of plain values (expressions §3, §4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from datetime import time as clock_time
from decimal import Decimal
from typing import Any

from flowdeck.expr.errors import ExpressionError, UndefinedError
from flowdeck.expr.texts import Entry, text_of


def is_number(value: Any) -> bool:
    """Whether the value is a number of the language (a boolean is none)."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def kind(value: Any) -> str:
    """The name of a value's type for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "list"
    return type(value).__name__


def number_of_text(text: str) -> int | float:
    """A number in decimal notation. Raises ExpressionError for anything else."""
    cleaned = text.strip()
    try:
        if len(cleaned) <= 4000 and "_" not in cleaned:
            try:
                return int(cleaned)
            except ValueError:
                return float(cleaned)
    except ValueError:
        pass
    raise ExpressionError(f"'{text[:100]}' is not a number")


def number(value: Any, what: str) -> Any:
    """A number or a numeric text as number. Raises ExpressionError naming the operation `what`."""
    if isinstance(value, bool) or value is None:
        raise ExpressionError(f"{what} needs numbers, not {kind(value)}")
    if isinstance(value, (int, float, Decimal)):
        return value
    if isinstance(value, str):
        return number_of_text(value)
    raise ExpressionError(f"{what} needs numbers, not {kind(value)}")


def integer(value: Any, what: str) -> int:
    """A whole number, numeric text included. Raises ExpressionError naming the argument `what`."""
    result = number(value, what)
    if isinstance(result, int):
        return result
    if math.isfinite(result) and result == int(result):
        return int(result)
    raise ExpressionError(f"{what} must be a whole number")


# ---------------------------------------------------------------- truth, equality, order


def truth(value: Any, place: str) -> bool:
    """Truth inside expressions (§4). Raises ExpressionError for null, lists and maps."""
    if value is True or value is False:
        return value
    if value is None:
        raise ExpressionError(f"null value given to {place}")
    if isinstance(value, str):
        return value != ""
    if isinstance(value, (int, float, Decimal)):
        return value != 0 and value == value
    raise ExpressionError(f"A {kind(value)} is neither true nor false in {place}")


_EXACT = (str, int, bool, type(None))


def equals(left: Any, right: Any) -> bool:
    """`==`: no conversion except between number types; containers by content."""
    if type(left) is type(right) and type(left) in _EXACT:
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_number(left) and is_number(right):
        return bool(same_kind(left, right)[0] == same_kind(left, right)[1])
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(equals(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if len(left) != len(right):
            return False
        return all(key in right and equals(item, right[key]) for key, item in left.items())
    if is_number(left) != is_number(right):
        return False
    try:
        return bool(left == right)
    except TypeError:
        return False


def fingerprint(value: Any) -> Any:
    """A hashable stand-in: two values have equal ones when `==` says that they are equal."""
    kind_of = type(value)
    if kind_of is str or kind_of is int or value is None:
        return value
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, float):
        return int(value) if value.is_integer() else Decimal(repr(value)) if value == value else object()
    if isinstance(value, (list, tuple)):
        return (list, *map(fingerprint, value))
    if isinstance(value, Mapping):
        return (dict, frozenset((fingerprint(key), fingerprint(item)) for key, item in value.items()))
    try:
        hash(value)
    except TypeError:
        return (kind_of, id(value))
    return value


def same_kind(left: Any, right: Any) -> tuple[Any, Any]:
    """Two numbers that Python computes with: a float beside a decimal becomes one."""
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, Decimal(repr(right))
    if isinstance(right, Decimal) and isinstance(left, float):
        return Decimal(repr(left)), right
    return left, right


def ordered(left: Any, right: Any, compare: Callable[[Any, Any], bool], symbol: str) -> bool:
    """`<` and its kin: numbers, texts or dates among themselves; false when a side is null."""
    if left is None or right is None:
        return False
    if is_number(left) and is_number(right):
        return compare(*same_kind(left, right))
    if isinstance(left, str) and isinstance(right, str):
        return compare(left, right)
    if isinstance(left, (date, clock_time, timedelta)) and type(left) is type(right):
        try:
            return compare(left, right)
        except TypeError:
            pass
    raise ExpressionError(f"{kind(left)} {symbol} {kind(right)} can not be compared")


def member(items: Any, wanted: Any) -> bool:
    """Whether one of `items` equals `wanted`."""
    return any(equals(item, wanted) for item in items)


def contains(left: Any, right: Any) -> bool:
    """`contains` (§3). Raises ExpressionError when the left side can not contain anything."""
    if left is None:
        return False
    if isinstance(left, str):
        return text_of(right) in left
    if isinstance(left, Mapping):
        return _has_key(left, right)
    if isinstance(left, (list, tuple, set, frozenset)):
        if isinstance(right, (list, tuple)):
            held = {fingerprint(item) for item in left}
            return all(fingerprint(item) in held for item in right)
        return member(left, right)
    raise ExpressionError(f"`contains` needs a list, map or text on its left side, not {kind(left)}")


def _has_key(items: Mapping[Any, Any], key: Any) -> bool:
    return any(equals(name, key) for name in items) if not isinstance(key, str) else key in items


def is_in(left: Any, right: Any) -> bool:
    """`isIn`: compared by text form (§3)."""
    if left is None or right is None:
        return False
    text = text_of(left)
    if isinstance(right, Mapping):
        return any(text == text_of(k) or text == text_of(v) for k, v in right.items())
    if isinstance(right, (list, tuple, set, frozenset)):
        return any(item is not None and text == text_of(item) for item in right)
    return False


# ---------------------------------------------------------------- access


def attribute(value: Any, name: str) -> Any:
    """`value.name` on plain data. Raises UndefinedError when there is none."""
    if isinstance(value, Mapping):
        try:
            return value[name]
        except KeyError:
            if name in ("length", "size"):
                return len(value)
            raise UndefinedError(name) from None
    if name in ("length", "size") and isinstance(value, (str, list, tuple)):
        return len(value)
    if isinstance(value, Entry) and name in ("key", "value"):
        return value.key if name == "key" else value.value
    raise UndefinedError(name)


def subscript(value: Any, key: Any) -> Any:
    """`value[key]` on plain data. Raises UndefinedError, or ExpressionError for a negative index."""
    if isinstance(value, Mapping):
        try:
            return value[key]
        except KeyError:
            pass
        except TypeError:
            raise UndefinedError(text_of(key)) from None
        if is_number(key) and text_of(key) in value:
            return value[text_of(key)]
        if isinstance(key, str):
            return attribute(value, key)
        raise UndefinedError(text_of(key))
    if isinstance(value, (list, tuple)):
        index = key
        if isinstance(key, str):
            if not (key.isascii() and key.isdigit() and len(key) < 10):
                return attribute(value, key)
            index = int(key)
        if isinstance(index, bool) or not isinstance(index, int):
            raise UndefinedError(text_of(key))
        if index < 0:
            raise ExpressionError(f"The index {index} is negative")
        if index >= len(value):
            raise UndefinedError(index)
        return value[index]
    return attribute(value, key if isinstance(key, str) else text_of(key))


def iterable(value: Any) -> Sequence[Any]:
    """The elements a `for` walks. Raises ExpressionError `Not an iterable object`."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Mapping):
        return [Entry(key, item) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise ExpressionError(f"Not an iterable object: {kind(value)}")
