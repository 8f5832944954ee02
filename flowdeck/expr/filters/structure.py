"""Filters between values and JSON, Ion, YAML; and jq (expressions §7, §10)."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from typing import Any

from flowdeck.expr import ion, jq, yamltext
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import Entry, json_text, scalar_text, text_of
from flowdeck.expr.values import is_number, kind

TABLE = Table()


@TABLE.entry("toJson", nulls="call")
def to_json(value: Any) -> str:
    """Compact JSON text; null map entries are dropped."""
    return json_text(value)


@TABLE.entry("json", nulls="call")
def json(value: Any) -> str:
    """Deprecated name of `toJson`."""
    return json_text(value)


@TABLE.entry("toIon", nulls="call")
def to_ion(value: Any) -> str:
    """Ion text."""
    return ion.dump(value)


@TABLE.entry("yaml", nulls="call")
def yaml(value: Any) -> str:
    """YAML text with a final newline."""
    return yamltext.dump(value)


def plain(value: Any) -> Any:
    """`value` as JSON data: texts as keys, dates as text."""
    if value is None or isinstance(value, (str, bool)) or is_number(value):
        return value
    if isinstance(value, Mapping):
        return {text_of(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, Entry):
        return {text_of(value.key): plain(value.value)}
    return scalar_text(value)


@TABLE.entry("jq", "expression", needs="runtime")
def query(rt: Runtime, value: Any, expression: Any) -> list[Any]:
    """All results of a jq program, always as a list."""
    if isinstance(value, str):
        try:
            data = json_module.loads(value)
        except (ValueError, RecursionError):
            raise ExpressionError(f"Unable to parse jq value '{value[:200]}' with type '{kind(value)}'") from None
    else:
        data = plain(value)
    if not isinstance(expression, str):
        raise ExpressionError("The argument 'expression' of `jq` must be a text")
    return jq.run(expression, data, rt.tick)
