"""Filters on lists and maps (expressions §7)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cmp_to_key
from typing import Any

from flowdeck.expr.arithmetic import bounded_list, bounded_text
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import text_of
from flowdeck.expr.values import fingerprint, integer, is_number, kind, ordered

TABLE = Table()


def _list(value: Any, name: str) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise ExpressionError(f"`{name}` needs a list, not {kind(value)}")


@TABLE.entry("chunk", "size")
def chunk(value: Any, size: Any) -> list[Any]:
    """Lists of at most `size` elements."""
    items, length = _list(value, "chunk"), integer(size, "size")
    if length < 1:
        raise ExpressionError("The argument 'size' of `chunk` must be at least 1")
    return [items[at : at + length] for at in range(0, len(items), length)]


@TABLE.entry("default", "default", nulls="call")
def default(value: Any, other: Any) -> Any:
    """Another value for null, undefined, blank text and empty containers."""
    return other if value is None else value


@TABLE.entry("distinct")
def distinct(value: Any) -> list[Any]:
    """Each element once, in the order of first occurrence."""
    found: dict[Any, Any] = {}
    for item in _list(value, "distinct"):
        found.setdefault(fingerprint(item), item)
    return list(found.values())


@TABLE.entry("first")
def first(value: Any) -> Any:
    """The first element or character; null when there is none."""
    return _edge(value, 0, "first")


@TABLE.entry("last")
def last(value: Any) -> Any:
    """The last element or character; null when there is none."""
    return _edge(value, -1, "last")


def _edge(value: Any, index: int, name: str) -> Any:
    if isinstance(value, Mapping):
        raise ExpressionError(f"`{name}` needs a list or text, not map")
    items = list(value) if isinstance(value, (set, frozenset)) else value
    if not isinstance(items, (list, tuple, str)):
        items = text_of(items)
    return items[index] if items else None


@TABLE.entry("flatten")
def flatten(value: Any) -> list[Any]:
    """One level of lists less."""
    result: list[Any] = []
    for item in _list(value, "flatten"):
        if isinstance(item, (list, tuple)):
            result.extend(item)
        else:
            result.append(item)
    return bounded_list(result)


@TABLE.entry("join", ("separator", ""))
def join(value: Any, separator: Any) -> str:
    """Elements as one text."""
    texts = ["null" if item is None else text_of(item) for item in _list(value, "join")]
    glue = text_of(separator)
    if sum(map(len, texts)) + len(glue) * len(texts) > 10_000_000:
        raise ExpressionError("The limit of 10000000 bytes of output was reached")
    return bounded_text(glue.join(texts))


@TABLE.entry("keys")
def keys(value: Any) -> list[Any]:
    """Keys of a map, indexes of a list."""
    if isinstance(value, Mapping):
        return list(value)
    return list(range(len(_list(value, "keys"))))


@TABLE.entry("values")
def values(value: Any) -> list[Any]:
    """Values of a map."""
    if isinstance(value, Mapping):
        return list(value.values())
    raise ExpressionError(f"`values` needs a map, not {kind(value)}")


@TABLE.entry("length", nulls="call")
def length(value: Any) -> int:
    """Number of characters or elements; 0 for null and numbers."""
    if isinstance(value, (str, list, tuple, set, frozenset, Mapping)):
        return len(value)
    return 0


@TABLE.entry("merge", "items", nulls="call")
def merge(value: Any, items: Any) -> Any:
    """Two lists or maps as one; the right side wins."""
    if value is None and items is None:
        raise ExpressionError("`merge` was given null twice")
    if value is None or items is None:
        return items if value is None else value
    if isinstance(value, Mapping):
        if isinstance(items, Mapping):
            return {**value, **items}
        try:
            return {**value, **{item: item for item in _list(items, "merge")}}
        except TypeError:
            raise ExpressionError("A list or map can not be the key of a map") from None
    left = _list(value, "merge")
    if isinstance(items, Mapping):
        return bounded_list([*left, *({key: item} for key, item in items.items())])
    return bounded_list([*left, *_list(items, "merge")])


@TABLE.entry("reverse")
def reverse(value: Any) -> list[Any]:
    """The elements backwards."""
    return _list(value, "reverse")[::-1]


def _sorted(value: Any, name: str, backwards: bool) -> list[Any]:
    items = _list(value, name)
    if any(item is None for item in items):
        raise ExpressionError(f"`{name}` can not order null")
    if all(type(item) is str for item in items) or all(is_number(item) for item in items):
        return sorted(items, reverse=backwards)
    if all(isinstance(item, bool) for item in items):
        return sorted(items, reverse=backwards)

    def compare(left: Any, right: Any) -> int:
        if ordered(left, right, lambda a, b: a < b, "<"):
            return -1
        return 1 if ordered(right, left, lambda a, b: a < b, "<") else 0

    return sorted(items, key=cmp_to_key(compare), reverse=backwards)


@TABLE.entry("sort")
def sort(value: Any) -> list[Any]:
    """Elements in their natural order."""
    return _sorted(value, "sort", False)


@TABLE.entry("rsort")
def rsort(value: Any) -> list[Any]:
    """Elements in reversed order."""
    return _sorted(value, "rsort", True)


@TABLE.entry("slice", ("fromIndex", 0), ("toIndex", None))
def cut(value: Any, from_index: Any, to_index: Any) -> Any:
    """Part of a list or text, end exclusive."""
    items = value if isinstance(value, str) else _list(value, "slice")
    start = integer(from_index, "fromIndex")
    end = len(items) if to_index is None else integer(to_index, "toIndex")
    if start < 0 or end < 0:
        raise ExpressionError("The indexes of `slice` must not be negative")
    if end > len(items):
        raise ExpressionError(f"toIndex {end} is greater than the length {len(items)}")
    if start >= end:
        raise ExpressionError(f"fromIndex {start} must be less than toIndex {end}")
    return items[start:end]
