"""Values at render time: text, truth, equality, order, arithmetic, access; the environment and its limits."""

from __future__ import annotations

import base64
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import time as clock_time
from decimal import Decimal, DivisionByZero, InvalidOperation
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import orjson

from flowdeck.expr.errors import ExpressionError, UndefinedError

MAX_ELEMENTS = 1_000_000
MAX_TEXT = 10_000_000
MAX_BITS = 13_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget of one render (expressions §1).

    Args:
        seconds: wall time of one render.
        depth: nesting of templates and macros.
        output_bytes: length of the output in characters.
        steps: loop iterations.
        regex_seconds: time of one regular expression.
    """

    seconds: float = 10.0
    depth: int = 100
    output_bytes: int = MAX_TEXT
    steps: int = MAX_ELEMENTS
    regex_seconds: float = 10.0


class Randomness(Protocol):
    """What the generating functions need of `random.Random`."""

    def randrange(self, start: int, stop: int) -> int: ...

    def getrandbits(self, k: int, /) -> int: ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Environment:
    """Everything impure a template may use; all of it is injected.

    Args:
        now: the clock, aware datetimes.
        random: source of the generating functions; secure by default.
        io: functions that reach outside by their name in the language; a missing one fails the render.
        limits: the budget of one render.
        zone: time zone of the server.
        on_secret: told every text that came out of `secret()` or `credential()` and texts derived by filters.
        recursive: render results again until they are stable (`kestra.variables.recursive-rendering`).
    """

    now: Callable[[], datetime] = _now
    random: Randomness = field(default_factory=random.SystemRandom)
    io: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    zone: tzinfo = UTC
    on_secret: Callable[[str], None] | None = None
    recursive: bool = False


DEFAULT_ENVIRONMENT = Environment()


class Runtime:
    """State of one outermost render: the budget that is left and the secrets that were seen."""

    __slots__ = ("compile", "deadline", "depth", "env", "limits", "raws", "secrets", "size", "steps")

    def __init__(self, env: Environment, compile: Callable[..., Any]) -> None:
        self.env = env
        self.compile = compile
        self.limits = env.limits
        self.deadline = time.monotonic() + env.limits.seconds
        self.steps = 0
        self.size = 0
        self.depth = 0
        self.secrets: set[str] = set()
        self.raws: list[str] | None = None

    def tick(self) -> None:
        """Count one step of a loop. Raises ExpressionError when steps or time are used up."""
        self.steps += 1
        if self.steps > self.limits.steps:
            raise ExpressionError(f"The limit of {self.limits.steps} loop steps was reached")
        if time.monotonic() > self.deadline:
            raise ExpressionError(f"The limit of {self.limits.seconds:g} seconds for one render was reached")

    def grow(self, length: int) -> None:
        """Count `length` characters of output. Raises ExpressionError above the limit."""
        self.size += length
        if self.size > self.limits.output_bytes:
            raise ExpressionError(f"The limit of {self.limits.output_bytes} bytes of output was reached")

    def enter(self) -> None:
        """Go one template or macro deeper. Raises ExpressionError above the limit."""
        self.depth += 1
        if self.depth > self.limits.depth:
            raise ExpressionError(f"The limit of {self.limits.depth} nested templates was reached")

    def leave(self) -> None:
        """Leave a nested template or macro."""
        self.depth -= 1

    def tell(self, value: Any, derived: bool = False) -> None:
        """Report every text in `value` as secret; derived texts under 4 characters would mask everything."""
        tell = self.env.on_secret
        if tell is None:
            return
        if isinstance(value, str):
            if value and value not in self.secrets and not (derived and len(value) < 4):
                self.secrets.add(value)
                tell(value)
        elif isinstance(value, Mapping):
            for item in value.values():
                self.tell(item, derived)
        elif isinstance(value, (list, tuple)):
            for item in value:
                self.tell(item, derived)

    def holds_secret(self, value: Any) -> bool:
        """Whether `value` is or contains a text that was told as secret."""
        if isinstance(value, str):
            return any(secret in value for secret in self.secrets)
        if isinstance(value, Mapping):
            return any(self.holds_secret(item) for item in value.values())
        if isinstance(value, (list, tuple)):
            return any(self.holds_secret(item) for item in value)
        return False


class Scope(dict[str, Any]):
    """Names of a `for`, a macro or the template, in front of an outer mapping."""

    __slots__ = ("outer",)

    def __init__(self, outer: Mapping[str, Any]) -> None:
        super().__init__()
        self.outer = outer

    def __missing__(self, name: str) -> Any:
        return self.outer[name]

    def assign(self, name: str, value: Any) -> None:
        """`set`: overwrite the nearest scope that has the name, else create it here."""
        scope: Scope = self
        while name not in scope.keys():  # noqa: SIM118 - `in scope` reads as if it asked the outer ones
            if not isinstance(scope.outer, Scope):
                if name in scope.outer:
                    break
                scope = self
                break
            scope = scope.outer
        scope[name] = value


def flat(context: Mapping[str, Any]) -> dict[str, Any]:
    """All visible names of a context as one plain map."""
    if isinstance(context, Scope):
        return flat(context.outer) | context
    return dict(context)


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of a map while a `for` walks it."""

    key: Any
    value: Any


