"""Filters on numbers (expressions §7)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from typing import Any

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import text_of
from flowdeck.expr.values import is_number, kind
from flowdeck.expr.values import number as numeric

TABLE = Table()
_INT, _LONG = 2**31, 2**63
_KINDS = ("INT", "FLOAT", "LONG", "DOUBLE", "BIGDECIMAL", "BIGINTEGER")


@TABLE.entry("abs", nulls="fail")
def absolute(value: Any) -> Any:
    """Absolute value."""
    return abs(numeric(value, "`abs`"))


def class_name_of_literal(value: Any) -> str:
    """Java-like name of a number written in a template."""
    if isinstance(value, int):
        return "java.lang.Long" if -_LONG <= value < _LONG else "java.math.BigInteger"
    return "java.lang.Double"


def class_name_of_parsed(value: Any, wanted: Any) -> str | None:
    """Java-like name of what `number` makes of a value."""
    result = _parsed(value, wanted)
    return None if result is None else result[1]


@TABLE.entry("className")
def class_name(value: Any) -> str:
    """Java-like name of the value's type."""
    if isinstance(value, bool):
        return "java.lang.Boolean"
    if isinstance(value, int):
        if -_INT <= value < _INT:
            return "java.lang.Integer"
        return class_name_of_literal(value)
    if isinstance(value, float):
        return "java.lang.Double"
    if isinstance(value, Decimal):
        return "java.math.BigDecimal"
    if isinstance(value, str):
        return "java.lang.String"
    if isinstance(value, Mapping):
        return "java.util.LinkedHashMap"
    if isinstance(value, (list, tuple)):
        return "java.util.ArrayList"
    if isinstance(value, datetime):
        return "java.time.ZonedDateTime"
    if isinstance(value, date):
        return "java.time.LocalDate"
    return "java.lang.Object"


@TABLE.entry("number", ("type", None))
def number(value: Any, wanted: Any) -> Any:
    """Number of a text: INT, FLOAT, LONG, DOUBLE, BIGDECIMAL, BIGINTEGER or the smallest that fits."""
    result = _parsed(value, wanted)
    return None if result is None else result[0]


def _parsed(value: Any, wanted: Any) -> tuple[Any, str] | None:
    if value is None:
        return None
    if is_number(value) and wanted is None:
        return value, class_name(value)
    text = text_of(value).strip()
    target = None if wanted is None else text_of(wanted).upper()
    if target is not None and target not in _KINDS:
        raise ExpressionError(f"The argument 'type' of `number` must be one of {', '.join(_KINDS)}")
    if len(text) > 4000 or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", text, re.ASCII):
        raise ExpressionError(f"'{text[:100]}' is not a valid number")
    whole = re.fullmatch(r"[+-]?\d+", text) is not None
    if target is None:
        return _smallest(text, whole)
    if target in ("INT", "LONG", "BIGINTEGER"):
        if not whole:
            raise ExpressionError(f"'{text[:100]}' is not a valid {target}")
        amount = int(text)
        limit = {"INT": _INT, "LONG": _LONG}.get(target)
        if limit is not None and not -limit <= amount < limit:
            raise ExpressionError(f"'{text[:100]}' is out of the range of {target}")
        names = {"INT": "java.lang.Integer", "LONG": "java.lang.Long", "BIGINTEGER": "java.math.BigInteger"}
        return amount, names[target]
    if target == "BIGDECIMAL":
        return Decimal(text), "java.math.BigDecimal"
    return float(text), "java.lang.Float" if target == "FLOAT" else "java.lang.Double"


def _smallest(text: str, whole: bool) -> tuple[Any, str]:
    if whole:
        amount = int(text)
        if -_INT <= amount < _INT:
            return amount, "java.lang.Integer"
        return amount, "java.lang.Long" if -_LONG <= amount < _LONG else "java.math.BigInteger"
    digits = len(re.sub(r"[eE].*|\D", "", text).lstrip("0"))
    amount = float(text)
    single = abs(amount) < 3.4e38 and (amount == 0 or abs(amount) > 1.2e-38)
    if digits <= 7 and single and math.isfinite(struct.unpack("f", struct.pack("f", amount))[0]):
        return amount, "java.lang.Float"
    if digits <= 16 and math.isfinite(amount):
        return amount, "java.lang.Double"
    return Decimal(text), "java.math.BigDecimal"


