"""jq's values: order, arithmetic, indexing, paths."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

MAX_TEXT = 10_000_000
MAX_INDEX = 1_000_000


class JqError(Exception):
    """An error that a program raises or meets; `try` catches its value."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value

    def message(self) -> str:
        """Text of the error."""
        return self.value if isinstance(self.value, str) else f"{dumps(self.value)} (not a string)"


def type_name(value: Any) -> str:
    """jq's name of a type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    if isinstance(value, dict):
        return "object"
    return "number"


def is_number(value: Any) -> bool:
    """Whether the value is a number."""
    return type_name(value) == "number"


def dumps(value: Any) -> str:
    """JSON text as jq writes it."""
    if value is None or isinstance(value, (str, bool, int, list, dict)):
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), default=float)
    return json.dumps(_finite(value), default=float)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        if value != value:
            return None
        if math.isinf(value):
            return math.copysign(1.7976931348623157e308, value)
        return normal(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def normal(value: Any) -> Any:
    """A whole float as integer, as jq prints it."""
    if isinstance(value, float) and abs(value) < 1e17 and value == int(value):
        return int(value)
    return value


def short(value: Any) -> str:
    """A value for messages."""
    text = dumps(value)
    return text if len(text) <= 11 else text[:10] + "..."


_RANKS = {"null": 0, "number": 3, "string": 4, "array": 5, "object": 6}


def _rank(value: Any) -> int:
    return (2 if value else 1) if isinstance(value, bool) else _RANKS[type_name(value)]


def compare(left: Any, right: Any) -> int:
    """jq's total order: -1, 0 or 1."""
    a, b = _rank(left), _rank(right)
    if a != b:
        return -1 if a < b else 1
    if a in (3, 4):
        return -1 if left < right else 1 if left > right else 0
    if a == 5:
        for one, other in zip(left, right, strict=False):
            result = compare(one, other)
            if result:
                return result
        return (len(left) > len(right)) - (len(left) < len(right))
    if a == 6:
        keys, others = sorted(left), sorted(right)
        if keys != others:
            return -1 if keys < others else 1
        for key in keys:
            result = compare(left[key], right[key])
            if result:
                return result
    return 0


ORDER: Callable[[Any], Any] = cmp_to_key(compare)


def truth(value: Any) -> bool:
    """Everything but null and false."""
    return value is not None and value is not False


def _refused(left: Any, right: Any, what: str) -> JqError:
    return JqError(f"{type_name(left)} ({short(left)}) and {type_name(right)} ({short(right)}) cannot be {what}")


def add(left: Any, right: Any) -> Any:
    """`+`."""
    if left is None:
        return right
    if right is None:
        return left
    kinds = type_name(left), type_name(right)
    if kinds[0] == kinds[1] and kinds[0] in ("number", "string", "array", "object"):
        if kinds[0] == "object":
            return {**left, **right}
        if kinds[0] == "string" and len(left) + len(right) > MAX_TEXT:
            raise JqError("The limit of 10 MB was reached")
        if kinds[0] == "array" and len(left) + len(right) > MAX_INDEX:
            raise JqError(f"The limit of {MAX_INDEX} elements in one value was reached")
        return left + right
    raise _refused(left, right, "added")


def subtract(left: Any, right: Any) -> Any:
    """`-`."""
    if is_number(left) and is_number(right):
        return left - right
    if isinstance(left, list) and isinstance(right, list):
        return [item for item in left if not any(compare(item, other) == 0 for other in right)]
    raise _refused(left, right, "subtracted")


def multiply(left: Any, right: Any) -> Any:
    """`*`."""
    if is_number(left) and is_number(right):
        if isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > 1000:
            return float(left) * float(right)
        return left * right
    text, count = (left, right) if isinstance(left, str) else (right, left)
    if isinstance(text, str) and isinstance(count, (int, float)) and not isinstance(count, bool):
        if count <= 0:
            return None
        if count * len(text) > MAX_TEXT:
            raise JqError("The limit of 10 MB was reached")
        return text * max(1, int(count))
    if isinstance(left, dict) and isinstance(right, dict):
        return _deep_merge(left, right)
    raise _refused(left, right, "multiplied")


def _deep_merge(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    result = dict(left)
    for key, item in right.items():
        mine = result.get(key)
        both = isinstance(mine, dict) and isinstance(item, dict)
        result[key] = _deep_merge(mine, item) if both else item  # type: ignore[arg-type]
    return result


def divide(left: Any, right: Any) -> Any:
    """`/`."""
    if is_number(left) and is_number(right):
        if right == 0:
            raise _refused(left, right, "divided because the divisor is zero")
        return normal(left / right)
    if isinstance(left, str) and isinstance(right, str):
        return split_text(left, right)
    raise _refused(left, right, "divided")


def split_text(text: str, separator: str) -> list[str]:
    """Parts of a text; an empty separator cuts into characters."""
    if not text:
        return []
    if (text.count(separator) if separator else len(text)) > MAX_INDEX:
        raise JqError(f"The limit of {MAX_INDEX} elements in one value was reached")
    return text.split(separator) if separator else list(text)


def modulo(left: Any, right: Any) -> Any:
    """`%` on whole parts, with the sign of the dividend."""
    if is_number(left) and is_number(right):
        a, b = int(left), abs(int(right))
        if b == 0:
            raise _refused(left, right, "divided because the divisor is zero")
        return abs(a) % b if a >= 0 else -(abs(a) % b)
    raise _refused(left, right, "divided")


def index(value: Any, key: Any) -> Any:
    """`value[key]`; null for what is not there."""
    if isinstance(key, dict) and (value is None or isinstance(value, (list, str))):
        return cut(value, key.get("start"), key.get("end"))
    if value is None and (key is None or isinstance(key, str) or is_number(key)):
        return None
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, (int, float)) and not isinstance(key, bool):
        at = math.floor(key)
        at = at + len(value) if at < 0 else at
        return value[at] if 0 <= at < len(value) else None
    if isinstance(value, list) and isinstance(key, list):
        return indices(value, key)
    if isinstance(key, str):
        raise JqError(f'Cannot index {type_name(value)} with "{key}"')
    raise JqError(f"Cannot index {type_name(value)} with {type_name(key)}")


