"""Functions that read JSON, Ion and YAML (expressions §8)."""

from __future__ import annotations

import json as json_module
from typing import Any

from flowdeck.expr import ion, yamltext
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.signature import Table
from flowdeck.expr.values import kind

TABLE = Table()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _parsed(name: str, value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ExpressionError(
            f"The '{name}' function expects an argument 'json' with type string. It is a {kind(value)}."
        )
    try:
        return json_module.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ExpressionError(f"Invalid json: {error}") from None


@TABLE.entry("fromJson", "json")
def from_json(value: Any) -> Any:
    """Value of a JSON text."""
    return _parsed("fromJson", value)


@TABLE.entry("json", "json")
def json(value: Any) -> Any:
    """Deprecated name of `fromJson`."""
    return _parsed("json", value)


@TABLE.entry("fromIon", "ion", ("allRows", False))
def from_ion(value: Any, all_rows: Any) -> Any:
    """First value of an Ion text, or all of them."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ExpressionError(
            f"The 'fromIon' function expects an argument 'ion' with type string. It is a {kind(value)}."
        )
    rows = ion.load(value)
    if all_rows is True:
        return rows
    return rows[0] if rows else None


@TABLE.entry("yaml", "yaml")
def yaml(value: Any) -> Any:
    """Value of the first document of a YAML text."""
    if not isinstance(value, str):
        raise ExpressionError(
            f"The 'yaml' function expects an argument 'yaml' with type string. It is a {kind(value)}."
        )
    return yamltext.load(value)
