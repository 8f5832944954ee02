"""The binary operators and what they do."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from flowdeck.expr import arithmetic, values
from flowdeck.expr.functions.generate import number_range
from flowdeck.expr.texts import text_of


def plus(value: Any) -> Any:
    return values.number(value, "unary `+`")


def _not_equals(left: Any, right: Any) -> bool:
    return not values.equals(left, right)


def _order(compare: Callable[[Any, Any], bool], symbol: str) -> Callable[[Any, Any], bool]:
    return lambda left, right: values.ordered(left, right, compare, symbol)


def _concatenate(left: Any, right: Any) -> str:
    return arithmetic.bounded_text(text_of(left) + text_of(right))


def _range(left: Any, right: Any) -> list[Any]:
    return number_range(left, right, 1)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": arithmetic.add,
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "%": arithmetic.remainder,
    "~": _concatenate,
    "==": values.equals,
    "equals": values.equals,
    "!=": _not_equals,
    "<": _order(operator.lt, "<"),
    ">": _order(operator.gt, ">"),
    "<=": _order(operator.le, "<="),
    ">=": _order(operator.ge, ">="),
    "contains": values.contains,
    "isIn": values.is_in,
    "..": _range,
}