@TABLE.entry("numberFormat", ("format", None))
def number_format(value: Any, pattern: Any) -> str:
    """Formats by a Java `DecimalFormat` pattern, rounding half to even."""
    if not is_number(value):
        raise ExpressionError(f"`numberFormat` needs a number, not {kind(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else ("∞" if value > 0 else "-∞")
    text = "#,##0.###" if pattern is None else text_of(pattern)
    if len(text) > 300:
        raise ExpressionError("The pattern of `numberFormat` is too long")
    with localcontext() as context:
        context.prec = 5000
        return _decimal_format(Decimal(value), text)


def _subpatterns(pattern: str) -> list[list[tuple[str, bool]]]:
    """Characters with their quotedness, cut at the semicolon."""
    parts: list[list[tuple[str, bool]]] = [[]]
    index, quoted = 0, False
    while index < len(pattern):
        char = pattern[index]
        if char == "'":
            if pattern[index + 1 : index + 2] == "'":
                parts[-1].append(("'", True))
                index += 1
            else:
                quoted = not quoted
        elif char == ";" and not quoted and len(parts) == 1:
            parts.append([])
        else:
            parts[-1].append((char, quoted))
        index += 1
    return parts


def _split_affixes(items: list[tuple[str, bool]]) -> tuple[str, str, str, int]:
    """Prefix, number part, suffix and the power of ten of `%` or `‰`."""
    positions = [at for at, (char, quoted) in enumerate(items) if not quoted and char in "#0,."]
    if not positions:
        raise ExpressionError("The pattern of `numberFormat` has no digits")
    first, last = positions[0], positions[-1]
    body = "".join(char for char, _ in items[first : last + 1])
    exponent = ""
    rest = "".join(char for char, _ in items[last + 1 :])
    if re.match(r"E0+$", rest):
        exponent = rest
    affix = items[:first] + items[last + 1 :]
    shift = 2 if ("%", False) in affix else 3 if ("‰", False) in affix else 0
    prefix = "".join(char for char, _ in items[:first])
    return prefix, body + exponent, "" if exponent else rest, shift


def _decimal_format(value: Decimal, pattern: str) -> str:
    parts = _subpatterns(pattern)
    prefix, body, suffix, shift = _split_affixes(parts[0])
    negative = value.is_signed() and value != 0
    if re.search(r"[^#0,.]", body):
        raise ExpressionError(f"Malformed pattern `{pattern}`")
    whole, _, fraction = body.partition(".")
    if "," in fraction or "." in fraction or re.search(r"0,*#", whole) or re.search(r"#0", fraction):
        raise ExpressionError(f"Malformed pattern `{pattern}`")
    grouping = len(whole) - whole.rfind(",") - 1 if "," in whole else 0
    least_whole, least, most = whole.count("0"), fraction.count("0"), len(fraction)
    try:
        amount = abs(value).scaleb(shift).quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_EVEN)
    except InvalidOperation:
        raise ExpressionError("The number is too large for its pattern") from None
    digits, _, decimals = format(amount, "f").partition(".")
    digits = digits.lstrip("0").rjust(least_whole, "0")
    decimals = decimals[:least] + decimals[least:].rstrip("0")
    if not digits and not decimals:
        digits = "0"
    if grouping:
        head = len(digits) % grouping
        groups = ([digits[:head]] if head else []) + [
            digits[at : at + grouping] for at in range(head, len(digits), grouping)
        ]
        digits = ",".join(groups)
    text = digits + ("." + decimals if decimals else "")
    if negative and amount == 0:
        negative = True
    if negative and len(parts) > 1 and parts[1]:
        prefix, _, suffix, _ = _split_affixes(parts[1])
        return prefix + text + suffix
    return ("-" if negative else "") + prefix + text + suffix
