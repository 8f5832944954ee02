"""Filters on text (expressions §7)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from flowdeck.expr import patterns
from flowdeck.expr.arithmetic import bounded_text
from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.limits import MAX_TEXT
from flowdeck.expr.runtime import Runtime
from flowdeck.expr.signature import Table
from flowdeck.expr.texts import float_text, text_of
from flowdeck.expr.values import integer, kind, number

TABLE = Table()
_BLANKS = "".join(map(chr, range(33)))


@TABLE.entry("abbreviate", "length")
def abbreviate(value: Any, length: Any) -> str:
    """Cuts to a length, with three dots when there is room for them."""
    text, size = text_of(value), integer(length, "length")
    if size < 0:
        raise ExpressionError("The argument 'length' must not be negative")
    if len(text) < size:
        return text
    return text[:size] if size <= 3 else text[: size - 3] + "..."


@TABLE.entry("base64encode")
def base64encode(value: Any) -> str:
    """Base64 of the UTF-8 bytes."""
    return base64.b64encode(text_of(value).encode()).decode()


@TABLE.entry("base64decode")
def base64decode(value: Any) -> str:
    """Text of base64."""
    try:
        return base64.b64decode(text_of(value), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ExpressionError("The input of `base64decode` is not base64 of UTF-8 text") from None


@TABLE.entry("capitalize")
def capitalize(value: Any) -> str:
    """First non-blank character in upper case."""
    text = text_of(value)
    blank = len(text) - len(text.lstrip())
    return text[:blank] + text[blank : blank + 1].upper() + text[blank + 1 :]


@TABLE.entry("title")
def title(value: Any) -> str:
    """First character of every word in upper case."""
    return re.sub(r"(?<!\S)\S", lambda found: found.group().upper(), text_of(value))


@TABLE.entry("endsWith", "value", nulls="fail")
def ends_with(value: Any, suffix: Any) -> bool:
    """Whether the text ends with a value."""
    return text_of(value).endswith(text_of(suffix))


@TABLE.entry("startsWith", "value", nulls="fail")
def starts_with(value: Any, prefix: Any) -> bool:
    """Whether the text starts with a value."""
    return text_of(value).startswith(text_of(prefix))


_ESCAPES = {"single": ("'", "\\'"), "double": ('"', '\\"'), "shell": ("'", "'\\''")}


@TABLE.entry("escapeChar", "type")
def escape_char(value: Any, style: Any) -> Any:
    """Escapes quotes: `single`, `double` or `shell`; in lists and maps too."""
    pair = _ESCAPES.get(text_of(style))
    if pair is None:
        raise ExpressionError("The argument 'type' of `escapeChar` must be single, double or shell")
    return _each_text(value, lambda text: text.replace(*pair))


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_each_text(item, change) for item in value]
    return None if value is None else change(text_of(value))


_FORMAT = re.compile(r"%(?:(\d+)\$)?([-+ 0,(#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")


@TABLE.entry("format", variadic=True)
def java_format(value: Any, *arguments: Any) -> str:
    """Fills a pattern with `%s %d %f %x %n %%`."""
    pattern, out, last, taken = text_of(value), [], 0, 0
    for found in _FORMAT.finditer(pattern):
        out.append(pattern[last : found.start()])
        last = found.end()
        index, flags, width, precision, code = found.groups()
        if int(width or 0) > 10_000 or int(precision or 0) > 1000:
            raise ExpressionError("The width of a format is too large")
        if code in "n%":
            out.append("\n" if code == "n" else "%")
            continue
        at = int(index) - 1 if index else taken
        taken += not index
        if not 0 <= at < len(arguments):
            raise ExpressionError(f"Format specifier '{found.group()}' has no argument")
        out.append(_formatted(arguments[at], flags, width, precision, code))
    if "%" in re.sub(_FORMAT, "", pattern):
        raise ExpressionError("Bad format: a lone %", hint="Write %% for a percent sign.")
    return bounded_text("".join(out) + pattern[last:])


def _formatted(value: Any, flags: str, width: str | None, precision: str | None, code: str) -> str:
    if code in "sS":
        text = "null" if value is None else text_of(value)
        text = text if precision is None else text[: int(precision)]
        text = text.upper() if code == "S" else text
        signed = False
    elif code in "bB":
        text, signed = ("false" if value is None or value is False else "true"), False
    else:
        if value is None:
            text, signed = "null", False
        elif code in "dxXo":
            whole = number(value, f"%{code}")
            if not isinstance(whole, int):
                raise ExpressionError(f"%{code} needs a whole number")
            text = format(whole, ("," if "," in flags else "") + code)
            signed = True
        elif code in "fFeE":
            amount = number(value, f"%{code}")
            text = format(amount, f"{',' if ',' in flags else ''}.{precision or 6}{code.lower()}")
            text, signed = text.upper() if code == "E" else text, True
        else:
            raise ExpressionError(f"Unknown format `%{code}`")
        if signed and not text.startswith("-"):
            text = ("+" if "+" in flags else " " if " " in flags else "") + text
    size = int(width or 0)
    if "-" in flags:
        return text.ljust(size)
    return text.zfill(size) if "0" in flags and signed else text.rjust(size)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\r" if "\r" in text and "\n" not in text else "\n"


def _indented(text: str, amount: Any, prefix: Any) -> tuple[str, str]:
    size = integer(amount, "amount")
    if size < 0:
        raise ExpressionError("The argument 'amount' must not be negative")
    newline, piece = _newline(text), text_of(prefix)
    if size * len(piece) * (text.count(newline) + 1) + len(text) > MAX_TEXT:
        raise ExpressionError(f"The limit of {MAX_TEXT} bytes of output was reached")
    return piece * size, newline


@TABLE.entry("indent", "amount", ("prefix", " "))
def indent(value: Any, amount: Any, prefix: Any) -> str:
    """Indents every line but the first."""
    text = text_of(value)
    margin, newline = _indented(text, amount, prefix)
    return text.replace(newline, newline + margin)


@TABLE.entry("nindent", "amount", ("prefix", " "))
def nindent(value: Any, amount: Any, prefix: Any) -> str:
    """A newline, then every line indented."""
    text = text_of(value)
    if not text:
        return text
    margin, newline = _indented(text, amount, prefix)
    return newline + margin + text.replace(newline, newline + margin)


@TABLE.entry("lower")
def lower(value: Any) -> str:
    """Lower case."""
    return text_of(value).lower()


@TABLE.entry("upper")
def upper(value: Any) -> str:
    """Upper case."""
    return text_of(value).upper()


@TABLE.entry("trim")
def trim(value: Any) -> str:
    """Without white space and control characters at both ends."""
    return text_of(value).strip(_BLANKS)


def _digest(algorithm: str) -> None:
    def run(value: Any) -> str:
        return hashlib.new(algorithm, text_of(value).encode(), usedforsecurity=False).hexdigest()

    run.__doc__ = f"Hex digest {algorithm.upper()} of the UTF-8 bytes."
    TABLE.entry(algorithm)(run)


for _algorithm in ("md5", "sha1", "sha256", "sha512"):
    _digest(_algorithm)


@TABLE.entry("nl2br")
def nl2br(value: Any) -> str:
    """Line breaks for HTML."""
    return bounded_text(re.sub(r"\r\n|\n|\r", "<br />", text_of(value)))


@TABLE.entry("regexMatch", "regex", needs="runtime")
def regex_match(rt: Runtime, value: Any, pattern: Any) -> bool:
    """Whether a regular expression occurs in the text."""
    return patterns.search(rt, text_of(value), text_of(pattern)) is not None


@TABLE.entry("regexReplace", "regex", "replacement", needs="runtime")
def regex_replace(rt: Runtime, value: Any, pattern: Any, replacement: Any) -> str:
    """Replaces all matches; `$1` and `${name}` name groups."""
    return patterns.replace_all(rt, text_of(value), text_of(pattern), text_of(replacement))


@TABLE.entry("regexExtract", "regex", ("group", 0), needs="runtime")
def regex_extract(rt: Runtime, value: Any, pattern: Any, group: Any) -> str | None:
    """The first match or one of its groups; null without match."""
    found = patterns.search(rt, text_of(value), text_of(pattern))
    index = group if isinstance(group, str) and not group.isdigit() else integer(group, "group")
    if found is None:
        return None
    try:
        return found.group(index)
    except IndexError:
        raise ExpressionError(f"No group {index}") from None


@TABLE.entry("replace", "replace_pairs", ("regexp", False), needs="runtime")
def replace(rt: Runtime, value: Any, replace_pairs: Any, regexp: Any) -> Any:
    """Replaces each key of a map by its value, in order; `regexp=true` reads keys as regular expressions."""
    if not isinstance(replace_pairs, Mapping):
        raise ExpressionError("The argument 'replace_pairs' of `replace` must be a map")
    pairs = [(text_of(old), text_of(new)) for old, new in replace_pairs.items()]

    def change(text: str) -> str:
        for old, new in pairs:
            if regexp is True:
                text = patterns.replace_all(rt, text, old, new)
            elif len(new) > len(old) and len(text) + text.count(old) * (len(new) - len(old)) > MAX_TEXT:
                raise ExpressionError(f"The limit of {MAX_TEXT} bytes of output was reached")
            else:
                text = text.replace(old, new)
        return text

    return _each_text(value, change)


_SLUG_STEPS = (
    (re.compile(r"\s"), "-"),
    (re.compile(r"[^A-Za-z0-9_-]"), ""),
    (re.compile(r"_"), "-"),
    (re.compile(r"-{2,}"), "-"),
    (re.compile(r"^-|-$"), ""),
)


@TABLE.entry("slugify")
def slugify(value: Any) -> str:
    """Lower-case ASCII words joined by dashes."""
    text = unicodedata.normalize("NFD", re.sub(r"\s", "-", text_of(value)))
    for pattern, new in _SLUG_STEPS:
        text = pattern.sub(new, text)
    return text.lower()


@TABLE.entry("split", "delimiter", ("limit", 0), needs="runtime")
def split(rt: Runtime, value: Any, delimiter: Any, limit: Any = 0) -> list[str]:
    """Splits at a regular expression."""
    return patterns.split(rt, text_of(value), text_of(delimiter), integer(limit, "limit"))


@TABLE.entry("string")
def string(value: Any) -> str:
    """Text form of any value."""
    return float_text(value) if isinstance(value, float) else text_of(value)


def _substring(name: str, summary: str, cut: Any) -> None:
    def run(value: Any, separator: Any) -> str:
        if separator is None:
            raise ExpressionError("The argument 'separator' is required.")
        return cut(text_of(value), text_of(separator))

    run.__doc__ = summary
    TABLE.entry(name, "separator")(run)


def _partition(text: str, separator: str, last: bool) -> tuple[str, str, str]:
    if not separator:
        return ("", "", text) if not last else (text, "", "")
    if last:
        head, found, tail = text.rpartition(separator)
        return (head, found, tail) if found else (text, "", "")
    return text.partition(separator)


_substring("substringBefore", "The text before a separator.", lambda s, x: _partition(s, x, False)[0])
_substring("substringAfter", "The text after a separator.", lambda s, x: _partition(s, x, False)[2])
_substring("substringBeforeLast", "The text before the last separator.", lambda s, x: _partition(s, x, True)[0])
_substring("substringAfterLast", "The text after the last separator.", lambda s, x: _partition(s, x, True)[2])


@TABLE.entry("urlencode")
def urlencode(value: Any) -> str:
    """Form encoding: a space becomes `+`."""
    return quote_plus(text_of(value), safe="*").replace("~", "%7E")


@TABLE.entry("urldecode")
def urldecode(value: Any) -> str:
    """Text of its form encoding."""
    text = text_of(value)
    if re.search(r"%(?![0-9a-fA-F]{2})", text):
        raise ExpressionError("The input of `urldecode` has a % without two hex digits")
    return unquote_plus(text)


def kind_of(value: Any) -> str:
    """Name of a type for messages."""
    return kind(value)
