"""Arithmetic of the language, bounded in size (expressions §3)."""

from __future__ import annotations

import math
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.limits import MAX_BITS, MAX_ELEMENTS, MAX_TEXT
from flowdeck.expr.texts import text_of
from flowdeck.expr.values import fingerprint, number, same_kind


def bounded_text(text: str) -> str:
    """`text`, refused when it is longer than any output may be."""
    if len(text) > MAX_TEXT:
        raise ExpressionError(f"The limit of {MAX_TEXT} bytes of output was reached")
    return text


def bounded_list(items: list[Any]) -> list[Any]:
    """`items`, refused when there are more than a list may have."""
    if len(items) > MAX_ELEMENTS:
        raise ExpressionError(f"The limit of {MAX_ELEMENTS} elements was reached")
    return items


def plus_text(value: Any) -> str:
    """Text of an operand of `+`, where null is written out."""
    return "null" if value is None else text_of(value)


def add(left: Any, right: Any) -> Any:
    """`+` (§3)."""
    if isinstance(left, str) or isinstance(right, str):
        return bounded_text(plus_text(left) + plus_text(right))
    if isinstance(left, (list, tuple)):
        return bounded_list([*left, *(right if isinstance(right, (list, tuple)) else (right,))])
    return _arithmetic(number(left, "`+`"), number(right, "`+`"), "+")


def subtract(left: Any, right: Any) -> Any:
    """`-` (§3)."""
    if isinstance(left, (list, tuple)):
        gone = {fingerprint(item) for item in (right if isinstance(right, (list, tuple)) else (right,))}
        return [item for item in left if fingerprint(item) not in gone]
    return _arithmetic(number(left, "`-`"), number(right, "`-`"), "-")


def multiply(left: Any, right: Any) -> Any:
    """`*` (§3)."""
    return _arithmetic(number(left, "`*`"), number(right, "`*`"), "*")


def divide(left: Any, right: Any) -> Any:
    """`/`: whole numbers truncate toward zero (§3)."""
    return _arithmetic(number(left, "`/`"), number(right, "`/`"), "/")


def remainder(left: Any, right: Any) -> Any:
    """`%`: the sign of the dividend (§3)."""
    return _arithmetic(number(left, "`%`"), number(right, "`%`"), "%")


def _arithmetic(left: Any, right: Any, symbol: str) -> Any:
    left, right = same_kind(left, right)
    try:
        if symbol == "+":
            result = left + right
        elif symbol == "-":
            result = left - right
        elif symbol == "*":
            result = _product(left, right)
        else:
            result = _divide(left, right, symbol)
    except (DivisionByZero, InvalidOperation):
        raise ExpressionError("/ by zero") from None
    except ArithmeticError:
        raise ExpressionError(f"The operands of `{symbol}` are too large") from None
    if isinstance(result, int) and result.bit_length() > MAX_BITS:
        raise ExpressionError("The limit of 4000 digits was reached")
    return result


def _product(left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    if whole and left.bit_length() + right.bit_length() > MAX_BITS:
        raise ExpressionError("The limit of 4000 digits was reached")
    return left * right


def _divide(left: Any, right: Any, symbol: str) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        if right == 0:
            raise ExpressionError("/ by zero")
        quotient = abs(left) // abs(right)
        if (left < 0) != (right < 0):
            quotient = -quotient
        return quotient if symbol == "/" else left - quotient * right
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return left / right if symbol == "/" else left % right
    left, right = float(left), float(right)
    if symbol == "%":
        return math.fmod(left, right) if right != 0 and math.isfinite(left) else math.nan
    if right == 0:
        if left == 0 or left != left:
            return math.nan
        return math.inf if (left > 0) == (math.copysign(1, right) > 0) else -math.inf
    return left / right


def negate(value: Any) -> Any:
    """Unary `-`; numeric text too."""
    return -number(value, "unary `-`")
