"""Builtins on text: parts, regular expressions, formats."""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import regex

from flowdeck.expr import regexes
from flowdeck.expr.jq import values
from flowdeck.expr.jq.evaluator import Evaluator, Pair, Scope
from flowdeck.expr.jq.natives import NATIVE, Native, array, function, generator, product, tostring
from flowdeck.expr.jq.parser import Node
from flowdeck.expr.jq.values import JqError, type_name
from flowdeck.expr.limits import REGEX_SECONDS

_REGEX_SECONDS = REGEX_SECONDS


def text_input(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise JqError(f"{name} input must be a string, not {type_name(value)}")
    return value


@function("startswith", 1)
def _startswith(value: Any, prefix: Any) -> bool:
    return text_input(value, "startswith()").startswith(text_input(prefix, "startswith()"))


@function("endswith", 1)
def _endswith(value: Any, suffix: Any) -> bool:
    return text_input(value, "endswith()").endswith(text_input(suffix, "endswith()"))


@function("ltrimstr", 1)
def _ltrimstr(value: Any, prefix: Any) -> Any:
    return value.removeprefix(prefix) if isinstance(value, str) and isinstance(prefix, str) else value


@function("rtrimstr", 1)
def _rtrimstr(value: Any, suffix: Any) -> Any:
    return value.removesuffix(suffix) if isinstance(value, str) and isinstance(suffix, str) else value


function("trim")(lambda value: text_input(value, "trim").strip())
function("ltrim")(lambda value: text_input(value, "trim").lstrip())
function("rtrim")(lambda value: text_input(value, "trim").rstrip())
function("explode")(lambda value: [ord(char) for char in text_input(value, "explode")])
function("implode")(lambda value: "".join(chr(code) for code in array(value)))


@function("split", 1)
def _split(value: Any, separator: Any) -> list[str]:
    if not isinstance(value, str) or not isinstance(separator, str):
        raise JqError("split input and separator must be strings")
    return values.split_text(value, separator)


@function("join", 1)
def _join(value: Any, separator: Any) -> str:
    texts: list[str] = []
    for item in array(value):
        if isinstance(item, (list, dict)):
            raise JqError(f"Cannot join with {type_name(item)}")
        texts.append("" if item is None else tostring(item))
    if sum(map(len, texts)) + len(texts) * len(separator) > values.MAX_TEXT:
        raise JqError("The limit of 10 MB was reached")
    return separator.join(texts)


def _pattern(pattern: Any, flags: Any) -> tuple[regex.Pattern[str], bool, bool]:
    if isinstance(pattern, list):
        pattern, flags = pattern[0], pattern[1] if len(pattern) > 1 else flags
    if not isinstance(pattern, str) or not (flags is None or isinstance(flags, str)):
        raise JqError(f"{values.short(pattern)} cannot be matched, as it is not a string")
    options, everywhere, nonempty = 0, False, False
    for flag in flags or "":
        if flag == "g":
            everywhere = True
        elif flag == "n":
            nonempty = True
        elif flag in "ixspl":
            options |= {"i": regex.IGNORECASE, "x": regex.VERBOSE, "s": regex.DOTALL, "p": regex.DOTALL}.get(flag, 0)
        else:
            raise JqError(f"{flags} is not a valid modifier string")
    try:
        return regexes.compiled(pattern, options), everywhere, nonempty
    except regex.error as error:
        raise JqError(f"{pattern} is not a valid regex: {error}") from None


def _matches(value: Any, pattern: Any, flags: Any) -> Iterator[dict[str, Any]]:
    compiled, everywhere, nonempty = _pattern(pattern, flags)
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) cannot be matched, as it is not a string")
    names = {number: name for name, number in compiled.groupindex.items()}
    try:
        for found in compiled.finditer(value, timeout=_REGEX_SECONDS, concurrent=True):
            if nonempty and not found.group():
                continue
            yield {
                "offset": found.start(),
                "length": found.end() - found.start(),
                "string": found.group(),
                "captures": [
                    {
                        "offset": found.start(number),
                        "length": len(found.group(number) or ""),
                        "string": found.group(number),
                        "name": names.get(number),
                    }
                    for number in range(1, compiled.groups + 1)
                ],
            }
            if not everywhere:
                return
    except TimeoutError:
        raise JqError(f"The limit of {_REGEX_SECONDS:g} seconds for a regular expression was reached") from None