# ---------------------------------------------------------------- text


def float_text(value: float) -> str:
    """Shortest form, always with a point."""
    if value != value:
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"
    return text


def instant_text(value: datetime) -> str:
    """ISO text of a native date-time; UTC is written `Z`, the fraction only when there is one."""
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def duration_text(value: timedelta) -> str:
    """ISO-8601 text of a duration."""
    micros = value // timedelta(microseconds=1)
    sign, micros = ("-" if micros < 0 else ""), abs(micros)
    seconds, fraction = divmod(micros, 1_000_000)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{sign}PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if seconds or fraction or not (hours or minutes):
        text += str(seconds) + (f".{fraction:06d}".rstrip("0") if fraction else "") + "S"
    return text


def text_of(value: Any) -> str:
    """The text form of any value; null is empty (expressions §1)."""
    if isinstance(value, str):
        return str(value) if type(value) is not str else value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        return json_text(value)
    return scalar_text(value)


def scalar_text(value: Any) -> str:
    """Text of the rarer scalars. Raises ExpressionError for a value that is no plain data."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, (date, clock_time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Entry):
        return f"{text_of(value.key)}={text_of(value.value)}"
    if isinstance(value, Enum):
        return text_of(value.value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise ExpressionError(f"A value of type {type(value).__name__} has no text form")


def _json_default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, int):
        return orjson.Fragment(str(value))
    if isinstance(value, Entry):
        return {text_of(value.key): value.value}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    return scalar_text(value)


def without_nulls(value: Any) -> Any:
    """`value` with plain JSON containers and without map entries whose value is null."""
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else (text_of(key) if key is not None else "null"): without_nulls(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [without_nulls(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return orjson.Fragment(str(value))
    if isinstance(value, float) and (math.isinf(value) or math.isnan(value)):
        return float_text(value)
    return value


_JSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def json_text(value: Any) -> str:
    """Compact JSON; null map entries are dropped. Raises ExpressionError for what JSON can not hold."""
    try:
        return orjson.dumps(without_nulls(value), _json_default, _JSON_OPTIONS).decode()
    except (TypeError, orjson.JSONEncodeError) as error:
        cause = error.__cause__
        raise cause if isinstance(cause, ExpressionError) else ExpressionError(f"No JSON: {error}") from None


# ---------------------------------------------------------------- kinds


def is_number(value: Any) -> bool:
    """Whether the value is a number of the language (a boolean is none)."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def kind(value: Any) -> str:
    """The name of a value's type for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if is_number(value):
        return "number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "list"
    return type(value).__name__


def number_of_text(text: str) -> int | float:
    """A number in decimal notation. Raises ExpressionError for anything else."""
    cleaned = text.strip()
    try:
        if len(cleaned) <= 4000 and "_" not in cleaned:
            try:
                return int(cleaned)
            except ValueError:
                return float(cleaned)
    except ValueError:
        pass
    raise ExpressionError(f"'{text[:100]}' is not a number")


def number(value: Any, what: str) -> Any:
    """A number or a numeric text as number. Raises ExpressionError naming the operation `what`."""
    if isinstance(value, bool) or value is None:
        raise ExpressionError(f"{what} needs numbers, not {kind(value)}")
    if isinstance(value, (int, float, Decimal)):
        return value
    if isinstance(value, str):
        return number_of_text(value)
    raise ExpressionError(f"{what} needs numbers, not {kind(value)}")


def integer(value: Any, what: str) -> int:
    """A whole number, numeric text included. Raises ExpressionError naming the argument `what`."""
    result = number(value, what)
    if isinstance(result, int):
        return result
    if math.isfinite(result) and result == int(result):
        return int(result)
    raise ExpressionError(f"{what} must be a whole number")


# ---------------------------------------------------------------- truth, equality, order


def truth(value: Any, place: str) -> bool:
    """Truth inside expressions (§4). Raises ExpressionError for null, lists and maps."""
    if value is True or value is False:
        return value
    if value is None:
        raise ExpressionError(f"null value given to {place}")
    if isinstance(value, str):
        return value != ""
    if isinstance(value, (int, float, Decimal)):
        return value != 0 and value == value
    raise ExpressionError(f"A {kind(value)} is neither true nor false in {place}")


_EXACT = (str, int, bool, type(None))


def equals(left: Any, right: Any) -> bool:
    """`==`: no conversion except between number types; containers by content."""
    if type(left) is type(right) and type(left) in _EXACT:
        return left == right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if is_number(left) and is_number(right):
        return bool(_same_kind(left, right)[0] == _same_kind(left, right)[1])
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(equals(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if len(left) != len(right):
            return False
        return all(key in right and equals(item, right[key]) for key, item in left.items())
    if is_number(left) != is_number(right):
        return False
    try:
        return bool(left == right)
    except TypeError:
        return False


def _same_kind(left: Any, right: Any) -> tuple[Any, Any]:
    if isinstance(left, Decimal) and isinstance(right, float):
        return left, Decimal(repr(right))
    if isinstance(right, Decimal) and isinstance(left, float):
        return Decimal(repr(left)), right
    return left, right


def ordered(left: Any, right: Any, compare: Callable[[Any, Any], bool], symbol: str) -> bool:
    """`<` and its kin: numbers, texts or dates among themselves; false when a side is null."""
    if left is None or right is None:
        return False
    if is_number(left) and is_number(right):
        return compare(*_same_kind(left, right))
    if isinstance(left, str) and isinstance(right, str):
        return compare(left, right)
    if isinstance(left, (date, clock_time, timedelta)) and type(left) is type(right):
        try:
            return compare(left, right)
        except TypeError:
            pass
    raise ExpressionError(f"{kind(left)} {symbol} {kind(right)} can not be compared")


def member(items: Any, wanted: Any) -> bool:
    """Whether one of `items` equals `wanted`."""
    return any(equals(item, wanted) for item in items)


def contains(left: Any, right: Any) -> bool:
    """`contains` (§3). Raises ExpressionError when the left side can not contain anything."""
    if left is None:
        return False
    if isinstance(left, str):
        return text_of(right) in left
    if isinstance(left, Mapping):
        return _has_key(left, right)
    if isinstance(left, (list, tuple, set, frozenset)):
        if isinstance(right, (list, tuple)):
            return all(member(left, item) for item in right)
        return member(left, right)
    raise ExpressionError(f"`contains` needs a list, map or text on its left side, not {kind(left)}")


def _has_key(items: Mapping[Any, Any], key: Any) -> bool:
    return any(equals(name, key) for name in items) if not isinstance(key, str) else key in items


def is_in(left: Any, right: Any) -> bool:
    """`isIn`: compared by text form (§3)."""
    if left is None or right is None:
        return False
    text = text_of(left)
    if isinstance(right, Mapping):
        return any(text == text_of(k) or text == text_of(v) for k, v in right.items())
    if isinstance(right, (list, tuple, set, frozenset)):
        return any(item is not None and text == text_of(item) for item in right)
    return False


# ---------------------------------------------------------------- arithmetic


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
        gone = right if isinstance(right, (list, tuple)) else (right,)
        return [item for item in left if not member(gone, item)]
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
    left, right = _same_kind(left, right)
    try:
        if symbol == "+":
            result = left + right
        elif symbol == "-":
            result = left - right
        elif symbol == "*":
            result = _product(left, right)
        else:
            result = _divide(left, right, symbol)
    except OverflowError:
        raise ExpressionError(f"The operands of `{symbol}` are too large") from None
    except (DivisionByZero, InvalidOperation):
        raise ExpressionError("/ by zero") from None
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


# ---------------------------------------------------------------- access


def attribute(value: Any, name: str) -> Any:
    """`value.name` on plain data. Raises UndefinedError when there is none."""
    if isinstance(value, Mapping):
        try:
            return value[name]
        except KeyError:
            if name in ("length", "size"):
                return len(value)
            raise UndefinedError(name) from None
    if name in ("length", "size") and isinstance(value, (str, list, tuple)):
        return len(value)
    if isinstance(value, Entry) and name in ("key", "value"):
        return value.key if name == "key" else value.value
    raise UndefinedError(name)


def subscript(value: Any, key: Any) -> Any:
    """`value[key]` on plain data. Raises UndefinedError, or ExpressionError for a negative index."""
    if isinstance(value, Mapping):
        try:
            return value[key]
        except KeyError:
            pass
        except TypeError:
            raise UndefinedError(text_of(key)) from None
        if is_number(key) and text_of(key) in value:
            return value[text_of(key)]
        if isinstance(key, str):
            return attribute(value, key)
        raise UndefinedError(text_of(key))
    if isinstance(value, (list, tuple)):
        index = key
        if isinstance(key, str):
            if not (key.isascii() and key.isdigit() and len(key) < 10):
                return attribute(value, key)
            index = int(key)
        if isinstance(index, bool) or not isinstance(index, int):
            raise UndefinedError(text_of(key))
        if index < 0:
            raise ExpressionError(f"The index {index} is negative")
        if index >= len(value):
            raise UndefinedError(index)
        return value[index]
    return attribute(value, key if isinstance(key, str) else text_of(key))


def iterable(value: Any) -> Sequence[Any]:
    """The elements a `for` walks. Raises ExpressionError `Not an iterable object`."""
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, Mapping):
        return [Entry(key, item) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise ExpressionError(f"Not an iterable object: {kind(value)}")
