"""YAML text of plain data, and plain data of YAML text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.texts import json_text, text_of

_MAX_NODES = 1_000_000
_MAX_GROWN = 100_000
"""What aliases may unfold to in a small document."""
_MAX_DEPTH = 200
_DEEP = re.compile(r"^[ ]{190}|^[ ]*(?:[-?:][ ]+){40}", re.MULTILINE)
_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`][^\n\r\t]*|-[^\s-][^\n\r\t]*")
_BLOCK = re.compile(r"(?![ \n])[^\x00-\x09\x0b-\x1f\x7f]*")
_RESOLVED = re.compile(
    r"(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|y|Y|n|N|<<|=)"
    r"|[-+]?0[xob][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|\d{4}-\d{1,2}-\d{1,2}.*|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?"
)


def dump(value: Any) -> str:
    """YAML of a value: minimal quotes, sequences indented by one. Raises ExpressionError."""
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) and len(value):
        return "\n".join(_lines(value, 0)) + "\n"
    return _scalar(value, 0) + "\n"


def _lines(value: Any, depth: int) -> list[str]:
    """Lines of a non-empty container without outer indentation."""
    if depth > 200:
        raise ExpressionError("The value is nested too deeply for YAML")
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            head = _scalar(key if isinstance(key, (str, int, float, bool)) else text_of(key), 0)
            if _is_full(item):
                inner = _lines(item, depth + 1)
                lines.append(f"{head}:")
                lines.extend(("  " if isinstance(item, Mapping) else "") + line if line else line for line in inner)
            else:
                lines.extend(f"{head}: {_scalar(item, 1)}".split("\n"))
        return lines
    for item in value:
        if _is_full(item):
            inner = _lines(item, depth + 1)
            lines.append(f" - {inner[0]}")
            lines.extend("   " + line if line else line for line in inner[1:])
        else:
            first, *rest = _scalar(item, 1).split("\n")
            lines.append(f" - {first}")
            lines.extend("   " + line[2:] if line else line for line in rest)
    return lines


def _is_full(value: Any) -> bool:
    return isinstance(value, (Mapping, list, tuple, set, frozenset)) and bool(len(value))


def _scalar(value: Any, level: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[]"
    text = text_of(value)
    if not isinstance(value, str):
        return text if isinstance(value, (bool, int, float)) else _quoted(text)
    if (
        "\n" in text
        and level
        and re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f]*", text)
        and not text.startswith((" ", "\n"))
    ):
        body = text.rstrip("\n")
        tail = len(text) - len(body)
        if body and not re.search(r"[ \t](\n|$)", body):
            mark = "|-" if tail == 0 else "|" if tail == 1 else "|+"
            lines = text.split("\n")[: None if tail == 0 else -1]
            return "\n".join([mark, *("  " + line if line else "" for line in lines)])
    return _quoted(text)


def _quoted(text: str) -> str:
    """A text as plain scalar when YAML reads it back as the same text, else in double quotes."""
    if (
        text
        and _PLAIN.fullmatch(text)
        and not _RESOLVED.fullmatch(text)
        and ": " not in text
        and " #" not in text
        and not text.endswith((":", " "))
        and text.isprintable()
    ):
        return text
    return json_text(text)


class _Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):  # type: ignore[misc]
    """Safe loading of JSON-like data: dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Any:
    """Value of the first document. Raises ExpressionError `Invalid yaml: …`."""
    try:
        _check_depth(text)
        loader = _Loader(text)
        try:
            if not loader.check_data():
                return None
            node = loader.get_node()
            _check_size(node)
            return loader.construct_document(node)  # type: ignore[no-any-return]
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, TypeError, RecursionError, OverflowError, KeyError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"Invalid yaml: {error}") from None


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the composer sees it, which recurses in C until the process dies."""
    if text.count("[") + text.count("{") <= _MAX_DEPTH and not _DEEP.search(text):
        return
    loader, depth = _Loader(text), 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise ExpressionError("Invalid yaml: nested too deeply")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    finally:
        loader.dispose()


def _check_size(root: Any) -> None:
    """Refuse documents whose aliases unfold to more than memory should hold."""
    seen: dict[int, int] = {}

    def weight(node: Any, depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise ExpressionError("Invalid yaml: nested too deeply")
        if id(node) in seen:
            return seen[id(node)]
        seen[id(node)] = _MAX_NODES
        total = 1
        if isinstance(node, yaml.SequenceNode):
            total += sum(weight(item, depth + 1) for item in node.value)
        elif isinstance(node, yaml.MappingNode):
            total += sum(weight(key, depth + 1) + weight(item, depth + 1) for key, item in node.value)
        seen[id(node)] = total
        return total

    whole = weight(root, 0)
    if whole >= _MAX_NODES or whole > max(_MAX_GROWN, 10 * len(seen)):
        raise ExpressionError("Invalid yaml: too many nodes after unfolding its aliases")