def cut(value: Any, start: Any, end: Any) -> Any:
    """`value[start:end]`."""
    if value is None:
        return None
    if not isinstance(value, (list, str)):
        raise JqError(f"Cannot index {type_name(value)} with object")
    first, last = slice_bounds(len(value), start, end)
    return value[first:last]


def slice_bounds(length: int, start: Any, end: Any) -> tuple[int, int]:
    """Bounds of a slice within 0 to length."""
    for bound in (start, end):
        if bound is not None and not is_number(bound):
            raise JqError("Start and end indices of an array slice must be numbers")
    first = 0 if start is None else math.floor(start)
    last = length if end is None else math.ceil(end)
    first = max(0, first + length) if first < 0 else min(first, length)
    last = max(0, last + length) if last < 0 else min(last, length)
    return first, max(first, last)


def indices(value: Any, wanted: Any) -> Any:
    """Positions of a part in a list or text."""
    if value is None:
        return None
    if isinstance(value, str) and isinstance(wanted, str):
        return [at for at in range(len(value)) if wanted and value.startswith(wanted, at)]
    if isinstance(value, list):
        items = wanted if isinstance(wanted, list) else [wanted]
        size = len(items)
        if not size:
            return None
        return [
            at
            for at in range(len(value) - size + 1)
            if all(compare(value[at + step], items[step]) == 0 for step in range(size))
        ]
    raise JqError(f"Cannot determine indices of {type_name(value)}")


def contains(value: Any, part: Any) -> bool:
    """`contains`."""
    if isinstance(value, dict) and isinstance(part, dict):
        return all(key in value and contains(value[key], item) for key, item in part.items())
    if isinstance(value, list) and isinstance(part, list):
        return all(any(type_name(v) == type_name(p) and contains(v, p) for v in value) for p in part)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    if type_name(value) == type_name(part):
        return compare(value, part) == 0
    raise JqError(
        f"{type_name(value)} ({short(value)}) and {type_name(part)} ({short(part)})"
        " cannot have their containment checked"
    )


def get_path(value: Any, path: Any) -> Any:
    """The value at a path; null when it is not there."""
    for key in path:
        if value is None:
            return None
        value = index(value, key)
    return value


def set_path(value: Any, path: list[Any], new: Any) -> Any:
    """A copy of `value` with another value at a path."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    if isinstance(key, str):
        if value is not None and not isinstance(value, dict):
            raise JqError(f'Cannot index {type_name(value)} with "{key}"')
        result = dict(value or {})
        result[key] = set_path(result.get(key), rest, new)
        return result
    if value is not None and not isinstance(value, list):
        raise JqError(f"Cannot update field at array index of {type_name(value)}")
    items = list(value or [])
    if isinstance(key, dict):
        first, last = slice_bounds(len(items), key.get("start"), key.get("end"))
        part = set_path(items[first:last], rest, new)
        if not isinstance(part, list):
            raise JqError("A slice of an array can only be assigned another array")
        return items[:first] + part + items[last:]
    if not is_number(key):
        raise JqError(f"Cannot index {type_name(value)} with {type_name(key)}")
    at = math.floor(key)
    if at < 0:
        at += len(items)
        if at < 0:
            raise JqError("Out of bounds negative array index")
    if at > MAX_INDEX:
        raise JqError("Array index too large")
    items.extend([None] * (at + 1 - len(items)))
    items[at] = set_path(items[at], rest, new)
    return items


def delete_paths(value: Any, paths: list[Any]) -> Any:
    """A copy of `value` without some paths."""
    for path in sorted(paths, key=ORDER, reverse=True):
        value = _delete(value, path)
    return value


def _delete(value: Any, path: list[Any]) -> Any:
    if value is None or not path:
        return None
    key, rest = path[0], path[1:]
    if rest:
        inner = index(value, key)
        return value if inner is None else set_path(value, [key], _delete(inner, rest))
    if isinstance(value, dict) and isinstance(key, str):
        return {name: item for name, item in value.items() if name != key}
    if isinstance(value, list) and is_number(key):
        at = math.floor(key) + (len(value) if key < 0 else 0)
        return [item for place, item in enumerate(value) if place != at]
    if isinstance(value, list) and isinstance(key, dict):
        first, last = slice_bounds(len(value), key.get("start"), key.get("end"))
        return value[:first] + value[last:]
    raise JqError(f"Cannot delete field at {type_name(key)} index of {type_name(value)}")
