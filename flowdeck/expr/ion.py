"""Ion text: a reader of the text format and a writer of compact values."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NoReturn

from flowdeck.expr.errors import ExpressionError
from flowdeck.expr.texts import instant_text, scalar_text, text_of

_SYMBOL = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_KEYWORDS = frozenset({"null", "true", "false", "nan"})
_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0",
    "\b": "\\b", "\f": "\\f", "\v": "\\v", "\a": "\\a",
}  # fmt: skip
_MAX_DEPTH = 100


def dump(value: Any, depth: int = 0) -> str:
    """Ion text of a value; null entries are kept. Raises ExpressionError."""
    if depth > _MAX_DEPTH:
        raise ExpressionError("The value is nested too deeply for Ion")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text if "." in text else text + "."
    if isinstance(value, str):
        return _quoted(value, '"')
    if isinstance(value, datetime):
        return instant_text(value if value.tzinfo else value.astimezone())
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = (f"{_field(text_of(key))}:{dump(item, depth + 1)}" for key, item in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ",".join(dump(item, depth + 1) for item in value) + "]"
    if isinstance(value, (bytes, bytearray)):
        return "{{" + base64.b64encode(value).decode() + "}}"
    return _quoted(scalar_text(value), '"')


def _float(value: float) -> str:
    if not math.isfinite(value):
        return "nan" if value != value else "+inf" if value > 0 else "-inf"
    text = repr(value)
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{text}e0"


def _quoted(text: str, quote: str) -> str:
    return quote + "".join(_ESCAPES.get(char, char) for char in text) + quote


def _field(name: str) -> str:
    if _SYMBOL.fullmatch(name) and name not in _KEYWORDS:
        return name
    return "'" + "".join(_ESCAPES.get(c, c) if c != '"' else c for c in name).replace("'", "\\'") + "'"


# ---------------------------------------------------------------- reading


def load(text: str) -> list[Any]:
    """All top-level values. Raises ExpressionError `Invalid ion: …`."""
    try:
        return _Reader(text).all()
    except (ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, ExpressionError):
            raise
        raise ExpressionError(f"Invalid ion: {error}") from None


_SKIP = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TIMESTAMP = re.compile(
    r"\d{4}T|\d{4}-\d{2}T|\d{4}-\d{2}-\d{2}"
    r"(?:T(?:\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?)?(?![\w.:+-])"
)
_NUMBER = re.compile(r"[+-]inf\b|-?0[xX][0-9a-fA-F_]+|-?0[bB][01_]+|-?\d[\d_]*(?:\.[\d_]*)?(?:[eEdD][+-]?\d+)?")
_STOP = set("{}[](),:'\" \t\r\n")
_UNESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "\n": ""}


class _Reader:
    __slots__ = ("depth", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    def all(self) -> list[Any]:
        rows: list[Any] = []
        self.skip()
        while self.position < len(self.text):
            value = self.value()
            if not (isinstance(value, _Symbol) and re.fullmatch(r"\$ion_\d+_\d+", value)):
                rows.append(_plain(value))
            self.skip()
        return rows

    def fail(self, message: str) -> NoReturn:
        line = self.text.count("\n", 0, self.position) + 1
        raise ExpressionError(f"Invalid ion: {message} at line {line}")

    def skip(self) -> None:
        found = _SKIP.match(self.text, self.position)
        self.position = found.end() if found else self.position

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def value(self) -> Any:
        """One value; annotations in front of it are dropped."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail("nested too deeply")
        while True:
            value = self.single()
            self.skip()
            if isinstance(value, _Symbol) and self.text.startswith("::", self.position):
                self.position += 2
                self.skip()
                continue
            self.depth -= 1
            return value

    def single(self) -> Any:
        char, text = self.peek(), self.text
        if char == "":
            self.fail("unexpected end")
        if text.startswith("{{", self.position):
            return self.lob()
        if char == "{":
            return self.struct()
        if char == "[":
            return self.sequence("]", ",")
        if char == "(":
            return self.sequence(")", "")
        if char == '"':
            return self.string('"')
        if text.startswith("'''", self.position):
            parts = []
            while text.startswith("'''", self.position):
                parts.append(self.string("'''"))
                self.skip()
            return "".join(parts)
        if char == "'":
            return _Symbol(self.string("'"))
        found = _TIMESTAMP.match(text, self.position)
        if found:
            self.position = found.end()
            return found.group()
        found = _NUMBER.match(text, self.position)
        if found:
            self.position = found.end()
            return _number(found.group())
        found = _SYMBOL.match(text, self.position)
        if found is None:
            self.fail(f"unexpected `{char}`")
        self.position = found.end()
        word = found.group()
        if word == "null" and self.peek() == ".":
            kind = _SYMBOL.match(text, self.position + 1)
            self.position = kind.end() if kind else self.position
            return None
        if word in ("null", "true", "false", "nan"):
            return {"null": None, "true": True, "false": False, "nan": math.nan}[word]
        return _Symbol(word)

    def string(self, quote: str) -> str:
        at = self.position + len(quote)
        out: list[str] = []
        while True:
            if at >= len(self.text):
                self.fail("a text is not closed")
            if self.text.startswith(quote, at):
                self.position = at + len(quote)
                return "".join(out)
            char = self.text[at]
            if char != "\\":
                out.append(char)
                at += 1
                continue
            code = self.text[at + 1 : at + 2]
            size = {"x": 2, "u": 4, "U": 8}.get(code)
            if size:
                out.append(chr(int(self.text[at + 2 : at + 2 + size], 16)))
                at += 2 + size
            else:
                out.append(_UNESCAPES.get(code, code))
                at += 2

    def struct(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        self.position += 1
        self.skip()
        while self.peek() != "}":
            name = self.single()
            if not isinstance(name, str):
                self.fail("expected a field name")
            self.skip()
            if self.peek() != ":":
                self.fail("expected `:`")
            self.position += 1
            self.skip()
            result[str(name)] = _plain(self.value())
            self.separator("}", ",")
        self.position += 1
        return result

    def sequence(self, end: str, separator: str) -> list[Any]:
        items: list[Any] = []
        self.position += 1
        self.skip()
        while self.peek() != end:
            items.append(_plain(self.value()))
            if separator:
                self.separator(end, separator)
        self.position += 1
        return items

    def separator(self, end: str, separator: str) -> None:
        self.skip()
        if self.peek() == separator:
            self.position += 1
            self.skip()
        elif self.peek() != end:
            self.fail(f"expected `{separator}` or `{end}`")

    def lob(self) -> str:
        end = self.text.find("}}", self.position)
        if end < 0:
            self.fail("a lob is not closed")
        body = self.text[self.position + 2 : end].strip()
        self.position = end + 2
        return body[1:-1] if body.startswith('"') else body


class _Symbol(str):
    """A symbol, which may turn out to be an annotation."""

    __slots__ = ()


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, _Symbol) else value


def _number(text: str) -> Any:
    cleaned = text.replace("_", "")
    lowered = cleaned.lower()
    if lowered.endswith("inf"):
        return -math.inf if cleaned[0] == "-" else math.inf
    if "0x" in lowered or "0b" in lowered:
        return int(cleaned, 0)
    if "e" in lowered:
        return float(cleaned)
    if "d" in lowered or "." in lowered:
        number = Decimal(lowered.replace("d", "e"))
        return float(number)
    return int(cleaned)