@generator("match", 2)
def _match(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
    for pattern, flags in product(evaluator, arguments, scope, pair[1]):
        for found in _matches(pair[1], pattern, flags):
            yield None, found


@function("test", 2)
def _test(value: Any, pattern: Any, flags: Any) -> bool:
    return next(_matches(value, pattern, flags), None) is not None


@function("split", 2)
def _split_regex(value: Any, pattern: Any, flags: Any) -> list[str]:
    parts, last = [], 0
    for found in _matches(value, pattern, "g" + (flags or "")):
        parts.append(value[last : found["offset"]])
        last = found["offset"] + found["length"]
    return [*parts, value[last:]]


def _substitute(everywhere: bool, flags_at: int | None) -> Native:
    def native(evaluator: Evaluator, arguments: list[Node], scope: Scope, pair: Pair) -> Iterator[Pair]:
        text = pair[1]
        flag_nodes = [arguments[flags_at]] if flags_at is not None else []
        for pattern, *more in product(evaluator, [arguments[0], *flag_nodes], scope, text):
            flags = (more[0] or "" if more else "") + ("g" if everywhere else "")
            results, last = [""], 0
            for found in _matches(text, pattern, flags):
                captures = {c["name"]: c["string"] for c in found["captures"] if c["name"]}
                news = list(evaluator.values(arguments[1], scope, captures))
                before = text[last : found["offset"]]
                for new in news:
                    text_input(new, "sub replacement")
                results = [result + before + new for new in news for result in results]
                if len(results) > 1000:
                    raise JqError("The limit of 1000 results of sub was reached")
                last = found["offset"] + found["length"]
            for result in results:
                yield None, result + text_input(text, "sub")[last:]

    return native


NATIVE[("sub", 2)] = _substitute(False, None)
NATIVE[("sub", 3)] = _substitute(False, 2)
NATIVE[("gsub", 2)] = _substitute(True, None)
NATIVE[("gsub", 3)] = _substitute(True, 2)


def _cell(value: Any, style: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or values.is_number(value):
        return values.dumps(value)
    if not isinstance(value, str):
        raise JqError(f"{type_name(value)} ({values.short(value)}) is not valid in a {style} row")
    if style == "csv":
        return '"' + value.replace('"', '""') + '"'
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _shell(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "'\\''") + "'"
    if isinstance(value, (list, dict)):
        raise JqError(f"{type_name(value)} ({values.short(value)}) can not be escaped for shell")
    return values.dumps(value)


def apply_format(style: str, value: Any) -> str:
    """`@text`, `@json`, `@csv` and so on. Raises JqError."""
    if style in ("@text", "@json"):
        return values.dumps(value) if style == "@json" else tostring(value)
    if style in ("@csv", "@tsv"):
        cells = [_cell(item, style[1:]) for item in array(value)]
        return ("," if style == "@csv" else "\t").join(cells)
    if style == "@sh":
        return " ".join(_shell(item) for item in (value if isinstance(value, list) else [value]))
    text = tostring(value)
    if style == "@html":
        return html.escape(text).replace("&#x27;", "&#39;")
    if style == "@uri":
        return quote(text, safe="-_.~")
    if style == "@base64":
        return base64.b64encode(text.encode()).decode()
    if style == "@base64d":
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise JqError(f"string ({values.short(value)}) is not valid base64 data") from None
    raise JqError(f"{style} is not a valid format")
