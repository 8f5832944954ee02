"""Methods of values: a closed list (expressions §4). Nothing reaches attributes of Python objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowdeck.expr import patterns
from flowdeck.expr.arithmetic import bounded_text
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.filters.text import split
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.texts import Entry, text_of
from flowdeck.expr.values import contains, equals, integer, kind, subscript

Method = tuple[int, int, Callable[..., Any]]


def _index(items: Any, wanted: Any) -> int:
    return next((at for at, item in enumerate(items) if equals(item, wanted)), -1)


def _element(items: Any, index: Any) -> Any:
    return subscript(items, integer(index, "index"))


def _substring(text: str, start: Any, end: Any = None) -> str:
    first = integer(start, "beginIndex")
    last = len(text) if end is None else integer(end, "endIndex")
    if not 0 <= first <= last <= len(text):
        raise ExpressionError(f"begin {first}, end {last}, length {len(text)}")
    return text[first:last]


def _char(text: str, index: Any) -> str:
    at = integer(index, "index")
    if not 0 <= at < len(text):
        raise ExpressionError(f"Index {at} out of bounds for length {len(text)}")
    return text[at]


def _replace(text: str, old: Any, new: Any) -> str:
    before, after = text_of(old), text_of(new)
    bounded_text("" if len(text) + text.count(before) * len(after) < 10_000_000 else "x" * 10_000_001)
    return text.replace(before, after)


def _replace_all(rt: Runtime, text: str, regex: Any, new: Any) -> str:
    return patterns.replace_all(rt, text, text_of(regex), text_of(new))


MAP: dict[str, Method] = {
    "keySet": (0, 0, lambda m: list(m)),
    "values": (0, 0, lambda m: list(m.values())),
    "entrySet": (0, 0, lambda m: [Entry(k, v) for k, v in m.items()]),
    "get": (1, 1, lambda m, k: m.get(k)),
    "getOrDefault": (2, 2, lambda m, k, d: m.get(k, d)),
    "containsKey": (1, 1, lambda m, k: k in m),
    "containsValue": (1, 1, lambda m, v: any(equals(item, v) for item in m.values())),
    "size": (0, 0, len),
    "isEmpty": (0, 0, lambda m: not len(m)),
}
LIST: dict[str, Method] = {
    "get": (1, 1, _element),
    "size": (0, 0, len),
    "isEmpty": (0, 0, lambda items: not len(items)),
    "contains": (1, 1, lambda items, x: contains(items, [x])),
    "indexOf": (1, 1, _index),
}
TEXT: dict[str, Method] = {
    "length": (0, 0, len),
    "isEmpty": (0, 0, lambda s: s == ""),
    "trim": (0, 0, lambda s: s.strip("".join(map(chr, range(33))))),
    "toUpperCase": (0, 0, lambda s: s.upper()),
    "toLowerCase": (0, 0, lambda s: s.lower()),
    "startsWith": (1, 1, lambda s, x: s.startswith(text_of(x))),
    "endsWith": (1, 1, lambda s, x: s.endswith(text_of(x))),
    "contains": (1, 1, lambda s, x: text_of(x) in s),
    "indexOf": (1, 1, lambda s, x: s.find(text_of(x))),
    "replace": (2, 2, _replace),
    "substring": (1, 2, _substring),
    "charAt": (1, 1, _char),
    "equals": (1, 1, equals),
}
TEXT_WITH_REGEX: dict[str, Method] = {
    "replaceAll": (2, 2, _replace_all),
    "split": (1, 2, split),
}
ENTRY: dict[str, Method] = {
    "getKey": (0, 0, lambda e: e.key),
    "getValue": (0, 0, lambda e: e.value),
}


def call_method(rt: Runtime, value: Any, name: str, arguments: list[Any]) -> Any:
    """`value.name(arguments)`. Raises ExpressionError `Attribute [x] … does not exist`."""
    leading: list[Any] = [value]
    method: Method | None = None
    if isinstance(value, Mapping):
        method = MAP.get(name)
    elif isinstance(value, (list, tuple)):
        method = LIST.get(name)
    elif isinstance(value, str):
        method = TEXT.get(name)
        if method is None:
            method, leading = TEXT_WITH_REGEX.get(name), [rt, value]
    elif isinstance(value, Entry):
        method = ENTRY.get(name)
    if method is None and name == "toString":
        method, leading = (0, 0, text_of), [value]
    if method is None or not method[0] <= len(arguments) <= method[1]:
        raise ExpressionError(f"Attribute [{name}] with {len(arguments)} argument(s) of a {kind(value)} does not exist")
    return method[2](*leading, *arguments)
