"""Functions that make values (expressions §8)."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from flowdeck.expr.dates import format_date
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.filters.dating import locale_argument, zone_argument
from flowdeck.expr.limits import MAX_ELEMENTS
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import text_of
from flowdeck.expr.values import equals, integer, ordered

TABLE = Table()
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KSUID_EPOCH = 1_400_000_000
_NANO_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


@TABLE.entry("now", ("format", "iso"), ("timeZone", None), ("locale", None), needs="runtime")
def now(rt: Runtime, pattern: Any, zone: Any, locale: Any) -> str:
    """Text of the current date."""
    moment = rt.env.now()
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(zone_argument(rt, zone))
    return format_date(moment, "iso" if pattern is None else text_of(pattern), locale_argument(locale))


def _extreme(name: str, values: tuple[Any, ...], wins: str) -> Any:
    if not values:
        raise ExpressionError(f"The '{name}' function expects at least one argument.")
    best: Any = None
    for value in values:
        if value is None:
            continue
        if best is None or (
            ordered(value, best, lambda a, b: a > b, ">")
            if wins == "greater"
            else ordered(value, best, lambda a, b: a < b, "<")
        ):
            if not isinstance(value, (int, float, str)) or isinstance(value, bool):
                ordered(value, 0, lambda a, b: a < b, "<")
            best = value
    return best


@TABLE.entry("max", variadic=True)
def maximum(*values: Any) -> Any:
    """The greatest of its arguments."""
    return _extreme("max", values, "greater")


@TABLE.entry("min", variadic=True)
def minimum(*values: Any) -> Any:
    """The least of its arguments."""
    return _extreme("min", values, "less")


@TABLE.entry("range", "start", "end", ("increment", 1))
def number_range(start: Any, end: Any, increment: Any) -> list[Any]:
    """Numbers or letters from start to end, end included."""
    step = integer(increment, "increment")
    if step == 0:
        raise ExpressionError("The argument 'increment' of `range` must not be 0")
    letters = all(isinstance(item, str) and len(item) == 1 and not item.isdigit() for item in (start, end))
    first, last = (ord(start), ord(end)) if letters else (integer(start, "start"), integer(end, "end"))
    count = max(0, (last - first) // step + 1)
    if count > MAX_ELEMENTS:
        raise ExpressionError(f"The limit of {MAX_ELEMENTS} elements of `range` was reached")
    numbers = range(first, first + count * step, step)
    return [chr(code) for code in numbers if 0 <= code < 0x110000] if letters else list(numbers)


@TABLE.entry("randomInt", "lower", "upper", needs="runtime")
def random_int(rt: Runtime, lower: Any, upper: Any) -> int:
    """A random integer, the upper bound excluded."""
    low, high = integer(lower, "lower"), integer(upper, "upper")
    if high < low:
        raise ExpressionError("In 'GenerateRandomNumber' upper is less than lower")
    return low if equals(low, high) else rt.env.random.randrange(low, high)


@TABLE.entry("uuid", needs="runtime")
def uuid(rt: Runtime) -> str:
    """A random UUID."""
    number = rt.env.random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def base62(number: int, width: int = 0) -> str:
    """A number in base 62, padded with zeros to `width` characters."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = BASE62[rest] + digits
    return digits.rjust(width, "0")


@TABLE.entry("id", needs="runtime")
def identifier(rt: Runtime) -> str:
    """A short unique id, 20 to 22 characters in base 62."""
    return base62(rt.env.random.getrandbits(128) | 1 << 120, 20)


@TABLE.entry("ksuid", needs="runtime")
def ksuid(rt: Runtime) -> str:
    """A unique id that sorts by time, 27 characters."""
    seconds = int(rt.env.now().timestamp()) - _KSUID_EPOCH
    return base62((seconds & 0xFFFFFFFF) << 128 | rt.env.random.getrandbits(128), 27)


@TABLE.entry("nanoId", ("length", 21), ("alphabet", None), needs="runtime")
def nano_id(rt: Runtime, length: Any, alphabet: Any) -> str:
    """A random text of a length over an alphabet."""
    size = integer(length, "length")
    letters = _NANO_ALPHABET if alphabet is None else text_of(alphabet)
    if not 0 < size <= 1000:
        raise ExpressionError("The argument 'length' of `nanoId` must be between 1 and 1000")
    if not letters:
        raise ExpressionError("The argument 'alphabet' of `nanoId` must not be empty")
    return "".join(letters[rt.env.random.randrange(0, len(letters))] for _ in range(size))
