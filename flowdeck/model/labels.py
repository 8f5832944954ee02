"""Labels of flows and executions (spec: workflow components §5)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowdeck.model.coerce import to_text

SYSTEM = "system."
CORRELATION = "system.correlationId"
READ_ONLY = "system.readOnly"
KEY_PATTERN = r"^[a-z][a-zA-Z0-9._-]*$"

_KEY = re.compile(KEY_PATTERN[1:-1])


class LabelError(ValueError):
    """A label breaks a rule; the message names it."""


def is_key(key: str) -> bool:
    """Whether a text may be a label's key."""
    return _KEY.fullmatch(key) is not None


def read_labels(value: Any) -> list[tuple[str, str]]:
    """Pairs from a map or from a list of `{key, value}`; the last of equal keys wins and keeps the first place.

    Raises `LabelError` for other forms, for maps and lists as values, and for empty keys or values.
    """
    if value is None or value == []:
        return []
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list | tuple):
        pairs = []
        for item in value:
            if isinstance(item, Mapping) and "key" in item:
                pairs.append((item["key"], item.get("value")))
            elif isinstance(item, list | tuple) and len(item) == 2:
                pairs.append((item[0], item[1]))
            else:
                raise LabelError("labels are a map or a list of key and value")
    else:
        raise LabelError("labels are a map or a list of key and value")
    out: dict[str, str] = {}
    for key, item in pairs:
        if isinstance(item, Mapping | list | tuple):
            raise LabelError(f"the value of label '{key}' must be a text")
        name, text = to_text(key), to_text(item)
        if not name or not text:
            raise LabelError(f"label '{name}' must have a key and a value")
        if "\0" in name or "\0" in text:
            raise LabelError("labels hold no NUL character")  # PostgreSQL's texts can't
        out[name] = text
    return list(out.items())


def parse_query_label(text: str) -> tuple[str, str]:
    """`key:value` of a query parameter; the value may hold more colons. `LabelError` without both."""
    key, _, value = text.partition(":")
    if not key or not value:
        raise LabelError(f"label '{text}' must have the form key:value")
    return key, value


def merge_labels(*sources: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """One list in which later sources win and first places are kept."""
    out: dict[str, str] = {}
    for source in sources:
        out.update(source)
    return list(out.items())


def without_system(labels: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Labels that users own."""
    return [(k, v) for k, v in labels if not k.startswith(SYSTEM)] if labels else []


def offending(labels: Iterable[tuple[str, str]], allowed: Iterable[str] = ()) -> str | None:
    """The message about the first label that a user may not set, or None."""
    permitted = set(allowed)
    for key, value in labels:
        if key.startswith(SYSTEM) and key not in permitted:
            return f"System labels can only be set by Kestra itself, offending label: {key}={value}"
    return None


def as_wire(labels: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """The form of API answers."""
    return [{"key": k, "value": v} for k, v in labels]


def nested(labels: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The map that expressions see: `labels.system.correlationId`."""
    out: dict[str, Any] = {}
    for key, value in labels:
        place = out
        *path, last = key.split(".")
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {} if inner is None else {"": inner}
            place = inner
        place[last] = value
    return out
